"""`MatrixAdapter`: what the core sees of Matrix."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar

from botpay.adapters.base import Adapter, AdapterSettings, Host, Receive
from botpay.adapters.matrix.api import MatrixApi, News
from botpay.adapters.matrix.intake import Intake
from botpay.adapters.matrix.sending import MAX_TEXT, Sender
from botpay.adapters.matrix.settings import MatrixSettings
from botpay.adapters.matrix.translate import ADAPTER, Here
from botpay.errors import ConfigError, DeliveryError, Forbidden, RetryAfter, Transient
from botpay.message import Capabilities, Outbound, Receipt, SecretText

log = logging.getLogger(__name__)

SINCE = "since"
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 30.0
_REFUSED = "the homeserver refuses matrix.access_token: log in as the bot once more and set the new token"


class MatrixAdapter(Adapter):
    """One account on a homeserver. One process at a time asks for news; every process may send."""

    contract: ClassVar[int] = 1
    name: ClassVar[str] = ADAPTER
    Settings: ClassVar[type[AdapterSettings]] = MatrixSettings
    capabilities: ClassVar[Capabilities] = Capabilities(
        edit=True,
        delete_own=True,
        delete_incoming=True,
        idempotent_send=True,
        mention_by_id=True,
        redelivers=True,
        max_text=MAX_TEXT,
    )

    def __init__(self, settings: MatrixSettings) -> None:
        self._settings = settings
        self.capabilities = replace(type(self).capabilities, typed_pin=settings.typed_pin)  # type: ignore[misc] # the operator decides
        self._host: Host | None = None
        self._api = MatrixApi(settings)
        self._sender: Sender | None = None
        self._listening: asyncio.Task[None] | None = None
        self._taking: asyncio.Task[None] | None = None
        self._kept: str | None = None

    def meet(self, host: Host) -> None:
        """The core lets one process at a time listen, and keeps how far it came."""
        self._host = host

    async def start(self, receive: Receive) -> None:
        """Learn who we are, and where to go on; an account that is new to botpay begins with what is said from now on.

        Raises:
            ConfigError: the homeserver refuses the token.
            Transient: it could not be reached.
        """
        try:
            await self._api.open()
            intake = Intake(self._api, receive, self._settings, Here(self._api.user_id, self._settings.tenant))
            if await self._since() is None:
                await self._take(intake, await self._api.sync(None), None)
        except Forbidden:
            await self._api.close()
            raise ConfigError(_REFUSED) from None
        except DeliveryError as error:
            await self._api.close()
            raise Transient(str(error)) from None
        self._sender = Sender(self._api)
        self._listening = asyncio.create_task(self._listen(intake), name="matrix sync")

    async def send(self, outbound: Outbound) -> Receipt:
        """Deliver one outbound. Raises a `DeliveryError`; `Transient` before `start`."""
        if self._sender is None:
            raise Transient("the adapter is not started")
        return await self._sender.send(outbound)

    async def stop(self) -> None:
        """Stop listening, and wait for what is under way; what was not done is told again."""
        self._sender = None
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
        if self._taking is not None:
            await asyncio.wait({self._taking})
        await self._api.close()

    async def check(self) -> Sequence[str]:
        """Whether the homeserver takes our token. Works without `start`."""
        api = MatrixApi(self._settings)
        try:
            await api.open()
        except Forbidden:
            return [_REFUSED]
        except DeliveryError as error:
            return [f"{self._settings.homeserver} does not answer as a homeserver ({error}): check matrix.homeserver"]
        finally:
            await api.close()
        return []

    async def _listen(self, intake: Intake) -> None:
        async def work() -> None:
            await self._listen_for_ever(intake)

        await (self._host.alone(f"{ADAPTER}:{self._settings.tenant}", work) if self._host else work())

    async def _listen_for_ever(self, intake: Intake) -> None:
        """Ask for news and take it; where anything fails, ask for the same again after a pause."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                since = await self._since()
                news = await self._api.sync(since)
                self._taking = asyncio.create_task(self._take(intake, news, since))
                await asyncio.shield(self._taking)  # a commit that began is not cut off
                pause = _FIRST_PAUSE_SECONDS
            except Exception as error:  # noqa: BLE001 - whatever it is, people must be heard again afterwards
                log.warning("matrix news not taken: %s", type(error).__name__)
                await asyncio.sleep(max(pause, error.seconds if isinstance(error, RetryAfter) else 0))
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _take(self, intake: Intake, news: News, since: str | None) -> None:
        """Let it all be committed, and only then go on from behind it."""
        await intake.take(news, since)
        if news.next_batch != since:
            self._kept = news.next_batch
            if self._host is not None:
                await self._host.keep(self._settings.tenant, SINCE, SecretText(news.next_batch))

    async def _since(self) -> str | None:
        """How far an earlier process, or this one, came."""
        if self._host is None:
            return self._kept
        kept = await self._host.kept(self._settings.tenant, SINCE)
        return kept.reveal() if kept is not None else None

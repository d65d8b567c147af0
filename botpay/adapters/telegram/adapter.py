"""`TelegramAdapter`: what the core sees of Telegram."""

import asyncio
import hmac
import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import ClassVar

from aiohttp import web
from telegram import Bot
from telegram.error import InvalidToken, TelegramError

from botpay.adapters.base import Adapter, AdapterSettings, Host, Receive
from botpay.adapters.telegram.cards import Cards
from botpay.adapters.telegram.doctor import faults_found
from botpay.adapters.telegram.inline import InlineMode
from botpay.adapters.telegram.intake import Intake
from botpay.adapters.telegram.limits import RateLimiter
from botpay.adapters.telegram.menu import Menus, set_menus
from botpay.adapters.telegram.polling import ALLOWED_UPDATES, INLINE_UPDATES, Poller
from botpay.adapters.telegram.requests import ApiRequest, PollRequest
from botpay.adapters.telegram.sending import Sender
from botpay.adapters.telegram.settings import TelegramSettings, faults_of
from botpay.adapters.telegram.translate import ADAPTER
from botpay.adapters.telegram.webhook import answer_call
from botpay.errors import ConfigError, Transient
from botpay.message import Capabilities, Outbound, Rate, Receipt

_PAYLOAD = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)  # Bot API, deep linking

REFUSED_TOKEN = "Telegram refuses telegram.token: copy it again from @BotFather, or let it make a new one (/token)."  # noqa: S105 - a sentence


class QuietBot(Bot):
    """A bot whose token is not in its repr, so that a printed object or traceback does not give it away."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<Bot>"


class TelegramAdapter(Adapter):
    """Telegram by long polling or by webhook.

    Args:
        limiter: keeps to Telegram's limits; tests give one that does not wait.
    """

    contract = 1
    name = ADAPTER
    Settings: ClassVar[type[AdapterSettings]] = TelegramSettings
    capabilities = Capabilities(
        edit=True,
        delete_own=True,
        delete_incoming=True,
        buttons=True,
        url_buttons=True,
        suppress_previews=True,
        mention_by_id=True,  # where a person has no username
        redelivers=True,
        max_text=4096,
        per_chat=Rate(1),
        per_group=Rate(20, seconds=60),
        overall=Rate(30),
    )

    def __init__(self, settings: TelegramSettings, *, limiter: RateLimiter | None = None) -> None:
        self._settings = settings
        self._limiter = limiter or RateLimiter()
        self._host: Host | None = None
        self._bot: Bot | None = None
        self._sender: Sender | None = None
        self._intake: Intake | None = None
        self._polling: asyncio.Task[None] | None = None

    def meet(self, host: Host) -> None:
        """The core lets one process at a time poll, and reads what is typed in inline mode."""
        self._host = host

    @property
    def invite_url(self) -> str | None:
        """The link that opens the private chat with the bot, once we know who it is."""
        return self._sender.invite_url if self._sender else None

    def routes(self) -> Sequence[web.RouteDef]:
        """The webhook's route, in webhook mode."""
        if self._settings.mode == "polling":
            return ()
        return (web.post(self._settings.webhook_path, self._on_call),)

    async def start(self, receive: Receive) -> None:
        """Learn who we are and begin to receive.

        Raises:
            ConfigError: the settings do not work, or Telegram refuses the token.
            Transient: Telegram could not be reached.
        """
        for fault in faults_of(self._settings):
            raise ConfigError(fault)
        silence_libraries()
        bot = self._bot = self._new_bot()
        refusal = await self._connect(bot)
        if refusal is not None:
            await self.stop()
            raise refusal
        self._sender = Sender(bot, self._limiter, bot.username)
        me = (bot.username, str(bot.id))
        self._intake = Intake(
            receive, self._sender.answer, self._inline_mode(bot, me), me=me, tenant=self._settings.tenant
        )
        if self._settings.mode == "polling":
            self._polling = asyncio.create_task(
                self._poll(Poller(bot, self._intake, self._kinds)), name="telegram polling"
            )

    async def send(self, outbound: Outbound) -> Receipt:
        """Deliver one outbound. Raises a `DeliveryError`; `Transient` before `start`."""
        if self._sender is None:
            raise Transient("the adapter is not started")
        return await self._sender.send(outbound)

    async def stop(self) -> None:
        """Stop receiving and wait for what is under way. The webhook stays: Telegram keeps updates for us."""
        intake, self._intake = self._intake, None
        polling, self._polling = self._polling, None
        if polling is not None:
            polling.cancel()
            with suppress(asyncio.CancelledError):
                await polling
        if intake is not None:
            await intake.drain()
        self._sender = None
        bot, self._bot = self._bot, None
        if bot is not None:
            await bot.shutdown()

    async def check(self) -> Sequence[str]:
        """What an operator should mend, by the settings and by what Telegram says of this bot."""
        faults = list(faults_of(self._settings))
        if faults:
            return faults
        silence_libraries()
        bot = self._new_bot()
        try:
            await bot.initialize()
            return await faults_found(bot, self._settings, self._kinds, self._menus())
        except InvalidToken:
            return [REFUSED_TOKEN]
        except TelegramError:
            return [f"Telegram did not answer at {self._settings.base_url}: check the network and telegram.base_url."]
        finally:
            await bot.shutdown()

    def link(self, payload: str) -> str | None:
        """The deep link that opens the private chat; None before `start`.

        Raises `ValueError` for a payload that no link can hold.
        """
        if not _PAYLOAD.fullmatch(payload):
            raise ValueError("the payload of a link is 1 to 64 of A-Z a-z 0-9 _ -")
        return None if self._bot is None else f"https://t.me/{self._bot.username}?start={payload}"

    def _menus(self) -> Menus:
        return {} if self._host is None else self._host.menus()

    @property
    def _kinds(self) -> Sequence[str]:
        """The kinds of updates that we ask for."""
        return (*ALLOWED_UPDATES, *INLINE_UPDATES) if self._settings.inline else ALLOWED_UPDATES

    def _inline_mode(self, bot: Bot, me: tuple[str, ...]) -> InlineMode | None:
        if self._host is None or not self._settings.inline:
            return None
        secret = hmac.digest(self._settings.token.get_secret_value().encode(), b"cards of inline mode", "sha256")
        return InlineMode(bot, self._host, self._limiter, Cards(secret, me, self._settings.tenant))

    async def _poll(self, poller: Poller) -> None:
        """Poll, in this process or another: Telegram ends one of two polls of a bot with an error (409)."""
        if self._host is None:
            await poller.run()
        else:
            await self._host.alone(f"{ADAPTER}:{self._settings.tenant}:polling", poller.run)

    async def _on_call(self, request: web.Request) -> web.Response:
        intake, secret = self._intake, self._settings.webhook_secret
        if intake is None or secret is None:
            return web.Response(status=503)
        return await answer_call(request, secret.get_secret_value(), intake.take)

    async def _connect(self, bot: Bot) -> ConfigError | Transient | None:
        """Say who we are and where updates go. An error is returned: Telegram's own, its context, names the token."""
        try:
            await bot.initialize()
            await self._set_delivery(bot)
            await set_menus(bot, self._menus())
        except InvalidToken:
            return ConfigError(REFUSED_TOKEN)
        except TelegramError as fault:
            return Transient(f"Telegram could not be reached ({type(fault).__name__})")
        return None

    async def _set_delivery(self, bot: Bot) -> None:
        """Polling or webhook. What waits at Telegram is never dropped: it may be payments."""
        if self._settings.mode == "polling":
            await bot.delete_webhook(drop_pending_updates=False)
        elif self._settings.webhook_url is not None and self._settings.webhook_secret is not None:
            await bot.set_webhook(
                self._settings.webhook_url,
                secret_token=self._settings.webhook_secret.get_secret_value(),
                allowed_updates=self._kinds,
                drop_pending_updates=False,
            )

    def _new_bot(self) -> Bot:
        return QuietBot(
            self._settings.token.get_secret_value(),
            base_url=self._settings.base_url,
            request=ApiRequest(read_timeout=10),
            get_updates_request=PollRequest(connection_pool_size=1),
        )


def silence_libraries() -> None:
    """Keep tokens and messages out of logs, whatever level the root logger has.

    httpx logs each URL, which holds the token; httpcore logs requests; python-telegram-bot logs parameters and
    updates, at CRITICAL even where it cannot read one. All that matters comes to us as exceptions.
    """
    for library in ("httpx", "httpcore", "telegram"):
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)

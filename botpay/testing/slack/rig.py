"""The adapter on a fake Slack, with a core that only notes: for tests below the application."""

import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Self

from aiohttp import web
from pydantic import SecretStr

from botpay.adapters.slack import SlackAdapter, SlackSettings
from botpay.adapters.slack.flow import ChannelPace
from botpay.app import lent_to
from botpay.clock import system_clock
from botpay.config import Keys
from botpay.database import Database
from botpay.lending import Lent
from botpay.message import Inbound, Outbound, Receipt, Visibility
from botpay.testing.play import embedded
from botpay.testing.slack.fake import FakeSlack
from botpay.testing.slack.world import Channel, Message


class SlackRig:
    """Starts a fake, a web server and the adapter; `async with SlackRig() as rig`.

    Attributes:
        received: what the adapter handed over, oldest first.
        faults: what `receive` raises next, one a call, before it takes anything again.
        ahead: how many seconds the adapter's clock is ahead.

    Args:
        many: any workspace may install the app, instead of one that gave its token.
    """

    def __init__(self, mode: Literal["http", "socket"] = "http", *, many: bool = False) -> None:
        self.fake = FakeSlack(transport=mode)
        self._folder = tempfile.TemporaryDirectory(prefix="botpay-")
        self._many = many
        self.received: list[Inbound] = []
        self.faults: list[Exception] = []
        self.ahead = 0.0
        self._mode = mode

    async def __aenter__(self) -> Self:
        await self.fake.start()
        listening = socket.create_server(("127.0.0.1", 0))
        self.url = "http://{}:{}".format(*listening.getsockname())
        changed = for_many(self.fake, self.url) if self._many else {}
        self.adapter = SlackAdapter(settings(self.fake, mode=self._mode, **changed), pace=unhurried(), clock=self.now)
        if self._many:
            self.adapter.meet(self._lend())
        self._runner = web.AppRunner(web.Application(), access_log=None)
        self._runner.app.add_routes(self.adapter.routes())
        await self._runner.setup()
        await web.SockSite(self._runner, listening).start()
        self.fake.set_request_url(f"{self.url}/slack/events")
        await self.adapter.start(self.receive)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.adapter.stop()
        await self._runner.cleanup()
        await self.fake.stop()
        if self._many:
            self.host.database.close()
        self._folder.cleanup()

    def _lend(self) -> Lent:
        """The core's own place for tokens, on a database of its own."""
        settings = embedded(self.database, Keys.fresh())
        self.host = lent_to(self.adapter, settings, Database(settings.database), system_clock)
        return self.host

    @property
    def database(self) -> Path:
        """The file in which tokens are kept."""
        return Path(self._folder.name) / "kept.sqlite"

    async def receive(self, inbound: Inbound) -> None:
        """Take an inbound, or refuse it as told."""
        if self.faults:
            raise self.faults.pop(0)
        self.received.append(inbound)

    def now(self) -> float:
        """The adapter's time; `ahead` of ours."""
        return time.time() + self.ahead

    @property
    def last(self) -> Inbound:
        """What was received last."""
        return self.received[-1]

    @property
    def texts(self) -> list[str]:
        """The texts that were received."""
        return [inbound.text.reveal() for inbound in self.received]

    def sent(self, receipt: Receipt) -> Message:
        """The message that a receipt refers to, as it stands now."""
        channel, _, timestamp = str(receipt.ref).rpartition(":")
        return self.fake.world.messages[channel, timestamp]


def unhurried(clock: Callable[[], float] = time.monotonic) -> ChannelPace:
    """No waiting between messages: the fake has no limits of its own. After a 429 the clock decides."""
    return ChannelPace(period_seconds=0, clock=clock)


def for_many(fake: FakeSlack, public_url: str) -> dict[str, Any]:
    """The settings with which any workspace of this fake may install the app."""
    return {
        "bot_token": None,
        "client_id": fake.oauth.client_id,
        "client_secret": SecretStr(fake.oauth.client_secret),
        "public_url": public_url,
    }


def settings(fake: FakeSlack, **changed: Any) -> SlackSettings:
    """The settings with which the adapter works on this fake, changed as told."""
    given: dict[str, Any] = {
        "bot_token": SecretStr(fake.bot_token),
        "signing_secret": SecretStr(fake.signing_secret),
        "app_token": SecretStr(fake.app_token),
        "base_url": fake.base_url,
    }
    return SlackSettings(**(given | changed))


def private(text: str, **more: Any) -> Outbound:
    """An outbound to U0ALICE alone, or to whom `to` names."""
    given: dict[str, Any] = {"id": "o1", "adapter": "slack", "tenant": "T0FAKE", "to": "U0ALICE"}
    return Outbound(text=text, visibility=Visibility.PRIVATE, **(given | more))


def public(text: str, channel: Channel, **more: Any) -> Outbound:
    """An outbound to everybody in a channel."""
    given: dict[str, Any] = {"id": "o2", "adapter": "slack", "tenant": "T0FAKE", "chat": channel.id}
    return Outbound(text=text, visibility=Visibility.PUBLIC, **(given | more))

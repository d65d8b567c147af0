"""The adapter on a fake Slack, with a core that only notes: for tests below the application."""

from typing import Any, Literal, Self

from aiohttp import web
from pydantic import SecretStr

from botpay.adapters.slack import SlackAdapter, SlackSettings
from botpay.adapters.slack.flow import ChannelPace
from botpay.message import Inbound, Outbound, Receipt, Visibility
from botpay.testing.slack.fake import FakeSlack
from botpay.testing.slack.world import Channel, Message


class SlackRig:
    """Starts a fake, a web server and the adapter; `async with SlackRig() as rig`.

    Attributes:
        received: what the adapter handed over, oldest first.
        faults: what `receive` raises next, one a call, before it takes anything again.
    """

    def __init__(self, mode: Literal["http", "socket"] = "http") -> None:
        self.fake = FakeSlack(transport=mode)
        self.received: list[Inbound] = []
        self.faults: list[Exception] = []
        self._mode = mode

    async def __aenter__(self) -> Self:
        await self.fake.start()
        self.adapter = SlackAdapter(settings(self.fake, mode=self._mode), pace=unhurried())
        self._runner = web.AppRunner(web.Application(), access_log=None)
        self._runner.app.add_routes(self.adapter.routes())
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.fake.set_request_url(f"http://{host}:{port}/slack/events")
        await self.adapter.start(self.receive)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.adapter.stop()
        await self._runner.cleanup()
        await self.fake.stop()

    async def receive(self, inbound: Inbound) -> None:
        """Take an inbound, or refuse it as told."""
        if self.faults:
            raise self.faults.pop(0)
        self.received.append(inbound)

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


def unhurried() -> ChannelPace:
    """No waiting between messages: the fake has no limits of its own."""
    return ChannelPace(period_seconds=0)


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

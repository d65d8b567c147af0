"""The Slack stage with a core of a few lines: what scenarios can rely on."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from botpay.errors import Busy
from botpay.message import Button, Flag, Inbound, Keypad, Outbound, Visibility
from botpay.testing.slack import SlackStage
from botpay.testing.stage import Line, Manner

ROWS = tuple(tuple(Button(digit, digit) for digit in row) for row in ("123", "456", "789", "0"))


class MiniCore:
    """Asks for a PIN at "#envoyer", answers in public at "hello", and forgets all else."""

    def __init__(self, stage: SlackStage) -> None:
        self.stage = stage
        self.received: list[Inbound] = []
        self.entered = ""
        self.asks = "10,00 EUR à Bob ? PIN"
        self.prompt: str | None = None
        self.refuse = 0

    async def receive(self, inbound: Inbound) -> None:
        if self.refuse:
            self.refuse -= 1
            raise Busy("full")
        self.received.append(inbound)
        if inbound.press is not None:
            await self.press(inbound.press.token, str(inbound.press.surface))
        elif "#envoyer" in inbound.text.reveal() and not inbound.flags:
            self.entered, self.prompt = "", await self.tell(self.asks, self.keypad())
        elif inbound.text.reveal() == "hello":
            public = Outbound(
                id="p", adapter="slack", tenant="T0FAKE", visibility=Visibility.PUBLIC, chat=inbound.chat.id, text="Hi"
            )
            await self.stage.adapter.send(public)

    async def press(self, token: str, surface: str) -> None:
        self.entered += token
        if len(self.entered) < 4:
            await self.tell(self.asks, self.keypad(), surface)
        elif self.entered == "4829":
            await self.tell("Payé.", None, surface)
            await self.tell("Payé.", None, self.prompt)
        else:
            self.entered, self.asks = "", "Code faux."
            await self.tell(self.asks, self.keypad(), surface)
            await self.tell(self.asks, self.keypad(), self.prompt)

    def keypad(self) -> Keypad:
        return Keypad("PIN", "Saisir", ROWS, "●" * len(self.entered))

    async def tell(self, text: str, keypad: Keypad | None, replaces: str | None = None) -> str | None:
        given: dict[str, Any] = {"id": "x", "adapter": "slack", "tenant": "T0FAKE", "to": "U0ALICE"}
        visibility = Visibility.PRIVATE
        outbound = Outbound(**given, visibility=visibility, text=text, keypad=keypad, replaces=replaces)
        return (await self.stage.adapter.send(outbound)).ref


@pytest.fixture(params=["http", "socket"])
async def core(request: pytest.FixtureRequest) -> AsyncIterator[MiniCore]:
    """A stage on which the bot runs."""
    stage = SlackStage(mode=request.param)
    await stage.start()
    core = MiniCore(stage)
    runner = web.AppRunner(web.Application(), access_log=None)
    runner.app.add_routes(stage.adapter.routes())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    await stage.connect(f"http://{host}:{port}/")
    await stage.adapter.start(core.receive)
    yield core
    await stage.adapter.stop()
    await runner.cleanup()
    await stage.stop()


async def test_a_payment(core: MiniCore) -> None:
    """The prompt, a wrong PIN and the end are a line each, although prompt and modal both show them; dots are none."""
    stage = core.stage
    await stage.say("alice", "@botpay #envoyer 10 € @bob")
    assert stage.take_lines() == [Line("alice", "10,00 EUR à Bob ? PIN")] * 2  # two notices of one post, no dedupe here
    await stage.enter_pin("alice", "1111")
    assert stage.take_lines() == [Line("alice", "Code faux.")]
    await stage.enter_pin("alice", "4829")
    assert stage.take_lines() == [Line("alice", "Payé.")]
    assert stage.take_lines() == []


async def test_a_pin_without_a_prompt_is_typed(core: MiniCore) -> None:
    """Where no prompt is open, people type what they would have keyed in, to the bot alone."""
    await core.stage.enter_pin("alice", "4829")
    assert core.received[-1].text.reveal() == "4829"
    assert core.received[-1].chat.visibility is Visibility.PRIVATE


async def test_public_and_private(core: MiniCore) -> None:
    """What is said in the group is answered there, to everybody."""
    await core.stage.say("bob", "hello")
    assert core.stage.take_lines() == [Line(None, "Hi")]
    assert core.received[-1].author == core.stage.actor("bob")
    assert core.received[-1].chat.visibility is Visibility.PUBLIC


async def test_manners(core: MiniCore) -> None:
    """Again is the same event, an edit and a forward are flagged, a line that begins with "/" is a command."""
    stage = core.stage
    await stage.say("alice", "solde", private=True)
    await stage.say("bob", "solde", private=True)
    await stage.say("alice", "", manner=Manner.AGAIN)
    first, _, again = core.received
    assert first.event_id == again.event_id
    await stage.say("alice", "historique", private=True, manner=Manner.EDIT)
    assert core.received[-1].flags == {Flag.EDITED}
    await stage.say("alice", "#envoyer 5 € @bob", manner=Manner.FORWARD)
    assert core.received[-1].flags == {Flag.FORWARDED}
    await stage.say("alice", "/envoyer 5 € @bob")
    assert core.received[-1].text.reveal() == "/envoyer 5 € <@U0BOB>"


async def test_what_is_refused_is_said_again(core: MiniCore) -> None:
    """A line returns once the bot has taken it, though Slack had to bring it twice."""
    core.stage.fake.sockets.answer_seconds = 0.2
    core.refuse = 1
    core.stage.actor("bob")
    await core.stage.say("alice", "solde", private=True)
    assert [inbound.text.reveal() for inbound in core.received] == ["solde"]

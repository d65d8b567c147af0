"""The stage plays people on Telegram: what they do reaches `receive` as the adapter translates it."""

from collections.abc import AsyncIterator
from typing import Literal

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from botpay.message import Button, Flag, Inbound, Keypad, Outbound, Visibility
from botpay.testing.stage import Line, Manner
from botpay.testing.telegram import TelegramStage

Mode = Literal["polling", "webhook"]


class Bot:
    """A bot that repeats what it hears in the group, and asks for a PIN in private."""

    def __init__(self, stage: TelegramStage) -> None:
        self.stage = stage
        self.received: list[Inbound] = []
        self.entered = ""

    async def receive(self, inbound: Inbound) -> None:
        """Note it, and answer."""
        self.received.append(inbound)
        if inbound.press is not None:
            self.entered += inbound.press.token
            await self.prompt(inbound, inbound.press.surface)
        elif inbound.chat.visibility is Visibility.PRIVATE:
            await self.prompt(inbound, None)
        else:
            await self.stage.adapter.send(
                Outbound(
                    id=inbound.event_id,
                    adapter="telegram",
                    tenant="main",
                    visibility=Visibility.PUBLIC,
                    chat=inbound.chat.id,
                    text=f"Reçu : {inbound.text.reveal()}",
                )
            )

    async def prompt(self, inbound: Inbound, surface: str | None) -> None:
        """Ask for a PIN of three digits, in place."""
        assert inbound.author is not None
        rows = tuple(tuple(Button(digit, digit) for digit in row) for row in ("123", "456", "789", "0"))
        is_open = len(self.entered) < 3
        await self.stage.adapter.send(
            Outbound(
                id=inbound.event_id,
                adapter="telegram",
                tenant="main",
                visibility=Visibility.PRIVATE,
                to=inbound.author.id,
                text="PIN ?" if is_open else "Payé.\n\nMerci !",
                keypad=Keypad("PIN", "PIN", rows, "●" * len(self.entered) + "○" * (3 - len(self.entered)))
                if is_open
                else None,
                replaces=surface,
            )
        )


@pytest.fixture(params=["polling", "webhook"])
async def bot(request: pytest.FixtureRequest) -> AsyncIterator[Bot]:
    """A bot on a stage, by polling and by webhook."""
    mode: Mode = request.param
    stage = TelegramStage(mode)
    await stage.start()
    bot = Bot(stage)
    app = web.Application()
    app.add_routes(stage.adapter.routes())
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    await stage.connect(str(server.make_url("")))
    await stage.adapter.start(bot.receive)
    yield bot
    await stage.adapter.stop()
    await server.close()
    await stage.stop()


async def test_a_person_is_who_the_adapter_says(bot: Bot) -> None:
    """`actor` gives what the messages of that person carry."""
    await bot.stage.say("alice", "hello")
    assert bot.received[0].author == bot.stage.actor("alice")
    assert bot.stage.actor("alice").id == "1001"
    assert bot.stage.actor("bob").handle == "bob"


async def test_each_manner_arrives_as_what_it_is(bot: Bot) -> None:
    """Fresh words, the same once more, edited and forwarded ones: each is received before `say` returns."""
    await bot.stage.say("alice", "one")
    await bot.stage.say("alice", "one", manner=Manner.AGAIN)
    await bot.stage.say("alice", "two", manner=Manner.EDIT)
    await bot.stage.say("alice", "three", manner=Manner.FORWARD)
    seen = [(inbound.text.reveal(), set(inbound.flags)) for inbound in bot.received]
    assert seen == [("one", set()), ("one", set()), ("two", {Flag.EDITED}), ("three", {Flag.FORWARDED})]
    assert bot.received[0] == bot.received[1]


async def test_the_last_message_comes_again_also_after_presses(bot: Bot) -> None:
    """AGAIN repeats what the person wrote last, not what they tapped last."""
    await bot.stage.say("alice", "pay", private=True)
    await bot.stage.enter_pin("alice", "12")
    await bot.stage.say("alice", "pay", private=True, manner=Manner.AGAIN)
    assert bot.received[-1] == bot.received[0]


async def test_public_and_private_lines_are_told_apart(bot: Bot) -> None:
    """What stands in the group is for everybody, what stands in a private chat for its person; each is told once."""
    await bot.stage.say("alice", "hello")
    await bot.stage.say("bob", "pay", private=True)
    assert bot.stage.take_lines() == [Line(None, "Reçu : hello"), Line("bob", "PIN ?")]
    assert bot.stage.take_lines() == []


async def test_a_pin_is_tapped_and_only_words_are_lines(bot: Bot) -> None:
    """Each digit is a tap on the open keypad; dots are no lines, the words that replace the prompt are."""
    await bot.stage.say("alice", "pay", private=True)
    await bot.stage.enter_pin("alice", "482")
    assert bot.entered == "482"
    assert bot.stage.take_lines() == [Line("alice", "PIN ?"), Line("alice", "Payé.\n\nMerci !")]


async def test_without_an_open_keypad_a_pin_is_typed(bot: Bot) -> None:
    """Where nothing asks for a PIN no key is tapped, nor one of somebody else's: it arrives as a private message."""
    await bot.stage.say("alice", "pay", private=True)
    await bot.stage.enter_pin("bob", "482")
    assert bot.received[-1].author == bot.stage.actor("bob")
    for _ in range(2):
        await bot.stage.enter_pin("alice", "482")
    assert [inbound.press is not None for inbound in bot.received] == [False, False, True, True, True, False]

"""Attacks by who makes rooms and events on Matrix: stopping everybody's payments, and reading others' private words."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from botpay.adapters.matrix.rooms import room_of
from botpay.app import Application
from botpay.config import Keys
from botpay.testing.clocks import FixedClock
from botpay.testing.matrix.homeserver import BOT
from botpay.testing.matrix.stage import MatrixStage
from botpay.testing.play import embedded, on_stage, settle_in

THIRD_PARTY = {"display_name": "t…", "public_key": "key", "key_validity_url": "https://id.example/valid"}
ODD_STATE = [
    ("m.room.join_rules", {"join_rule": []}),
    ("m.room.join_rules", {"join_rule": {}}),
]
ODD_WORDS: list[dict[str, Any]] = [
    {"body": "bonjour", "formatted_body": "<![\n"},
    {"body": "bonjour", "formatted_body": "<a/" * 20_000},
    {"body": "bonjour", "formatted_body": '<a href="' * 6_000},
    {"body": "#donner 1 € #eaupourtous \ud800"},
    {"body": "#donner 1 € #eaupourtous", "m.mentions": {"user_ids": [[]]}},
]


@dataclass(frozen=True, slots=True)
class Scene:
    """An installation on Matrix, with a thief who has no account."""

    application: Application
    stage: MatrixStage
    thief: str

    async def reads(self, who: str, words: str) -> str:
        """Somebody writes to the bot alone; what the bot then says to them there."""
        self.stage.take_lines()
        async with asyncio.timeout(10):
            await self.stage.say(who, words, private=True)
        await self.application.settled()
        return "\n".join(line.text for line in self.stage.take_lines() if line.to == who)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """Alice and Bob have accounts."""
    settings, stage = embedded(tmp_path / "matrix.sqlite", Keys.fresh()), MatrixStage()
    async with on_stage(settings, stage, FixedClock()) as application:
        settle_in(application, stage)
        yield Scene(application, stage, stage.homeserver.user("thief"))


@pytest.mark.parametrize("content", ODD_WORDS, ids=range(len(ODD_WORDS)))
async def test_no_event_stops_everybodys_payments(scene: Scene, content: dict[str, Any]) -> None:
    """Whatever a stranger writes to the bot, what others write after it is heard."""
    world = scene.stage.homeserver.world
    room = world.create(scene.thief, {"invite": [BOT], "is_direct": True})
    await scene.stage.homeserver.delivered()
    world.say(room, scene.thief, {"msgtype": "m.text", "format": "org.matrix.custom.html", **content})
    assert "300,00" in await scene.reads("alice", "#solde")


@pytest.mark.parametrize(("kind", "content"), ODD_STATE)
async def test_no_room_stops_everybodys_payments(scene: Scene, kind: str, content: dict[str, Any]) -> None:
    """A room whose state makes no sense is none that is private, and keeps nobody else from being heard."""
    world = scene.stage.homeserver.world
    odd = {"type": kind, "content": content}
    room = world.create(scene.thief, {"invite": [BOT], "is_direct": True, "initial_state": [odd]})
    await scene.stage.homeserver.delivered()
    world.say(room, scene.thief, {"msgtype": "m.text", "body": "bonjour"})
    assert "300,00" in await scene.reads("alice", "#solde")
    assert not room_of(room.state.values()).is_private(BOT, scene.thief)


async def test_who_holds_an_invitation_by_mail_is_not_let_listen(scene: Scene) -> None:
    """A room that somebody made, invited a mail address of theirs to, and left is not private: they can come back."""
    world, alice = scene.stage.homeserver.world, scene.stage.user("alice")
    trap = world.create(scene.thief, {"invite": [BOT, alice]})
    world.put(trap, scene.thief, "m.room.third_party_invite", THIRD_PARTY, "token")
    await scene.stage.homeserver.delivered()
    world.leave(trap, scene.thief)
    world.say(trap, alice, {"msgtype": "m.text", "body": "#solde", "m.mentions": {}})
    await scene.stage.homeserver.delivered()
    await scene.application.settled()
    said = [event["content"].get("body", "") for _, event in trap.events if event["sender"] == BOT]
    assert not any("300,00" in words for words in said)


def test_an_invitation_by_mail_that_was_taken_back_is_none() -> None:
    """Taking it back leaves the state empty (Matrix 1.11, m.room.third_party_invite)."""
    state = [
        {"type": "m.room.member", "state_key": BOT, "content": {"membership": "join"}},
        {"type": "m.room.member", "state_key": "@a:x", "content": {"membership": "join"}},
        {"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": "invite"}},
        {"type": "m.room.third_party_invite", "state_key": "token", "content": {}},
    ]
    assert room_of(state).is_private(BOT, "@a:x")

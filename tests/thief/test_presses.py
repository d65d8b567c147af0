"""Presses on Telegram by others than the sender, forged, moved and repeated: through the adapter and the whole core."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from botpay.app import Application
from botpay.audit import verify as audit
from botpay.config import Keys
from botpay.ledger import verify as ledger
from botpay.testing.clocks import FixedClock
from botpay.testing.play import ALICE, BOB, embedded, on_stage, settle_in
from botpay.testing.telegram import FakeMessage, TelegramStage

KEYS = Keys.fresh()


@dataclass
class Scene:
    """Alice has asked to send Bob 10 EUR, and has the keys before her."""

    application: Application
    stage: TelegramStage

    @property
    def prompt(self) -> FakeMessage:
        """The message with Alice's keys."""
        return next(m for m in reversed(self.stage.user("alice").sees()) if m.buttons)

    async def forged(self, who: str, message: FakeMessage, data: str) -> None:
        """Somebody sends data as if a button of a message had it."""
        await self.stage.user(who).forge_press(message, data)
        await self.stage.telegram.delivered()
        await self.application.settled()

    def keys(self) -> dict[str, str]:
        """What stands behind each of Alice's keys."""
        return {button.label: button.data or "" for row in self.prompt.buttons for button in row}

    def problems(self) -> list[str]:
        """What ledger and audit find wrong."""
        with self.application.database.read() as connection:
            key = bytes.fromhex(KEYS.audit.get_secret_value())
            return [*ledger.problems(connection), *audit.problems(connection, key)]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A group on Telegram with Alice and Bob in it."""
    clock, stage = FixedClock(), TelegramStage()
    async with on_stage(embedded(tmp_path / "scene.sqlite", KEYS), stage, clock) as application:
        settle_in(application, stage)
        await stage.say("alice", "#envoyer 10 € @bob")
        await application.settled()
        stage.take_lines()
        yield Scene(application, stage)


async def test_the_payee_cannot_press_the_senders_keys(scene: Scene) -> None:
    """Bob sends his own PIN with the tokens of Alice's keys, from his chat and as if from hers: nothing happens."""
    keys = scene.keys()
    await scene.stage.say("bob", "#solde", private=True)
    await scene.application.settled()
    for message in (scene.prompt, scene.stage.user("bob").sees()[-1]):
        for digit in BOB.pin:
            await scene.forged("bob", message, keys[digit])
    assert scene.prompt.text.endswith("○○○○○○")
    assert [line.to for line in scene.stage.take_lines()] == ["bob"]  # his balance, and no answer to the presses


async def test_forged_presses_change_nothing(scene: Scene) -> None:
    """What no key of ours sends is ignored: digits, other names, cut and lengthened tokens, odd characters."""
    token = scene.keys()["4"]
    for data in (
        "4",
        "",
        "cancel",
        token[:-1],
        token + "A",
        token.swapcase(),
        token.replace(".", ".."),
        "é.\x00",
        "." * 64,
    ):
        await scene.forged("alice", scene.prompt, data)
    assert scene.prompt.text.endswith("○○○○○○")
    assert scene.stage.take_lines() == []


async def test_a_press_that_comes_twice_counts_once(scene: Scene) -> None:
    """Telegram repeats every press of a PIN: each digit is entered once, the payment is made once."""
    for digit in ALICE.pin:
        await scene.stage.press("alice", digit)
        scene.stage.telegram.redeliver_last(scene.stage.user("alice"), "callback_query")
        await scene.stage.telegram.delivered()
    await scene.application.settled()
    told = scene.stage.take_lines()
    assert [line.to for line in told] == ["alice", "bob"]
    assert "290,00" in told[0].text
    assert "310,00" in told[1].text
    assert scene.problems() == []


async def test_keys_are_of_no_use_after_the_end(scene: Scene) -> None:
    """The keys of a payment that was made start no second one, whoever presses them in whatever order."""
    prompt, keys = scene.prompt, scene.keys()
    await scene.stage.enter_pin("alice", ALICE.pin)
    await scene.application.settled()
    for digit in ALICE.pin:
        await scene.forged("alice", prompt, keys[digit])
    await scene.stage.say("alice", "#solde", private=True)
    await scene.application.settled()
    assert "290,00" in scene.stage.take_lines()[-1].text

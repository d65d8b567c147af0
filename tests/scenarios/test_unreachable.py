"""People whom the bot may not write to: what is private stays private, and they are shown the way."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botpay.app import Application
from botpay.config import Keys
from botpay.testing.chat import plain
from botpay.testing.clocks import FixedClock
from botpay.testing.play import ALICE, embedded, on_stage, settle_in
from botpay.testing.telegram import FakeMessage, TelegramStage


class Met:
    """An application on Telegram, with alice and bob in a group."""

    def __init__(self, application: Application, stage: TelegramStage) -> None:
        self.application, self.stage = application, stage

    async def pays(self, pin: str | None = ALICE.pin) -> None:
        """Alice pays bob ten euros, up to the PIN or with it."""
        await self.stage.say("alice", "#envoyer 10 euros @bob")
        await self.application.settled()
        if pin is not None:
            await self.stage.enter_pin("alice", pin)
            await self.application.settled()

    def group(self) -> list[FakeMessage]:
        """What the bot said in the group."""
        return [m for m in self.stage.telegram.messages(self.stage.group) if m.is_bots]


@pytest.fixture
async def met(tmp_path: Path) -> AsyncIterator[Met]:
    """A started installation."""
    stage, clock = TelegramStage(mode="polling"), FixedClock()
    async with on_stage(embedded(tmp_path / "chat.sqlite", Keys.fresh()), stage, clock) as application:
        settle_in(application, stage)
        yield Met(application, stage)


async def test_a_payee_who_never_met_the_bot_is_told_in_the_group_without_the_sum(met: Met) -> None:
    """Who cannot be written to reads in the group that money came, but neither how much nor what they have."""
    met.stage.user("bob").started = False
    await met.pays()
    told = [plain(message.text) for message in met.group()]
    assert told == [
        "Bob Martin (@bob), Alice Durand (@alice) vous a laissé un message : ouvrez une conversation privée avec moi."
    ]
    await met.stage.user("bob").start()
    await met.stage.say("bob", "#solde", private=True)
    await met.application.settled()
    assert plain(met.stage.user("bob").sees()[-1].text) == "Vous avez 310,00 €."


async def test_a_payee_who_met_the_bot_is_told_in_private_alone(met: Met) -> None:
    """Where the payee can be reached, the group reads nothing."""
    await met.pays()
    assert met.group() == []
    assert "10,00 €" in plain(met.stage.user("bob").sees()[-1].text)


async def test_a_sender_who_never_met_the_bot_finds_the_prompt_behind_the_groups_button(met: Met) -> None:
    """The group reads no sum, only a button that opens the private chat; Start there shows the prompt, and it pays."""
    alice = met.stage.user("alice")
    alice.started = False
    await met.pays(pin=None)
    [hint] = met.group()
    assert plain(hint.text) == "@alice, rien n’est parti. Ouvrez une conversation privée avec moi pour continuer."
    [[button]] = hint.buttons
    assert button.url is not None
    assert button.url.startswith("https://t.me/")
    assert "?start=" in button.url
    await alice.start(button.url.partition("?start=")[2])
    await met.stage.telegram.delivered()
    await met.application.settled()
    await met.stage.enter_pin("alice", ALICE.pin)
    await met.application.settled()
    assert any("C’est fait" in message.text for message in alice.sees())
    assert "10,00 €" in plain(met.stage.user("bob").sees()[-1].text)


async def test_a_strangers_start_shows_nobody_elses_prompt(met: Met) -> None:
    """The link is not a key: who else opens it is asked to enrol, and sees nothing of the payment."""
    met.stage.user("alice").started = False
    await met.pays(pin=None)
    mallory = met.stage.user("mallory")
    await mallory.start("open")
    await met.stage.telegram.delivered()
    await met.application.settled()
    assert [message.labels() for message in mallory.sees() if message.labels()] == [["Français", "English"]]
    assert not any("10,00 € à Bob" in plain(message.text) for message in mallory.sees())


async def test_who_blocked_the_bot_is_told_in_the_group_and_reads_again_after_coming_back(met: Met) -> None:
    """Blocking loses no money: the group shows the way, and after Start everything is there."""
    bob = met.stage.user("bob")
    await bob.block()
    await met.pays()
    assert len(met.group()) == 1
    assert not any("10,00 €" in plain(message.text) for message in bob.sees())
    await bob.start()
    await met.stage.say("bob", "#historique", private=True)
    await met.application.settled()
    assert "10,00 € reçus, envoyés par Alice Durand" in plain(bob.sees()[-1].text)

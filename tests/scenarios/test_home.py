"""The bot's own page (Slack's App Home): each person's money, seen by that person alone, and never stale."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botpay.app import Application
from botpay.config import Keys
from botpay.testing.chat import plain
from botpay.testing.clocks import FixedClock
from botpay.testing.play import ALICE, embedded, on_stage, settle_in
from botpay.testing.slack import Person, SlackStage


class Looked:
    """An application on Slack, with alice and bob."""

    def __init__(self, application: Application, stage: SlackStage) -> None:
        self.application, self.stage = application, stage

    async def home(self, who: str) -> str:
        """What somebody's Home tab says once it was opened."""
        await self.stage.fake.user(who).open_home()
        await self.application.settled()
        return shown(self.stage.fake.user(who))

    async def pays(self) -> None:
        """Alice pays bob ten euros."""
        await self.stage.say("alice", "#envoyer 10 euros @bob")
        await self.application.settled()
        await self.stage.enter_pin("alice", ALICE.pin)
        await self.application.settled()


def shown(person: Person) -> str:
    """What stands on a person's Home tab."""
    return plain(person.home.shown) if person.home else ""


@pytest.fixture
async def looked(tmp_path: Path) -> AsyncIterator[Looked]:
    """A started installation."""
    stage, clock = SlackStage(), FixedClock()
    async with on_stage(embedded(tmp_path / "chat.sqlite", Keys.fresh()), stage, clock) as application:
        settle_in(application, stage)
        yield Looked(application, stage)


async def test_it_shows_balance_and_last_payments(looked: Looked) -> None:
    """Who opens it reads what they have and what moved; after a payment both sides read it anew, unasked."""
    assert await looked.home("alice") == await looked.home("bob")
    assert shown(looked.stage.fake.user("alice")).startswith("Vous avez 300,00 €.\n\nVos derniers paiements :\n")
    await looked.pays()
    alice, bob = (shown(looked.stage.fake.user(who)) for who in ("alice", "bob"))
    assert alice.startswith("Vous avez 290,00 €.")
    assert "10,00 € envoyés à Bob Martin" in alice
    assert bob.startswith("Vous avez 310,00 €.")
    assert "10,00 € reçus, envoyés par Alice Durand" in bob


async def test_who_did_not_open_it_is_not_shown_one(looked: Looked) -> None:
    """Nobody's page is filled unasked."""
    await looked.home("alice")
    await looked.pays()
    assert looked.stage.fake.user("bob").home is None


async def test_strangers_read_how_to_join(looked: Looked) -> None:
    """Who has no account sees no money, but how to get one."""
    assert "slack:T0FAKE:U0MALLORY" in await looked.home("mallory")


async def test_its_button_helps(looked: Looked) -> None:
    """The button answers with help in the private chat."""
    await looked.home("alice")
    alice = looked.stage.fake.user("alice")
    assert alice.home is not None
    await alice.press(alice.home, "Comment payer\u202f?")
    await looked.application.settled()
    assert plain(alice.sees()[-1]).startswith("Écrivez par exemple :")


async def test_it_is_private(looked: Looked) -> None:
    """What stands on a page is shown to its person alone."""
    await looked.home("alice")
    await looked.home("mallory")
    saw = [event.shown for who in ("bob", "mallory") for event in looked.stage.fake.user(who).saw]
    assert not any("300,00" in plain(text) for text in saw)

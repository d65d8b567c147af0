"""Two workspaces in one installation: each lets the app in, pays among its own people, and may throw it out again."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from botpay.app import Application
from botpay.config import Keys, Web
from botpay.message import Actor, SecretText
from botpay.money import Money
from botpay.testing.chat import plain
from botpay.testing.play import ALICE, embedded
from botpay.testing.slack import Person, SlackStage
from botpay.testing.slack.oauth import Consent
from botpay.testing.slack.rig import for_many

HERE, THERE = "T0FAKE", "T0OTHER"


class Towns(SlackStage):
    """A Slack on which any workspace may install the app; nobody has yet."""

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()
        self.changed = for_many(self.fake, f"http://127.0.0.1:{self.port}")
        self.fake.installations.clear()

    async def install(self, team_id: str) -> None:
        """Somebody of a workspace clicks their way through."""
        self.fake.oauth.consent = Consent(team_id)
        url = f"http://127.0.0.1:{self.port}/slack/install"
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as browser, browser.get(url) as page:
            assert await page.text() == "Slack"

    def enrol(self, application: Application, who: str, team_id: str) -> Person:
        """Somebody of a workspace gets an account with 300 euros."""
        person = self.fake.user(who, team_id=team_id)
        actor = Actor("slack", team_id, person.id, handle=who, name=who.capitalize())
        enrolled = application.enrolment.add_person(who.capitalize(), "fr", SecretText(ALICE.pin), [actor])
        application.enrolment.fund(enrolled.id, Money(300_00), "test")
        return person


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.fixture
async def towns() -> AsyncIterator[Towns]:
    """The fake, started."""
    stage = Towns()
    await stage.start()
    yield stage
    await stage.stop()


@pytest.fixture
async def application(towns: Towns, tmp_path: Path) -> AsyncIterator[Application]:
    """A started installation."""
    settings = embedded(tmp_path / "chat.sqlite", Keys.fresh()).model_copy(update={"web": Web(port=towns.port)})
    application = Application(settings, [towns.adapter])
    await towns.connect(await application.start_core())
    await application.start_adapters()
    yield application
    await application.stop()


async def pays(application: Application, stage: Towns, who: str, whom: str) -> None:
    """Somebody pays somebody else ten euros by the bot's direct messages."""
    await stage.say(who, f"envoyer 10 € @{whom}", private=True)
    await application.settled()
    await stage.enter_pin(who, ALICE.pin)
    await application.settled()


async def test_each_pays_among_its_own(application: Application, towns: Towns) -> None:
    """People of two workspaces pay within theirs; across them nobody is found, and nothing leaves."""
    for team in (HERE, THERE):
        await towns.install(team)
    alice, bob = (towns.enrol(application, who, HERE) for who in ("alice", "bob"))
    mia, noa = (towns.enrol(application, who, THERE) for who in ("mia", "noa"))
    await pays(application, towns, "alice", "bob")
    await pays(application, towns, "mia", "noa")
    for payee, payer in ((bob, "Alice"), (noa, "Mia")):
        assert plain(payee.sees()[-1]).startswith(f"{payer} (@{payer.lower()}) vous a envoyé 10,00 €")
    await towns.say("alice", "envoyer 10 € @noa", private=True)
    await application.settled()
    assert "10,00" not in plain(alice.sees()[-1])
    assert not any("Alice" in event.shown for event in (*mia.saw, *noa.saw))


async def test_after_the_app_is_thrown_out_nobody_is_answered(application: Application, towns: Towns) -> None:
    """A workspace that takes its leave is left alone; the other goes on; and who comes back is known again."""
    for team in (HERE, THERE):
        await towns.install(team)
    alice, mia = towns.enrol(application, "alice", HERE), towns.enrol(application, "mia", THERE)
    await towns.fake.uninstall(THERE)
    for who in ("alice", "mia"):
        await towns.say(who, "solde", private=True)
    await application.settled()
    assert [plain(text) for text in alice.sees()] == ["solde", "Vous avez 300,00 €."]
    assert mia.sees() == ["solde"]
    await towns.install(THERE)
    await towns.say("mia", "solde", private=True)
    await application.settled()
    assert [plain(text) for text in mia.sees()] == ["solde", "solde", "Vous avez 300,00 €."]

"""One person on two platforms: linked by a code and the PIN, told on both, limited for a while, and parted again."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from botpay import proof
from botpay.app import Application
from botpay.config import Keys
from botpay.testing.chat import plain_spaces
from botpay.testing.clocks import FixedClock
from botpay.testing.console import ConsoleStage
from botpay.testing.play import ALICE, embedded, settle_in
from botpay.testing.slack import SlackStage
from botpay.testing.stage import Line, Stage
from botpay.testing.telegram import TelegramStage

STAGES: dict[str, Callable[[FixedClock], Stage]] = {
    "console": ConsoleStage,
    "telegram": lambda _: TelegramStage(mode="polling"),
    "slack": lambda _: SlackStage(mode="http"),
}
PAIRS = [("telegram", "slack"), ("slack", "telegram"), ("telegram", "console")]


@dataclass(frozen=True, slots=True)
class Between:
    """Alice at home on one platform, where she has an account, and away on another, where she has none."""

    application: Application
    home: Stage
    away: Stage
    clock: FixedClock

    async def at_home(self, text: str) -> tuple[str, str]:
        """Alice writes at home, in private; what she then reads there and away."""
        await self.home.say("alice", text, private=True)
        return await self.read()

    async def there(self, text: str) -> tuple[str, str]:
        """Alice writes away, in private; what she then reads at home and there."""
        await self.away.say("alice", text, private=True)
        return await self.read()

    async def enters(self, pin: str) -> tuple[str, str]:
        """Alice enters a PIN away."""
        await self.away.enter_pin("alice", pin)
        return await self.read()

    async def read(self) -> tuple[str, str]:
        """All that Alice reads now."""
        await self.application.settled()
        return _of_alice(self.home.take_lines()), _of_alice(self.away.take_lines())

    async def code(self) -> str:
        """A fresh code."""
        told, _ = await self.at_home("#lier")
        found = re.search(r"#lier ([A-Z]{5} [A-Z]{5})", told)
        assert found, told
        return found[1]


def _of_alice(lines: list[Line]) -> str:
    return plain_spaces("\n".join(line.text for line in lines if line.to == "alice"))


@pytest.fixture(params=PAIRS, ids="-".join)
async def between(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Between]:
    """Two platforms; whatever happened, the books are proven."""
    keys, clock = Keys.fresh(), FixedClock()
    home, away = (STAGES[name](clock) for name in request.param)
    settings = embedded(tmp_path / "link.sqlite", keys)
    async with _started(Application, settings, home, away, clock) as application:
        settle_in(application, home)
        yield Between(application, home, away, clock)
        with application.database.read() as connection:
            key = bytes.fromhex(keys.audit.get_secret_value())
            assert [wrong for _, part in proof.steps(connection, key) for wrong in part] == []


@asynccontextmanager
async def _started(
    make: Callable[..., Application], settings: object, home: Stage, away: Stage, clock: FixedClock
) -> AsyncIterator[Application]:
    for stage in (home, away):
        await stage.start()
    application = make(settings, [home.adapter, away.adapter], clock)
    try:
        base_url = await application.start_core()
        for stage in (home, away):
            connect = getattr(stage, "connect", None)
            if connect is not None:
                await connect(base_url)
        await application.start_adapters()
        yield application
    finally:
        await application.stop()
        for stage in (home, away):
            await stage.stop()


async def test_linked_by_a_code_and_the_pin(between: Between) -> None:
    """The account is the same on both sides then; both are told; payments from the new side are limited for a day."""
    code = await between.code()
    _, asked = await between.there(f"#lier {code}")
    assert "entrez votre code PIN" in asked
    at_home, there = await between.enters(ALICE.pin)
    assert "C’est fait, Alice Durand" in there
    assert f"{between.away.adapter.name.title()} (@alice) vient d’être relié" in at_home
    _, there = await between.there("#solde")
    assert "300,00 €" in there
    _, there = await between.there("#donner 60 € #eaupourtous")
    assert "au plus 50,00 € par jour" in there
    at_home, _ = await between.at_home("#donner 60 € #eaupourtous")
    assert "Donner 60,00 €" in at_home, "at home nothing changed"


async def test_a_code_serves_once_for_ten_minutes_and_with_the_right_pin_alone(between: Between) -> None:
    """A code that was made up, is old or was replaced is answered like a wrong PIN: the PIN is asked for, in vain."""
    first = await between.code()
    newest = await between.code()
    for code in ("BCDFG HJKLM", first):
        _, asked = await between.there(f"#lier {code}")
        assert "entrez votre code PIN" in asked
        _, there = await between.enters(ALICE.pin)
        assert "Code non accepté. Encore 2 essais." in there
    await between.there(f"#lier {newest}")
    _, wrong = await between.enters("571913")
    assert "Code non accepté. Encore 2 essais." in wrong
    _, there = await between.enters(ALICE.pin)
    assert "C’est fait" in there


async def test_parted_again(between: Between) -> None:
    """What was linked is parted by itself; then it is a stranger, and the last way to an account stays."""
    at_home, _ = await between.at_home("#délier")
    assert "votre seul accès" in at_home
    await between.there(f"#lier {await between.code()}")
    await between.enters(ALICE.pin)
    _, asked = await between.there("#délier")
    assert "entrez votre code PIN" in asked
    at_home, there = await between.enters(ALICE.pin)
    assert "n’est plus relié au vôtre" in there
    assert f"{between.away.adapter.name.title()} (@alice) n’est plus relié" in at_home
    _, there = await between.there("#solde")
    assert "300,00 €" not in there
    await between.there(f"#lier {await between.code()}")
    _, there = await between.enters(ALICE.pin)
    assert "C’est fait" in there, "and may be linked anew"


async def test_two_accounts_are_not_merged(between: Between) -> None:
    """Who has an account already keeps it: a code is refused with what to do instead."""
    code = await between.code()
    await between.home.say("bob", f"#lier {code}", private=True)
    await between.application.settled()
    (line,) = [line for line in between.home.take_lines() if line.to == "bob"]
    assert "deux comptes ne se réunissent pas" in line.text


async def test_a_changed_pin_is_told_everywhere(between: Between) -> None:
    """Who changes the PIN on one side is told of it on the other."""
    await between.there(f"#lier {await between.code()}")
    await between.enters(ALICE.pin)
    await between.there("#pin")
    for pin in (ALICE.pin, "571946"):
        await between.enters(pin)
    at_home, there = await between.enters("571946")
    assert "votre nouveau code PIN compte dès maintenant" in there
    assert "vient d’être changé depuis un autre de vos comptes" in at_home

"""Any `.chat` scenario on any stage, with the whole application behind it and the ledger proven afterwards.

class TestDemochatChats(ScriptedChat):
    platform = DemochatPlatform
    cannot = {"forwarded": "nothing can be passed on there"}
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from botpay.audit import verify as audit
from botpay.config import Keys, Settings
from botpay.database import Database
from botpay.ledger import verify as ledger
from botpay.testing.chat import Step, by_person, expected_after, read_script
from botpay.testing.clocks import FixedClock
from botpay.testing.play import embedded, on_stage, play, settle_in
from botpay.testing.stage import Stage

SCENARIOS = Path(__file__).parent / "scenarios"
"""What people can say and what they are told, on any platform."""


async def perform(scenario: Path, stage: Stage, settings: Settings, clock: FixedClock) -> None:
    """Play a scenario on a stage with a new installation.

    Raises `AssertionError` where somebody is told anything else than its lines, or the ledger does not verify.
    """
    steps = _steps(scenario)
    async with on_stage(settings, stage, clock) as application:
        settle_in(application, stage)
        async for index, action, lines in play(application, stage, clock, steps):
            told, expected = by_person(lines), by_person(expected_after(steps, index, stage.tags()))
            if told != expected:
                raise AssertionError(f"{scenario.name}, {action}: {told} and not {expected}")
    if found := _problems(settings):
        raise AssertionError(f"{scenario.name}: {found}")


@pytest.mark.asyncio
class ScriptedChat:
    """To inherit from: plays scenarios on a platform.

    Attributes:
        platform: makes the stage; a `Platform` is one.
        scenarios: a folder of `.chat` files; by default those that botpay brings.
        cannot: scenarios that this platform cannot play, by name, with the reason. They must fail.
    """

    platform: ClassVar[Callable[[], Stage]]
    scenarios: ClassVar[Path] = SCENARIOS
    cannot: ClassVar[Mapping[str, str]] = {}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each scenario."""
        if "scenario" in metafunc.fixturenames:
            paths = sorted(self.scenarios.glob("*.chat"))
            metafunc.parametrize("scenario", [self._parameter(path) for path in paths])

    async def test_everybody_is_told_what_the_transcript_says(self, scenario: Path, tmp_path: Path) -> None:
        """Each person reads just the lines of the transcript, and the ledger verifies."""
        settings = embedded(tmp_path / "chat.sqlite", Keys.fresh())
        await perform(scenario, type(self).platform(), settings, FixedClock())

    def _parameter(self, path: Path) -> object:
        reason = self.cannot.get(path.stem)
        marks = [pytest.mark.xfail(reason=reason, strict=True, raises=AssertionError)] if reason else []
        return pytest.param(path, id=path.stem, marks=marks)


def _steps(scenario: Path) -> list[Step]:
    return read_script(scenario.read_text(encoding="utf-8").splitlines())


def _problems(settings: Settings) -> list[str]:
    database = Database(settings.database)
    with database.read() as connection:
        key = bytes.fromhex(settings.keys.audit.get_secret_value())
        found = [*ledger.problems(connection), *audit.problems(connection, key)]
    database.close()
    return found

"""Conversations are the specification: each is played on every platform, and the ledger proven afterwards."""

from collections.abc import Callable
from pathlib import Path

import pytest

from botpay.audit import verify as audit
from botpay.clock import Clock
from botpay.config import Keys
from botpay.database import Database
from botpay.ledger import verify as ledger
from botpay.testing.chat import Step, by_person, expected_after, read_script
from botpay.testing.clocks import FixedClock
from botpay.testing.console import ConsoleStage
from botpay.testing.play import embedded, on_stage, play, settle_in
from botpay.testing.slack import SlackStage
from botpay.testing.stage import Stage
from botpay.testing.telegram import TelegramStage

SCENARIOS = sorted(Path(__file__).parent.glob("*.chat"))

STAGES: dict[str, Callable[[Clock], Stage]] = {
    "console": ConsoleStage,
    "telegram-polling": lambda _: TelegramStage(mode="polling"),
    "telegram-webhook": lambda _: TelegramStage(mode="webhook"),
    "slack-http": lambda _: SlackStage(mode="http"),
}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
@pytest.mark.parametrize("platform", STAGES)
async def test_everybody_is_told_what_the_transcript_says(platform: str, scenario: Path, tmp_path: Path) -> None:
    """On every platform each person reads just the lines of the transcript, and the ledger verifies."""
    clock = FixedClock()
    stage = STAGES[platform](clock)
    keys = Keys.fresh()
    settings = embedded(tmp_path / "chat.sqlite", keys)
    steps = _steps(scenario)
    async with on_stage(settings, stage, clock) as application:
        settle_in(application, stage)
        async for index, action, lines in play(application, stage, clock, steps):
            expected = expected_after(steps, index, stage.adapter.name)
            assert by_person(lines) == by_person(expected), f"after line {index + 1}: {action}"
    assert _problems(settings.database, keys) == []


def _steps(scenario: Path) -> list[Step]:
    return read_script(scenario.read_text(encoding="utf-8").splitlines())


def _problems(url: str, keys: Keys) -> list[str]:
    database = Database(url)
    with database.read() as connection:
        key = bytes.fromhex(keys.audit.get_secret_value())
        found = [*ledger.problems(connection), *audit.problems(connection, key)]
    database.close()
    return found

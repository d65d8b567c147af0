"""Conversations are the specification: each is played on every platform, and the ledger proven afterwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from botpay.audit import verify as audit
from botpay.clock import Clock
from botpay.config import Keys, Settings, Web
from botpay.database import Database
from botpay.ledger import verify as ledger
from botpay.testing.chat import Step, by_person, expected_after, read_script
from botpay.testing.clocks import FixedClock
from botpay.testing.console import ConsoleStage
from botpay.testing.play import embedded, on_stage, play, settle_in
from botpay.testing.postgres import migrated_database
from botpay.testing.slack import SlackStage
from botpay.testing.stage import Stage
from botpay.testing.telegram import TelegramStage
from botpay.testing.webhook import WebhookStage

SCENARIOS = sorted(Path(__file__).parent.glob("*.chat"))

STAGES: dict[str, Callable[[Clock], Stage]] = {
    "console": ConsoleStage,
    "console-postgresql": ConsoleStage,
    "telegram-polling": lambda _: TelegramStage(mode="polling"),
    "telegram-webhook": lambda _: TelegramStage(mode="webhook"),
    "slack-http": lambda _: SlackStage(mode="http"),
    "webhook": lambda _: WebhookStage(),
}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
@pytest.mark.parametrize("platform", STAGES)
async def test_everybody_is_told_what_the_transcript_says(platform: str, scenario: Path, tmp_path: Path) -> None:
    """On every platform each person reads just the lines of the transcript, and the ledger verifies."""
    clock = FixedClock()
    stage = STAGES[platform](clock)
    keys = Keys.fresh()
    steps = _steps(scenario)
    with _settings(platform, tmp_path / "chat.sqlite", keys) as settings:
        await _play(settings, stage, clock, steps)
        assert _problems(settings.database, keys) == []


@contextmanager
def _settings(platform: str, path: Path, keys: Keys) -> Iterator[Settings]:
    """Of an empty installation: on SQLite, on PostgreSQL for the platform whose name says so."""
    if platform.endswith("-postgresql"):
        with migrated_database() as url:
            yield Settings(database=url, keys=keys, web=Web(port=0))
    else:
        yield embedded(path, keys)


async def _play(settings: Settings, stage: Stage, clock: FixedClock, steps: list[Step]) -> None:
    async with on_stage(settings, stage, clock) as application:
        settle_in(application, stage)
        async for index, action, lines in play(application, stage, clock, steps):
            expected = expected_after(steps, index, stage.adapter.name)
            assert by_person(lines) == by_person(expected), f"after line {index + 1}: {action}"


def _steps(scenario: Path) -> list[Step]:
    return read_script(scenario.read_text(encoding="utf-8").splitlines())


def _problems(url: str, keys: Keys) -> list[str]:
    database = Database(url)
    with database.read() as connection:
        key = bytes.fromhex(keys.audit.get_secret_value())
        found = [*ledger.problems(connection), *audit.problems(connection, key)]
    database.close()
    return found

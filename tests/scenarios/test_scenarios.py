"""Conversations are the specification: each is played on every platform, and the ledger proven afterwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from botpay.clock import Clock
from botpay.config import Enrolment, Keys, Settings, Web
from botpay.testing import scripted
from botpay.testing.clocks import FixedClock
from botpay.testing.console import ConsoleStage
from botpay.testing.matrix import MatrixStage
from botpay.testing.play import embedded
from botpay.testing.postgres import migrated_database
from botpay.testing.scripted import perform
from botpay.testing.slack import SlackStage
from botpay.testing.stage import Stage
from botpay.testing.telegram import TelegramStage
from botpay.testing.webhook import WebhookStage

SCENARIOS = sorted([*scripted.SCENARIOS.glob("*.chat"), *Path(__file__).parent.glob("*.chat")])

STAGES: dict[str, Callable[[Clock], Stage]] = {
    "console": ConsoleStage,
    "console-postgresql": ConsoleStage,
    "telegram-polling": lambda _: TelegramStage(mode="polling"),
    "telegram-webhook": lambda _: TelegramStage(mode="webhook"),
    "slack-http": lambda _: SlackStage(mode="http"),
    "webhook": lambda _: WebhookStage(),
    "matrix": lambda _: MatrixStage(),
}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
@pytest.mark.parametrize("platform", STAGES)
async def test_everybody_is_told_what_the_transcript_says(platform: str, scenario: Path, tmp_path: Path) -> None:
    """On every platform each person reads just the lines of the transcript, and the ledger verifies."""
    clock = FixedClock()
    with _settings(platform, tmp_path / "chat.sqlite") as settings:
        await perform(scenario, STAGES[platform](clock), settings, clock)


@contextmanager
def _settings(platform: str, path: Path) -> Iterator[Settings]:
    """Of an empty installation: on SQLite, on PostgreSQL for the platform whose name says so."""
    if platform.endswith("-postgresql"):
        with migrated_database() as url:
            yield Settings(database=url, keys=Keys.fresh(), web=Web(port=0), enrolment=Enrolment(level="demo"))
    else:
        yield embedded(path, Keys.fresh())

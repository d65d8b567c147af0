"""Two processes of one installation on PostgreSQL: one asks Telegram, and the other takes over when it dies."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botpay.testing.play import ALICE
from botpay.testing.postgres import migrated_database
from botpay.testing.telegram import FakeTelegram
from tests.faults.served import Served

TAKEN_OVER_WITHIN_SECONDS = 10


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    """A fake Telegram that outlives the processes that are killed."""
    async with FakeTelegram() as fake:
        yield fake


def polls(telegram: FakeTelegram) -> int:
    """How often Telegram was asked for updates."""
    return sum(name == "getupdates" for name, _ in telegram.calls)


async def test_of_two_processes_one_polls_and_the_other_takes_over(telegram: FakeTelegram, tmp_path: Path) -> None:
    """Telegram never sees two polls at once; after a kill the other goes on within ten seconds, and pays once."""
    with migrated_database() as url:
        async with Served(tmp_path, telegram, database=url) as first, first.twin() as second:
            await first.start()
            await first.until(lambda: polls(telegram) == 1)
            await second.start()
            prompt = await first.command("#envoyer 10 euros @bob")
            assert ("getupdates", 409) not in telegram.refusals

            await first.alice.say(None, "#solde")
            await first.kill()
            began = time.monotonic()
            await second.until(lambda: second.told(second.alice, "réservés") == 1)
            await telegram.delivered()
            assert time.monotonic() - began < TAKEN_OVER_WITHIN_SECONDS

            await second.tap(prompt, ALICE.pin)
            await second.until(lambda: second.told(second.bob, "10,00\u00a0€") == 1)
            assert await second.terminate() == 0
            assert second.balances() == {"alice": (290_00, 0), "bob": (310_00, 0)}
            assert second.problems() == []


async def test_who_stops_lets_the_other_have_the_turn(telegram: FakeTelegram, tmp_path: Path) -> None:
    """After SIGTERM the lock is free at once, and what came meanwhile is taken by the other."""
    with migrated_database() as url:
        async with Served(tmp_path, telegram, database=url) as first, first.twin() as second:
            await first.start()
            await first.until(lambda: polls(telegram) == 1)
            await second.start()
            assert await first.terminate() == 0
            await first.alice.say(None, "#solde")
            await telegram.delivered()
            await second.until(lambda: second.told(second.alice, "300,00\u00a0€") == 1)
            assert await second.terminate() == 0

"""What a person sees of a process that dies: the payment is finished or given back, once."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from botpay.config import load
from botpay.database import Database
from botpay.testing.play import ALICE
from botpay.testing.telegram import FakeTelegram
from tests.faults.served import Served

_SLOW = 60  # passes of the hash: about a second, time enough to be killed in


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    """A fake Telegram that outlives the processes that are killed."""
    async with FakeTelegram() as fake:
        yield fake


async def test_killed_between_reserve_and_pin_the_payment_can_be_finished(
    telegram: FakeTelegram, tmp_path: Path
) -> None:
    """A prompt that was shown before the process died takes the PIN after its restart, and pays once."""
    async with Served(tmp_path, telegram) as served:
        await served.start()
        prompt = await served.command("#envoyer 10 euros @bob")
        await served.kill()
        assert served.balances() == {"alice": (290_00, 10_00), "bob": (300_00, 0)}
        await served.start()
        await served.tap(prompt, ALICE.pin)
        await served.until(lambda: served.told(served.bob, "10,00\u00a0€") == 1)
        await served.until(lambda: served.told(served.alice, "C’est fait") == 1)
        assert await served.terminate() == 0
        assert served.balances() == {"alice": (290_00, 0), "bob": (310_00, 0)}
        assert served.problems() == []


async def test_killed_between_reserve_and_pin_an_unanswered_payment_expires_once(
    telegram: FakeTelegram, tmp_path: Path
) -> None:
    """A payment whose PIN never comes gives the money back after a restart, and its sender is told once."""
    async with Served(tmp_path, telegram, confirm_within=10) as served:
        await served.start()
        await served.command("#envoyer 10 euros @bob")
        await served.kill()
        await served.start()
        await served.until(lambda: served.told(served.alice, "Trop tard") == 1)
        assert await served.terminate() == 0
        assert served.balances() == {"alice": (300_00, 0), "bob": (300_00, 0)}
        assert served.problems() == []


async def test_killed_between_pin_and_answer_the_try_counts_and_the_payment_can_be_finished(
    telegram: FakeTelegram, tmp_path: Path
) -> None:
    """A PIN whose check died with the process has moved nothing and used up one try; entered again, it pays once."""
    async with Served(tmp_path, telegram, passes=_SLOW) as served:
        await served.start()
        prompt = await served.command("#envoyer 10 euros @bob")
        await served.tap(prompt, ALICE.pin)
        await served.kill()
        assert served.balances() == {"alice": (290_00, 10_00), "bob": (300_00, 0)}, (
            "killed too late: the check was over"
        )
        await served.start()
        await served.until(lambda: _tries(served) == (1, False))
        await served.tap(prompt, ALICE.pin)
        await served.until(lambda: served.told(served.bob, "10,00\u00a0€") == 1)
        await served.until(lambda: served.told(served.alice, "C’est fait") == 1)
        assert _tries(served) == (2, False)
        assert await served.terminate() == 0
        assert served.balances() == {"alice": (290_00, 0), "bob": (310_00, 0)}
        assert served.problems() == []


async def test_killed_between_payment_and_news_the_news_still_come(telegram: FakeTelegram, tmp_path: Path) -> None:
    """Letters that were committed with a payment but not sent are sent after the restart."""
    async with Served(tmp_path, telegram) as served:
        await served.start()
        prompt = await served.command("#envoyer 10 euros @bob")
        await served.tap(prompt, ALICE.pin[:-1])
        for _ in range(2):
            telegram.fail_next("sendMessage", 500, "Internal Server Error")
        await served.tap(prompt, ALICE.pin[-1])
        await served.until(lambda: served.balances()["bob"] == (310_00, 0))
        await served.kill()
        assert served.told(served.bob, "10,00\u00a0€") == 0
        await served.start()
        await served.until(lambda: served.told(served.bob, "10,00\u00a0€") == 1)
        assert await served.terminate() == 0
        assert served.balances() == {"alice": (290_00, 0), "bob": (310_00, 0)}
        assert served.problems() == []


def _tries(served: Served) -> tuple[int, bool]:
    """Tries of the one challenge, and whether one is being checked now."""
    database = Database(load(served.config).database)
    with database.read() as connection:
        tries, until = connection.exec_driver_sql("select tries, checking_until from challenges").one()
    database.close()
    return tries, until is not None and until > datetime.now(UTC).timestamp() * 1_000_000

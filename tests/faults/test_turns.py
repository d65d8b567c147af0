"""Whose turn it is hangs on a connection: who loses it stops, and nobody works at the same time as another."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from botpay import turns
from botpay.database import Database
from botpay.testing.postgres import migrated_database
from botpay.turns import Turns


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A PostgreSQL whose turns change hands quickly."""
    monkeypatch.setattr(turns, "LOOK_EVERY_SECONDS", 0.05)
    with migrated_database() as url:
        opened = Database(url)
        yield opened
        opened.close()


class Work:
    """Notes when it begins and when it is told to stop."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    async def __call__(self) -> None:
        """Work until cancelled."""
        self.notes.append("begins")
        try:
            await asyncio.Event().wait()
        finally:
            self.notes.append("ends")


async def until(seen: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(10):
        while not seen():  # noqa: ASYNC110 - a thread and a server do it
            await asyncio.sleep(0.01)


async def cancelled(*tasks: asyncio.Task[None]) -> None:
    """End tasks."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_one_works_and_the_next_begins_when_it_stops(database: Database) -> None:
    """The lock is let go with the work; other work is not waited for."""
    first, second, other = Work(), Work(), Work()
    one = asyncio.create_task(Turns(database).alone("poll", first))
    await until(lambda: first.notes == ["begins"])
    two = asyncio.create_task(Turns(database).alone("poll", second))
    three = asyncio.create_task(Turns(database).alone("else", other))
    await until(lambda: other.notes == ["begins"])
    assert second.notes == []
    await cancelled(one)
    await until(lambda: second.notes == ["begins"])
    assert first.notes == ["begins", "ends"]
    await cancelled(two, three)


async def test_work_stops_with_its_connection_and_begins_again(database: Database) -> None:
    """A server that dropped the connection may have given the turn to another: stop, and ask for it anew."""
    work = Work()
    task = asyncio.create_task(Turns(database).alone("poll", work))
    await until(lambda: work.notes == ["begins"])
    with database.write() as connection:
        connection.exec_driver_sql(
            "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted"
        )
    await until(lambda: work.notes == ["begins", "ends", "begins"])
    await cancelled(task)


async def test_a_database_that_is_away_is_asked_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody works while it cannot be known whose turn it is, and the wait goes on."""
    work, failures = Work(), [OSError(), OSError()]
    connect = database.lone_connection

    def flaky() -> object:
        if failures:
            raise failures.pop()
        return connect()

    monkeypatch.setattr(database, "lone_connection", flaky)
    task = asyncio.create_task(Turns(database).alone("poll", work))
    await until(lambda: work.notes == ["begins"])
    assert failures == []
    await cancelled(task)


async def test_work_that_ends_ends_the_turn(database: Database) -> None:
    """What returns or fails by itself is not run again."""

    async def brief() -> None:
        return

    async def broken() -> None:
        raise LookupError

    await Turns(database).alone("poll", brief)
    with pytest.raises(LookupError):
        await Turns(database).alone("poll", broken)

"""The duel for a limit: ten payments at once, room for one, on both databases, in threads and in processes."""

import multiprocessing
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import pytest

from botpay import migrations, proof
from botpay.database import Database
from botpay.errors import StorageUnavailable
from botpay.money import Money
from botpay.pipeline import Pipeline
from botpay.policy import Period
from botpay.testing.clocks import FixedClock
from botpay.testing.postgres import migrated_database
from tests.conftest import AUDIT_KEY, KEYRING, TERMS, Town

_context = multiprocessing.get_context("forkserver")
STRICT = replace(TERMS, limits={Period.DAY: Money(100_00)})
PAY = "#send 60 euros @bob"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new database with the current schema."""
    if request.param == "postgresql":
        with migrated_database() as url:
            yield url
    else:
        url = f"sqlite:///{tmp_path / 'duel.sqlite'}"
        database = Database(url)
        migrations.upgrade(database)
        database.close()
        yield url


def pays(url: str, number: int, ready: Callable[[], object]) -> str:
    """What becomes of alice's payment on a worker of its own, once all are ready."""
    clock, database = FixedClock(), Database(url)
    pipeline = Pipeline(database=database, clock=clock, terms=STRICT, audit_key=AUDIT_KEY, keyring=KEYRING)
    with database.write():
        pass  # connected
    ready()
    message = Town.message("alice", PAY, str(number), clock)
    while True:
        try:
            (result,) = pipeline.process([message])
        except StorageUnavailable:  # nothing was done: the platform delivers again
            continue
        database.close()
        return result.outcome


def in_threads(url: str, workers: int) -> list[str]:
    """All payments at once, each in a thread."""
    barrier, found = threading.Barrier(workers), [""] * workers

    def work(number: int) -> None:
        found[number] = pays(url, number, barrier.wait)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def in_processes(url: str, workers: int) -> list[str]:
    """All payments at once, each in a process."""
    pipes: list[Pipe] = []
    for number in range(workers):
        ours, theirs = _context.Pipe()
        _context.Process(target=_serve, args=(url, number, theirs), daemon=True).start()
        pipes.append(ours)
    for pipe in pipes:
        pipe.recv()
    for pipe in pipes:
        pipe.send("go")
    return [pipe.recv() for pipe in pipes]


def _serve(url: str, number: int, pipe: Pipe) -> None:
    def ready() -> None:
        pipe.send("ready")
        pipe.recv()

    pipe.send(pays(url, number, ready))


@pytest.mark.parametrize("at_once", [in_threads, in_processes])
def test_of_ten_payments_at_once_one_is_within_the_limit(
    url: str, at_once: Callable[[str, int], Sequence[str]]
) -> None:
    """100 a day and ten payments of 60 at the same time: one is reserved, nine are told the limit, all verifies."""
    town = Town.settled(Database(url), FixedClock())
    assert sorted(at_once(url, 10)) == ["limit_exceeded"] * 9 + ["reserved"]
    assert town.counters("alice") == (300_00, 60_00)
    assert [int(minor) for (minor,) in town.rows("select amount_minor from spending")] == [60_00]
    with town.database.read() as connection:
        assert [problem for _, step in proof.steps(connection, AUDIT_KEY) for problem in step] == []
    town.database.close()

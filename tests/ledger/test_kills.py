"""SIGKILL anywhere in a batch, in a real process: what was acknowledged is there once, and the ledger verifies."""

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from botpay import migrations
from botpay.database import Database
from botpay.ledger.operations import Operation
from botpay.testing.clocks import FixedClock
from botpay.testing.ledgers import Books
from botpay.testing.postgres import migrated_database
from botpay.testing.workers import Worker


@pytest.fixture(scope="module")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the current schema, to copy from."""
    path = tmp_path_factory.mktemp("kills") / "empty.sqlite"
    database = Database(f"sqlite:///{path}")
    migrations.upgrade(database)
    database.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, migrated_file: Path, tmp_path: Path) -> Iterator[str]:
    """A new database."""
    if request.param == "postgresql":
        with migrated_database() as url:
            yield url
    else:
        shutil.copy(migrated_file, tmp_path / "ledger.sqlite")
        yield f"sqlite:///{tmp_path / 'ledger.sqlite'}"


@pytest.mark.parametrize("size", [5, 40])
def test_killed_anywhere_nothing_is_lost_or_doubled(url: str, size: int) -> None:
    """Killed at any of ten points a process has done all of a batch or nothing; asked again, each payment is once."""
    _kill_and_ask_again(url, size, lambda last: [round(number * last / 9) for number in range(10)])


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_killed_a_hundred_times_nothing_is_lost_or_doubled(url: str, seed: int) -> None:
    """Kills at random points, a hundred for each database, lose and double nothing."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    _kill_and_ask_again(url, chance.choice([1, 5, 40]), lambda last: [chance.randint(0, last) for _ in range(25)])


def _kill_and_ask_again(url: str, size: int, choose: Callable[[int], list[int]]) -> None:
    books = Books.at(url, FixedClock())
    alice, bob = books.open("alice", 10**6), books.open("bob")
    alive = Worker(url, at=books.clock(), dies_at=10**9)
    _until_it_dies(alive, _batches(books, alice, bob, size))
    points = [0, *choose(alive.passed() - 1)]  # the first stands for the one that lived
    alive.stop()
    for point in points[1:]:
        batches = _batches(books, alice, bob, size)
        worker = Worker(url, at=books.clock(), dies_at=point)
        answered = _until_it_dies(worker, batches)
        worker.stop()
        assert len(answered) < len(batches), f"nothing was killed at point {point}"
        there = {*books.ids_of("reserve"), *books.ids_of("post")}
        for batch, answers in zip(batches, answered, strict=False):
            assert answers == [type(operation).__name__.lower() for operation in batch]
            assert there.issuperset(operation.id for operation in batch), f"acknowledged, then lost at point {point}"
        for batch in batches:
            assert len(there & {operation.id for operation in batch}) in (0, size), f"half a batch at point {point}"
        assert books.problems() == []
        for batch in batches:
            books.do(*batch)
    assert books.counters(alice) == (10**6 - 100 * size * len(points), 0)
    assert books.counters(bob) == (100 * size * len(points), 0)
    assert books.count("post") == books.count("reserve") == size * len(points)
    assert books.problems() == []
    books.close()


def _batches(books: Books, alice: int, bob: int, size: int) -> list[list[Operation]]:
    """Some reserves, then their posts."""
    reserves = [books.reserve(alice, bob, 100) for _ in range(size)]
    return [[*reserves], [books.post(reserve) for reserve in reserves]]


def _until_it_dies(worker: Worker, batches: list[list[Operation]]) -> list[list[str]]:
    answered = []
    for batch in batches:
        worker.ask(batch)
        answers = worker.answer()
        if answers is None:
            break
        answered.append(answers)
    return answered

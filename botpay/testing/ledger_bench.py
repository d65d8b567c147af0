"""What the ledger costs: reserve + post round trips beside a yardstick, run in turn on the same server or disk."""

import asyncio
import itertools
import multiprocessing
import random
import secrets
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

from sqlalchemy import insert, make_url, select, text

from botpay import ids, migrations
from botpay.batcher import Batcher
from botpay.clock import system_clock
from botpay.database import Database
from botpay.errors import StorageUnavailable
from botpay.ledger.model import AccountKind, Transfer
from botpay.ledger.operations import Operation, Outcome, Post, Reserve
from botpay.ledger.schema import accounts
from botpay.money import Money
from botpay.testing.ledgers import LASTS, Books
from botpay.testing.postgres import scratch_database
from botpay.testing.yardsticks import BareSqlite, TpcB

_ROUNDS = 3
_WARM_UP_SECONDS = 0.5
_ACCOUNTS = 10_000
_ONE = Money(1)
_FILLED_AT_ONCE = 2000
_OURS, _NUMBERS = secrets.token_hex(8), itertools.count()
SIZES = (10_000, 100_000, 1_000_000)
HUGE = 5_000_000


@dataclass(frozen=True, slots=True)
class _Town:
    """A ledger with people who have money, and one charity."""

    url: str
    people: list[int]
    charity: int


@dataclass(frozen=True, slots=True)
class _Crowd:
    """What one process found."""

    per_second: float
    latencies: list[float]


def ledger(
    url: str,
    *,
    hot: bool = False,
    processes: int = 1,
    in_flight: int = 400,
    seconds: float = 4,
    writers: int = 1,
) -> dict[str, Any]:
    """Round trips a second of `in_flight` callers in all, each of whom reserves, posts, and begins again.

    Args:
        url: a PostgreSQL server, on which two scratch databases are made, or an SQLite file, beside which two are.
        hot: everybody gives to one charity.
        writers: connections of each process that book at once; one is all that SQLite can do.
    """
    with _places(url) as (town, yardstick), _crowds(town, processes, writers) as crowds:
        found = [_turn(yardstick, crowds, in_flight, seconds, hot=hot) for _ in range(_ROUNDS)]
        return {
            **_figures(yardstick.name, found),
            "rows": _rows(town),
            "processes": processes,
            "in_flight": in_flight,
            "writers": writers,
        }


def growth(
    url: str, *, huge: bool = False, processes: int = 1, in_flight: int = 400, writers: int = 1
) -> dict[str, Any]:
    """The same at 10 000, 100 000 and a million transfers, and how much more a round trip costs at the end.

    Args:
        huge: at five millions too.
    """
    sizes = []
    with _places(url) as (town, yardstick), _crowds(town, processes, writers) as crowds:
        for size in (*SIZES, HUGE) if huge else SIZES:
            _fill(town, size)
            found = [_turn(yardstick, crowds, in_flight, 2, hot=False) for _ in range(_ROUNDS)]
            sizes.append({"transfers": size, **_figures(yardstick.name, found), "rows": _rows(town)})
    first, last = sizes[0]["ratio"], sizes[-1]["ratio"]
    return {
        "sizes": sizes,
        "cost_growth": round(first / last, 3),
        "processes": processes,
        "in_flight": in_flight,
        "writers": writers,
    }


_Turn = tuple[float, float, list[float]]


def _turn(yardstick: TpcB | BareSqlite, crowds: list[Pipe], in_flight: int, seconds: float, *, hot: bool) -> _Turn:
    """Per second of the yardstick and of ours, one after the other, and how long ours took."""
    bare = yardstick.per_second(seconds)
    for number, crowd in enumerate(crowds):
        crowd.send((in_flight // len(crowds) + (number < in_flight % len(crowds)), seconds, hot))
    found: list[_Crowd] = [crowd.recv() for crowd in crowds]
    return bare, sum(f.per_second for f in found), [latency for f in found for latency in f.latencies]


def _figures(name: str, found: list[_Turn]) -> dict[str, Any]:
    ratios = [ours / bare for bare, ours, _ in found]
    latencies = sorted(latency for *_, of_one in found for latency in of_one)
    return {
        "yardstick": {"name": name, "per_second": round(statistics.median(bare for bare, *_ in found), 1)},
        "round_trips_per_second": round(statistics.median(ours for _, ours, _ in found), 1),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_min": round(min(ratios), 3),
        "ratio_max": round(max(ratios), 3),
        "p50_ms": round(1000 * latencies[len(latencies) // 2], 2),
        "p99_ms": round(1000 * latencies[len(latencies) * 99 // 100], 2),
    }


@contextmanager
def _places(url: str) -> Iterator[tuple[_Town, TpcB | BareSqlite]]:
    """A settled town and a yardstick on the same server or disk; both gone afterwards."""
    with ExitStack() as stack:
        if url.startswith("sqlite"):
            beside = Path(make_url(url).database or ".").absolute().parent
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="botpay-bench-", dir=beside)))
            yield _settled(f"sqlite:///{folder / 'ledger.sqlite'}"), BareSqlite(folder / "bare.sqlite")
        else:
            server = make_url(url)
            ours, theirs = (stack.enter_context(scratch_database(server)) for _ in range(2))
            yield _settled(ours.render_as_string(hide_password=False)), TpcB(theirs)


def _settled(url: str) -> _Town:
    database = Database(url)
    migrations.upgrade(database)
    database.close()
    books = Books.at(url, system_clock)
    charity = books.open("charity", kind=AccountKind.CHARITY)
    outside = books.outside()
    with books.database.write() as connection:
        connection.execute(
            insert(accounts),
            [{"owner": f"person {number}", "kind": "person", "currency": "EUR"} for number in range(_ACCOUNTS)],
        )
    with books.database.read() as connection:
        people = list(connection.execute(select(accounts.c.id).where(accounts.c.kind == "person")).scalars())
    for first in range(0, len(people), _FILLED_AT_ONCE):
        books.do(*(books.direct(outside, person, 10**9) for person in people[first : first + _FILLED_AT_ONCE]))
    books.close()
    return _Town(url, people, charity)


def _fill(town: _Town, size: int) -> None:
    """Payments until there are so many transfers."""
    books = Books.at(town.url, system_clock)
    missing = size - books.count()
    while missing > 0:
        pairs = (random.sample(town.people, 2) for _ in range(min(_FILLED_AT_ONCE, -(-missing // 2))))
        reserves = [books.reserve(payer, payee, 1) for payer, payee in pairs]
        books.do(*reserves)
        books.do(*(books.post(reserve) for reserve in reserves))
        missing -= 2 * len(reserves)
    if not books.database.is_sqlite:
        with books.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("vacuum analyze transfers"))
    books.close()


def _rows(town: _Town) -> int:
    books = Books.at(town.url, system_clock)
    rows = books.count()
    books.close()
    return rows


@contextmanager
def _crowds(town: _Town, processes: int, writers: int) -> Iterator[list[Pipe]]:
    """Processes that wait to be told how many callers to be, for how long."""
    context = multiprocessing.get_context("spawn")
    pipes = []
    for _ in range(processes):
        ours, theirs = context.Pipe()
        context.Process(target=_serve, args=(theirs, town, writers), daemon=True).start()
        theirs.close()
        ours.recv()
        pipes.append(ours)
    yield pipes
    for pipe in pipes:
        pipe.close()


def _serve(pipe: Pipe, town: _Town, writers: int) -> None:
    books = Books.at(town.url, system_clock)
    pipe.send("ready")
    try:
        while True:
            callers, seconds, hot = pipe.recv()
            pipe.send(asyncio.run(_crowd(books, town, callers, seconds, writers, hot=hot)))
    except EOFError:
        books.close()


async def _crowd(books: Books, town: _Town, callers: int, seconds: float, writers: int, *, hot: bool) -> _Crowd:
    batcher: Batcher[Operation, Outcome] = Batcher(books.engine.process, _give_up, writers=writers)
    batcher.start()
    latencies: list[float] = []
    began = time.perf_counter() + _WARM_UP_SECONDS
    over = began + seconds

    async def calls() -> None:
        while (started := time.perf_counter()) < over:
            payer, payee = random.sample(town.people, 2)
            reserve = Reserve(_id(), payer, town.charity if hot else payee, _ONE, LASTS)
            await batcher.submit(reserve)
            posted = await batcher.submit(Post(_id(), reserve.id))
            if not isinstance(posted, Transfer):
                raise TypeError(f"a payment was refused: {posted.code.value}")
            ended = time.perf_counter()
            if began <= ended < over:
                latencies.append(ended - started)

    await asyncio.gather(*(calls() for _ in range(callers)))
    await asyncio.to_thread(batcher.stop)
    return _Crowd(len(latencies) / seconds, latencies)


def _id() -> str:
    """As in a chat: made from the name of a message, not of costly randomness."""
    return ids.derived(system_clock(), f"{_OURS}:{next(_NUMBERS)}")


def _give_up(_: Operation, fault: BaseException) -> Outcome:
    raise StorageUnavailable("the bench met a fault") from fault

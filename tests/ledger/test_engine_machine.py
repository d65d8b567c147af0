"""Any life of a ledger, step by step, on both databases, beside a little model that says what must become of it."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from botpay import migrations
from botpay.database import Database
from botpay.ledger.model import AccountKind
from botpay.ledger.operations import Direct, Ending, Expire, Operation, Post, Reserve, Void
from botpay.money import Money
from botpay.testing.clocks import FixedClock
from botpay.testing.ledgers import LASTS, Books
from botpay.testing.postgres import migrated_database

NAMES = ("alice", "bob", "water", "world")
places = st.integers(0, len(NAMES) - 1)
cents = st.one_of(st.integers(0, 60), st.integers(1, 60), st.just(10**7))
ENDINGS: tuple[type[Ending], ...] = (Post, Void, Expire)
asks = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), places, places, cents),
        st.tuples(st.just("direct"), places, places, cents),
        st.tuples(st.sampled_from(ENDINGS), st.integers(0, 50)),
        st.tuples(st.just("again"), st.integers(0, 50)),
        st.tuples(st.just("twisted"), st.integers(0, 50)),
    ),
    min_size=1,
    max_size=6,
)


@dataclass
class Model:
    """The same ledger in a few lines."""

    balance: list[int] = field(default_factory=lambda: [0] * len(NAMES))
    held: list[int] = field(default_factory=lambda: [0] * len(NAMES))
    answers: dict[str, tuple[Operation, str]] = field(default_factory=dict)
    until: dict[str, datetime] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)

    def answer(self, asked: Operation, place: dict[int, int], now: datetime) -> str:
        """What must become of an operation."""
        if asked.id in self.answers:
            before, answer = self.answers[asked.id]
            return answer if before == asked else "conflict"
        answer = self._moved(asked, place, now) if isinstance(asked, Reserve | Direct) else self._ended(asked, now)
        self.answers[asked.id] = (asked, answer)
        if answer in ("post", "void", "expire"):
            reserve = self.answers[asked.reserve_id][0]  # type: ignore[union-attr]
            assert isinstance(reserve, Reserve)
            payer, payee = place[reserve.debit_id], place[reserve.credit_id]
            self.held[payer] -= reserve.amount.minor
            if answer == "post":
                self.balance[payer] -= reserve.amount.minor
                self.balance[payee] += reserve.amount.minor
        return answer

    def _moved(self, asked: Reserve | Direct, place: dict[int, int], now: datetime) -> str:
        payer, payee, minor = place[asked.debit_id], place[asked.credit_id], asked.amount.minor
        if not minor:
            return "zero_amount"
        if payer == payee:
            return "self_payment"
        if NAMES[payer] != "world" and self.balance[payer] - self.held[payer] < minor:
            return "insufficient_funds"
        if isinstance(asked, Reserve):
            self.held[payer] += minor
            self.until[asked.id] = now + asked.lasts
            return "reserve"
        self.balance[payer] -= minor
        self.balance[payee] += minor
        return "direct"

    def _ended(self, asked: Ending, now: datetime) -> str:
        if asked.reserve_id not in self.until:
            return "unknown_transfer"
        if asked.reserve_id in self.ended:
            return self.ended[asked.reserve_id]
        over = now >= self.until[asked.reserve_id]
        if isinstance(asked, Post) and over:
            return "already_expired"
        if isinstance(asked, Expire) and not over:
            return "still_open"
        answer, said = {Post: ("post", "posted"), Void: ("void", "voided"), Expire: ("expire", "expired")}[type(asked)]
        self.ended[asked.reserve_id] = f"already_{said}"
        return answer


class LedgerMachine(RuleBasedStateMachine):
    """Batches of anything at any time; `url` makes a new database."""

    url: Any

    @initialize()
    def begin(self) -> None:
        """Two people, a charity and the world outside; alice has a little."""
        self.stack, self.clock, self.model = ExitStack(), FixedClock(), Model()
        self.place_of_url = self.stack.enter_context(type(self).url())
        self.books = Books.at(self.place_of_url, self.clock)
        kinds = (AccountKind.PERSON, AccountKind.PERSON, AccountKind.CHARITY, AccountKind.SYSTEM)
        self.ids = [self.books.open(name, kind=kind) for name, kind in zip(NAMES, kinds, strict=True)]
        self.place = {id_: place for place, id_ in enumerate(self.ids)}
        self.asked: list[Operation] = []
        self._book([self.books.direct(self.ids[3], self.ids[0], 100)])

    @rule(asks=asks)
    def batch(self, asks: list[tuple[Any, ...]]) -> None:
        """A batch, some of it asked before, some of it twisted."""
        operations: list[Operation] = []
        for ask in asks:
            operations.append(self._operation(ask))
            self.asked.append(operations[-1])
        self._book(operations)

    @rule(by=st.sampled_from([timedelta(microseconds=1), timedelta(minutes=2), LASTS, LASTS + timedelta(seconds=1)]))
    def time_passes(self, by: timedelta) -> None:
        """The clock goes on."""
        self.clock.move(by)

    @rule()
    def reopen(self) -> None:
        """The process ends, and another one begins."""
        self.books.close()
        self.books = Books.at(self.place_of_url, self.clock)

    @invariant()
    def the_model_agrees(self) -> None:
        """Every balance and hold is the model's, and the ledger verifies."""
        if not hasattr(self, "ids"):
            return
        for place, id_ in enumerate(self.ids):
            assert self.books.counters(id_) == (self.model.balance[place], self.model.held[place]), NAMES[place]
        assert self.books.problems() == []

    def teardown(self) -> None:
        """Close it."""
        if hasattr(self, "books"):
            self.books.close()
            self.stack.close()

    def _operation(self, ask: tuple[Any, ...]) -> Operation:
        match ask:
            case ("reserve", debit, credit, minor):
                return self.books.reserve(self.ids[debit], self.ids[credit], minor)
            case ("direct", debit, credit, minor):
                return self.books.direct(self.ids[debit], self.ids[credit], minor)
            case ("again", number):
                return self.asked[-1 - number % len(self.asked)] if self.asked else self._operation(("direct", 3, 1, 5))
            case ("twisted", number):
                return self._twisted(self._operation(("again", number)))
            case (kind, number):
                reserves = [asked.id for asked in self.asked if isinstance(asked, Reserve)] or [self.books.fresh()]
                ending: Operation = kind(self.books.fresh(), reserves[-1 - number % len(reserves)])
                return ending
        raise AssertionError(ask)

    def _twisted(self, known: Operation) -> Operation:
        """The same id with other contents."""
        if isinstance(known, Reserve | Direct):
            return replace(known, amount=Money(known.amount.minor + 1))
        return replace(known, reserve_id=self.books.fresh())

    def _book(self, operations: list[Operation]) -> None:
        expected = [self.model.answer(operation, self.place, self.clock()) for operation in operations]
        assert self.books.do(*operations) == expected


@pytest.fixture(scope="module")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the current schema, to copy from."""
    path = tmp_path_factory.mktemp("machine") / "empty.sqlite"
    database = Database(f"sqlite:///{path}")
    migrations.upgrade(database)
    database.close()
    return path


def _run(url: Any, examples: int) -> None:
    machine = type("Machine", (LedgerMachine,), {"url": staticmethod(url)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def _on_sqlite(migrated_file: Path, folder: Path) -> Any:
    @contextmanager
    def copy() -> Iterator[str]:
        path = folder / "machine.sqlite"
        for old in folder.glob("machine.sqlite*"):
            old.unlink()
        shutil.copy(migrated_file, path)
        yield f"sqlite:///{path}"

    return copy


def test_any_life_on_sqlite(migrated_file: Path, tmp_path: Path) -> None:
    """Whatever is asked in whatever order, SQLite's ledger answers and holds what the model says."""
    _run(_on_sqlite(migrated_file, tmp_path), 25)


def test_any_life_on_postgresql() -> None:
    """Whatever is asked in whatever order, PostgreSQL's ledger answers and holds what the model says."""
    _run(migrated_database, 8)


@pytest.mark.long
def test_any_long_life_on_sqlite(migrated_file: Path, tmp_path: Path) -> None:
    """The same, many more lives."""
    _run(_on_sqlite(migrated_file, tmp_path), 400)


@pytest.mark.long
def test_any_long_life_on_postgresql() -> None:
    """The same, many more lives."""
    _run(migrated_database, 200)

"""What only a server does: it breaks connections, finds deadlocks, and has a clock of its own."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from botpay.audit.store import Chained
from botpay.clock import system_clock
from botpay.database import Database, raw
from botpay.errors import ConfigError, StorageUnavailable
from botpay.ledger.model import Transfer
from botpay.tables import metadata
from botpay.testing.clocks import FixedClock
from botpay.testing.ledgers import AUDIT_KEY, LASTS, Books
from botpay.testing.postgres import migrated_database


@pytest.fixture
def url() -> Iterator[str]:
    """A database of its own."""
    with migrated_database() as url:
        yield url


@pytest.fixture
def books(url: str) -> Iterator[Books]:
    """An engine on it; the ledger must verify afterwards."""
    books = Books.at(url, FixedClock())
    yield books
    problems = books.problems()
    books.close()
    assert problems == []


class Linking:
    """Makes links, after something happened the first few times."""

    def __init__(self, first: Callable[[Connection], Any], times: int = 1) -> None:
        self._chained, self._first, self._left = Chained(AUDIT_KEY), first, times
        self.row, self.leave = self._chained.row, self._chained.leave
        self.tries = 0

    def lane(self, connection: Connection) -> int:
        """The lane, asked for at the beginning of a batch without locks."""
        self._happens(connection)
        return self._chained.lane(connection)

    def append(self, connection: Connection, transfers: Collection[Transfer], at: datetime) -> int:
        """The link's number."""
        self._happens(connection)
        return self._chained.append(connection, transfers, at)

    def _happens(self, connection: Connection) -> None:
        self.tries += 1
        if self._left:
            self._left -= 1
            self._first(connection)


def hang_up(connection: Connection) -> None:
    """Let the server end this connection, as a restart does."""
    there = raw(connection).connection.info
    with psycopg.connect(there.dsn) as other:
        other.execute("select pg_terminate_backend(%s)", (there.backend_pid,))


def test_a_lost_connection_is_not_the_end(books: Books) -> None:
    """A batch whose connection broke is done again, once, with the same ids."""
    alice, bob = books.open("alice", 100), books.open("bob")
    link = Linking(hang_up)
    gift = books.direct(alice, bob, 60)
    (booked,) = replace(books.engine, links=link).process([gift])
    assert (link.tries, booked) == (2, books.engine.process([gift])[0])
    assert (books.counters(alice), books.counters(bob)) == ((40, 0), (60, 0))


def test_a_server_that_stays_away_is_unavailable(books: Books) -> None:
    """After a bounded number of tries a batch is given up as not done, which is never told as an answer about money."""
    alice, bob = books.open("alice", 100), books.open("bob")
    link = Linking(hang_up, times=100)
    with pytest.raises(StorageUnavailable, match="lost"):
        replace(books.engine, links=link).process([books.direct(alice, bob, 60)])
    assert 2 <= link.tries <= 10
    assert books.counters(alice) == (100, 0)


def test_a_commit_of_unknown_outcome_is_done_once(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the connection breaks behind what saves the batch, it is asked again and answered with what was done."""
    alice, bob = books.open("alice", 100), books.open("bob")
    execute = psycopg.Cursor.execute
    lost: list[object] = []

    def loses_the_answer(cursor: psycopg.Cursor[Any], query: str, *args: Any, **kwargs: Any) -> Any:
        done = execute(cursor, query, *args, **kwargs)
        if not lost and "insert into transfers" in query:
            lost.append(cursor)
            cursor.connection.close()
            raise psycopg.OperationalError("the connection is lost")
        return done

    gift = books.direct(alice, bob, 60)
    with monkeypatch.context() as patched:
        patched.setattr(psycopg.Cursor, "execute", loses_the_answer)
        outcomes = books.do(gift)
    assert (outcomes, len(lost)) == (["direct"], 1)
    assert (books.counters(alice), books.count("direct")) == ((40, 0), 2)


def test_a_deadlock_is_fought_again(books: Books) -> None:
    """Whoever the server picks to end a deadlock does the batch again."""
    alice, bob = books.open("alice", 100), books.open("bob")

    def deadlock(_: Connection) -> None:
        raise psycopg.errors.DeadlockDetected

    link = Linking(deadlock, times=3)
    assert [row for row in replace(books.engine, links=link).process([books.direct(alice, bob, 60)]) if row]
    assert (link.tries, books.counters(bob)) == (4, (60, 0))


def test_a_fault_of_ours_is_not_tried_again(books: Books) -> None:
    """What would fail again is told at once."""
    alice, bob = books.open("alice", 100), books.open("bob")

    def fails(connection: Connection) -> None:
        raw(connection).execute("update accounts set debits_posted = credits_posted + 1")

    link = Linking(fails, times=9)
    with pytest.raises(psycopg.errors.CheckViolation):
        replace(books.engine, links=link).process([books.direct(alice, bob, 60)])
    assert link.tries == 1


def test_the_server_decides_what_time_it_is(url: str) -> None:
    """A worker with the machine's clock asks the server, before which reserves do not expire; a clock put in stays."""
    database, put_in = Database(url), FixedClock(datetime(2001, 1, 1, tzinfo=UTC))
    with database.write() as connection:
        found = database.now(connection, system_clock)
        there = raw(connection).execute("select clock_timestamp()").fetchone()[0]
        assert timedelta() <= there - found < timedelta(seconds=5)
        assert found.tzinfo is UTC
        assert database.now(connection, put_in) == put_in()
    database.close()


def test_a_worker_whose_clock_is_wrong_expires_nothing_early(
    books: Books, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """With the machine's clock an hour ahead a payment of five minutes still waits, for the server's clock says so."""
    alice, bob = books.open("alice", 100), books.open("bob")
    late = Books.at(url, system_clock)
    monkeypatch.setattr("botpay.clock.datetime", _AnHourAhead)
    assert system_clock() > datetime.now(UTC) + LASTS
    reserve = late.reserve(alice, bob, 10)
    assert late.do(reserve, late.expire(reserve), late.post(reserve)) == ["reserve", "still_open", "post"]
    with late.database.read() as connection:
        (at,) = connection.execute(text("select max(created_at) from transfers where kind = 'reserve'")).one()
    assert at < datetime.now(UTC).timestamp() * 1e6 + 60e6
    late.close()


class _AnHourAhead(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return datetime.now(tz) + timedelta(hours=1)


def test_the_steps_and_the_tables_agree(url: str) -> None:
    """A database made by the steps has the tables, columns, types, indexes and keys of the code."""
    database = Database(url)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    database.close()


_RESERVE = "insert into transfers values ('{}', 'reserve', null, {}, {}, {}, '{}', 0, 9, null, 1)"
_POST = "insert into transfers values ('{}', 'post', '{}', {}, {}, {}, '{}', 0, null, null, 1)"
_ONE, _TWO, _NEW = ("00000000-0000-0000-0000-00000000000" + digit for digit in "123")
_REFUSED = [
    ("update transfers set amount_minor = 2", "transfers: rows are never changed"),
    ("delete from transfers", "transfers: rows are never changed"),
    ("truncate transfers cascade", "transfers: rows are never changed"),
    ("update audit set body = 'x'", "audit: rows are never changed"),
    ("delete from audit", "audit: rows are never changed"),
    ("truncate audit", "audit: rows are never changed"),
    ("truncate refused", "refused: rows are never changed"),
    ("truncate accounts cascade", "accounts: rows are never removed"),
    ("truncate challenges", "challenges: rows are never removed"),
    ("delete from accounts", "accounts: rows are never removed"),
    ("update accounts set kind = 'system'", "whose it is and in what never changes"),
    ("update accounts set currency = 'CHF'", "whose it is and in what never changes"),
    ("update accounts set debits_posted = credits_posted + 1 where kind = 'person'", "ck_accounts_not_overdrawn"),
    (_RESERVE.format(_NEW, 2, 2, 1, "EUR"), "ck_transfers_two_accounts"),
    (_RESERVE.format(_NEW, 2, 3, 0, "EUR"), "ck_transfers_amount"),
    (_RESERVE.format(_NEW, 2, 9, 1, "EUR"), "be in its currency"),
    (_RESERVE.format(_NEW, 9, 2, 1, "EUR"), "be in its currency"),
    (_RESERVE.format(_NEW, 2, 3, 1, "CHF"), "be in its currency"),
    (_RESERVE.format(_NEW, 2, 4, 1, "EUR"), "be in its currency"),
    (_RESERVE.format(_ONE, 2, 3, 1, "EUR"), "pk_transfers"),
    (_POST.format(_NEW, _NEW, 2, 3, 10, "EUR"), "must agree with it"),
    (_POST.format(_NEW, _ONE, 3, 2, 10, "EUR"), "must agree with it"),
    (_POST.format(_NEW, _ONE, 2, 3, 9, "EUR"), "must agree with it"),
    (_POST.format(_NEW, _TWO, 2, 3, 10, "EUR"), "uq_transfers_pending_id"),
]


@pytest.fixture(scope="module")
def filled() -> Iterator[Database]:
    """Accounts 2 and 3 in euros, 4 in francs; reserve 1 is open, reserve 2 was posted."""
    with migrated_database() as url:
        database = Database(url)
        with database.write() as connection:
            raw(connection).execute(
                "insert into accounts (id, owner, kind, currency, credits_posted) values "
                "(2, 'a', 'person', 'EUR', 100),"
                "(3, 'b', 'person', 'EUR', 100), (4, 'a', 'person', 'CHF', 100);"
                "insert into audit values (1, 0, '{}', '', 0, 1);"
                + "".join(_RESERVE.format(id_, 2, 3, 10, "EUR") + ";" for id_ in (_ONE, _TWO))
                + _POST.format("00000000-0000-0000-0000-000000000009", _TWO, 2, 3, 10, "EUR")
            )
        yield database
        database.close()


@pytest.mark.parametrize(("statement", "says"), _REFUSED)
def test_what_must_not_be_is_refused(filled: Database, statement: str, says: str) -> None:
    """The server itself refuses to bend the ledger, row by row and whole tables at once."""
    with pytest.raises(IntegrityError, match=says), filled.write() as connection:
        connection.exec_driver_sql(statement)


def test_a_row_that_fits_is_taken(filled: Database) -> None:
    """The same rows without a breach are taken: it is the breach that is refused."""
    with filled.engine.connect() as connection:
        for statement in (_RESERVE.format(_NEW, 2, 3, 1, "EUR"), _POST.format(_NEW[:-1] + "4", _ONE, 2, 3, 10, "EUR")):
            connection.exec_driver_sql(statement)
        connection.rollback()


def test_a_url_that_is_none_is_explained() -> None:
    """What is no database's URL is refused with what one looks like."""
    with pytest.raises(ConfigError, match="postgresql://"):
        Database("mypostgres")


def test_a_server_that_cannot_be_reached_is_told_with_what_to_look_at() -> None:
    """Nothing listens there, or the URL is of no database that we know: the remedy is said, and not the URL."""
    away = Database("postgresql://anna:hunter2@127.0.0.1:1/books")
    with pytest.raises(StorageUnavailable, match=r"cannot be reached: .* `database` is right") as refused, away.write():
        pass
    away.close()
    assert "hunter2" not in str(refused.value)
    with pytest.raises(ConfigError, match=r"write sqlite:///FILE, or postgresql://USER@HOST/NAME"):
        Database("mysql://anna@127.0.0.1/books")

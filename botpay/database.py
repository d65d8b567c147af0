"""The database: one engine, one writer, and the tables' common ground.

SQLite runs in WAL mode with synchronous=FULL, so that a commit survives a power cut, and every writing transaction
begins IMMEDIATE, so that what it read cannot change under it. PostgreSQL serves several processes: what a transaction
means to change it locks first, and what collides with another process is done again.
Instants are kept as whole microseconds since 1970 in UTC: exact, sortable and the same on both.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Connection, Dialect, Engine, Integer, LargeBinary, MetaData, create_engine, event
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.types import TypeDecorator

from botpay.clock import Clock, system_clock
from botpay.errors import ConfigError, StorageUnavailable

T = TypeVar("T")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""All tables; each part of botpay adds its own."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BUSY_TIMEOUT_MS = 5000
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "recursive_triggers=ON",  # else REPLACE removes rows without the triggers that refuse it
    "secure_delete=ON",  # what was wiped is overwritten in the file too
    f"busy_timeout={_BUSY_TIMEOUT_MS}",
)
_OF_A_WRITER = (  # every statement goes by keys: plans that ask the statistics of a growing table can only be worse
    "statement_timeout=30000",
    "lock_timeout=10000",
    "idle_in_transaction_session_timeout=60000",
    "plan_cache_mode=force_generic_plan",
    "jit=off",
    "enable_seqscan=off",
    "enable_hashjoin=off",
    "enable_mergejoin=off",
)
_OF_A_READER = ("idle_in_transaction_session_timeout=600000",)

_TRIES = 6
_FIRST_PAUSE_SECONDS = 0.01
_COLLISIONS = {"40001", "40P01"}  # serialization failure, deadlock detected: PostgreSQL, appendix A
_TAKEN = "23505"  # unique violation: another process has done the same at the same time
_OVERTAKEN = "BP001"  # raised by our own function: see the migrations
_AWAY = ("08", "53", "57")  # connection exception, insufficient resources, operator intervention
_READ_ONLY, _LOCKED = "25006", "55P03"

SerialKey = BigInteger().with_variant(Integer, "sqlite")
"""A key that counts up by itself on both databases."""


class Overtaken(Exception):
    """Another process was faster: what was read without a lock holds no longer."""


class Instant(TypeDecorator[datetime]):
    """A point in time: an aware `datetime` in Python, microseconds since 1970 in the database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """To microseconds."""
        return None if value is None else micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """From microseconds."""
        return None if value is None else instant(value)


class Sealed(TypeDecorator[bytes]):
    """What `sealing` sealed. `row` names the columns that say of which row it is; its place is made of them.

    Every column of this type is sealed anew when keys are changed.
    """

    impl = LargeBinary
    cache_ok = True

    def __init__(self, *row: str) -> None:
        super().__init__()
        self.row = row


def micros(at: datetime) -> int:
    """Whole microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def instant(microseconds: int) -> datetime:
    """The instant that many microseconds after 1970 began."""
    return _EPOCH + timedelta(microseconds=microseconds)


class Database:
    """One database by its URL. Raises `ConfigError` if that is none that botpay can use."""

    def __init__(self, url: str) -> None:
        if url.startswith("sqlite"):
            self.engine = self._reader = _sqlite(url)
        else:
            self.engine = _postgresql(url, _OF_A_WRITER)
            self._reader = _postgresql(url, _OF_A_READER).execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite: one process only."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that commits at the end, or changes nothing.

        Raises `StorageUnavailable` if the database is locked, full or away, also when the commit fails.
        """
        with _faults_named(), self.engine.begin() as connection:
            yield connection

    def transact(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, done in one transaction; done again if another process was in the way.

        On a deadlock, a row that another process has just added, or a lost connection `work` runs again from its
        beginning, a bounded number of times. If the connection was lost in the commit, what it did may have been done:
        `work` must find that out by itself, by ids and marks.

        Raises `StorageUnavailable` if the database is locked, full or away, or others were in the way every time.
        """

        def in_one() -> T:
            with self.engine.begin() as connection:
                return work(connection)

        return self._until_done(in_one)

    def by_statements(self, work: Callable[[Connection], T]) -> T:
        """The same on PostgreSQL with each statement a transaction of its own, which saves two ways there and back.

        Raises `Overtaken` if what a statement relied on holds no longer; it changed nothing then.
        """

        def one_by_one() -> T:
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                try:
                    return work(connection)
                except Exception as error:
                    if _state(error) in (_TAKEN, _OVERTAKEN):
                        raise Overtaken from None  # the error's own text would hold the statement's values
                    raise

        return self._until_done(one_by_one)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view, which changes nothing. Raises `StorageUnavailable` like `write`."""
        with _faults_named(), self._reader.connect().execution_options(botpay_reads=True) as connection:
            yield connection

    def lone_connection(self) -> Any:
        """A connection of the driver's own to PostgreSQL, outside of the pool; each statement commits by itself.

        Raises `StorageUnavailable` if there is none to be had.
        """
        with _faults_named():
            pooled = self.engine.raw_connection()
            connection: Any = pooled.driver_connection
            pooled.detach()
            connection.autocommit = True
            return connection

    def now(self, connection: Connection, clock: Clock) -> datetime:
        """The time that decides.

        On PostgreSQL it is the server's, so that a worker whose own clock is wrong cannot end anything early; unless
        another clock was put in the place of the machine's.
        """
        if self.is_sqlite or clock is not system_clock:
            return clock()
        found: datetime = raw(connection).execute("select clock_timestamp()", prepare=True).fetchone()[0]
        return found.astimezone(UTC)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        self._reader.dispose()

    def _until_done(self, attempt: Callable[[], T]) -> T:
        for pause in _pauses():
            try:
                return attempt()
            except Exception as error:
                if pause is None or not self._worth_another_try(error):
                    with _faults_named():
                        raise
            time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _worth_another_try(self, error: Exception) -> bool:
        if self.is_sqlite:  # nobody else writes while we do: what failed would fail again
            return False
        state = _state(error)
        if _lost(error):
            self.engine.dispose()  # its other connections are lost too
            return True
        return state in _COLLISIONS or state == _TAKEN


def raw(connection: Connection) -> Any:
    """The driver's own cursor or connection, in the same transaction, where every microsecond counts.

    It has `execute` and, on SQLite, `executemany`. Fetch what a statement found before the next one.
    """
    if connection.dialect.name == "sqlite":
        return connection.connection.driver_connection
    if (cursor := connection.info.get("cursor")) is None:
        driver: Any = connection.connection.driver_connection
        cursor = connection.info["cursor"] = driver.cursor()
    return cursor


def _pauses() -> Iterator[float | None]:
    """How long to wait after each failed try; None after the last."""
    for number in range(_TRIES - 1):
        yield _FIRST_PAUSE_SECONDS * 2**number * (0.5 + random.random())  # noqa: S311 - no secret
    yield None


@contextmanager
def _faults_named() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if told := _told(error):
            raise StorageUnavailable(told) from None  # the error's own text would hold the statement's values
        raise


def _told(error: Exception) -> str | None:
    """What to say of an error that says the database is away; None for any other."""
    cause = _cause(error)
    if _never_made(error):
        return "the database cannot be reached: see that it runs, and that the setting `database` is right"
    if _lost(error):
        return "the connection to the database was lost"
    state = _state(error)
    if state is None:
        return f"the database does not answer as it should: {cause}" if _is_operational(cause) else None
    if state in _COLLISIONS | {_READ_ONLY, _LOCKED} or state.startswith(_AWAY):
        return f"the database does not answer as it should: {cause.diag.message_primary}"
    return None


def _cause(error: Exception) -> Any:
    """The driver's own exception."""
    return error.orig if isinstance(error, DBAPIError) else error


def _state(error: Exception) -> str | None:
    """The SQLSTATE of a PostgreSQL error."""
    return getattr(_cause(error), "sqlstate", None)


def _is_operational(cause: object) -> bool:
    return type(cause).__name__ == "OperationalError"


def _never_made(error: Exception) -> bool:
    """Whether there was no connection to PostgreSQL to begin with: the driver then has no SQLSTATE to tell."""
    ours = type(_cause(error)).__module__.startswith("psycopg")
    at_first = isinstance(error, DBAPIError) and not error.connection_invalidated
    return ours and at_first and not _state(error) and _is_operational(_cause(error))


def _lost(error: Exception) -> bool:
    """Whether a connection to PostgreSQL broke, or could not be made."""
    cause = _cause(error)
    state = _state(error) or ""
    broken = isinstance(error, DBAPIError) and error.connection_invalidated
    ours = type(cause).__module__.startswith("psycopg")
    return broken or state.startswith(("08", "57P")) or (ours and not state and _is_operational(cause))


def _sqlite(url: str) -> Engine:
    try:
        engine = create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY_TIMEOUT_MS / 1000})
    except ArgumentError:
        raise ConfigError("database: write sqlite:///FILE, or sqlite:////FILE from the root of the disk") from None

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: object) -> None:  # noqa: ARG001 - SQLAlchemy's signature
        connection.isolation_level = None  # the driver shall not begin transactions of its own
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("botpay_reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: str, settings: tuple[str, ...]) -> Engine:
    try:
        if not url.startswith("postgresql"):
            raise ArgumentError
        engine = create_engine(url, hide_parameters=True, use_native_hstore=False)
    except ArgumentError:
        raise ConfigError("database: write sqlite:///FILE, or postgresql://USER@HOST/NAME") from None
    except ModuleNotFoundError:
        raise ConfigError('PostgreSQL needs its driver: pip install "botpay[postgres]"') from None

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: object) -> None:  # noqa: ARG001 - SQLAlchemy's signature
        connection.execute("; ".join(f"set {setting}" for setting in settings))
        connection.commit()

    return engine

"""The database: one engine, one writer, and the tables' common ground.

SQLite runs in WAL mode with synchronous=FULL, so that a commit survives a power cut, and every writing transaction
begins IMMEDIATE, so that what it read cannot change under it. PostgreSQL serves several processes.
Instants are kept as whole microseconds since 1970 in UTC: exact, sortable and the same on both.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, Dialect, Engine, Integer, MetaData, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.types import TypeDecorator

from botpay.errors import StorageUnavailable

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
    f"busy_timeout={_BUSY_TIMEOUT_MS}",
)

SerialKey = BigInteger().with_variant(Integer, "sqlite")
"""A key that counts up by itself on both databases."""


class Instant(TypeDecorator[datetime]):
    """A point in time: an aware `datetime` in Python, microseconds since 1970 in the database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """To microseconds."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """From microseconds."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Database:
    """One database by its URL."""

    def __init__(self, url: str) -> None:
        self.engine = (
            _sqlite(url) if url.startswith("sqlite") else create_engine(url, pool_pre_ping=True, hide_parameters=True)
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

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view, which changes nothing. Raises `StorageUnavailable` like `write`."""
        with _faults_named(), self.engine.connect().execution_options(botpay_reads=True) as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


@contextmanager
def _faults_named() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:  # its text would hold the statement's values
        raise StorageUnavailable(f"the database does not answer as it should: {error.orig}") from None
    except DBAPIError as error:
        if error.connection_invalidated:
            raise StorageUnavailable("the connection to the database was lost") from None
        raise


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY_TIMEOUT_MS / 1000})

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

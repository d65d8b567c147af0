"""What came in: marks of what is done, in the commit of its effect, and messages that a fault of ours kept from it."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Column, Connection, String, Table, Uuid, bindparam, insert, select

from botpay import ids
from botpay.database import Instant, Sealed, metadata
from botpay.sealing import Keyring, place

marks = Table(
    "marks",
    metadata,
    Column("source", String, primary_key=True),
    Column("outcome", String, nullable=False),
    Column("at", Instant, nullable=False),
)
dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("fault", String, nullable=False),
    Column("payload", Sealed("id"), nullable=False),
    Column("at", Instant, nullable=False),
)

_seen = select(marks.c.source).where(marks.c.source.in_(bindparam("sources", expanding=True)))


def load_marks(connection: Connection, sources: Collection[str]) -> set[str]:
    """Which of some sources are done already."""
    return set(connection.execute(_seen, {"sources": list(sources)}).scalars())


def save_marks(connection: Connection, done: Iterable[tuple[str, str]], at: datetime) -> None:
    """Mark (source, outcome) as done."""
    if values := [{"source": source, "outcome": outcome, "at": at} for source, outcome in sorted(done)]:
        connection.execute(insert(marks), values)


def bury(connection: Connection, keyring: Keyring, fault: BaseException, payload: str, at: datetime) -> str:
    """Keep what a fault of ours kept from being handled, sealed, for the operator. Returns its id."""
    letter_id = ids.fresh(at)
    sealed = keyring.seal(place("dead_letters", letter_id, "payload"), payload)
    connection.execute(insert(dead_letters).values(id=letter_id, fault=type(fault).__name__, payload=sealed, at=at))
    return letter_id

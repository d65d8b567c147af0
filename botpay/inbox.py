"""What came in: marks of what is done, in the commit of its effect, and messages that a fault of ours kept from it."""

import hmac
from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Column, Connection, String, Table, Uuid, bindparam, insert, select

from botpay import ids
from botpay.database import Instant, Sealed, metadata
from botpay.message import SecretText
from botpay.sealing import Keyring, place

marks = Table(
    "marks",
    metadata,
    Column("source", String, primary_key=True),
    Column("outcome", String, nullable=False),
    Column("at", Instant, nullable=False),
    Column("contents", String),
)
dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("fault", String, nullable=False),
    Column("payload", Sealed("id"), nullable=False),
    Column("at", Instant, nullable=False),
)

Mark = tuple[str, str, str | None]
"""A source that is done, its outcome, and the keyed digest of its contents where that must not differ."""

_seen = select(marks.c.source, marks.c.contents).where(marks.c.source.in_(bindparam("sources", expanding=True)))


def load_marks(connection: Connection, sources: Collection[str]) -> dict[str, str | None]:
    """Which of some sources are done already, each with the digest of its contents."""
    return {row.source: row.contents for row in connection.execute(_seen, {"sources": list(sources)})}


def save_marks(connection: Connection, done: Iterable[Mark], at: datetime) -> None:
    """Mark sources as done."""
    names = ("source", "outcome", "contents")
    if values := [{**dict(zip(names, mark, strict=True)), "at": at} for mark in sorted(done, key=_source)]:
        connection.execute(insert(marks), values)


def digest_of(key: bytes, contents: SecretText | None) -> str | None:
    """What tells contents apart and gives nothing away: it is keyed, for they may be as few as the digits of a PIN."""
    if contents is None:
        return None
    return hmac.digest(key, b"contents|" + contents.reveal().encode("utf-8", "surrogatepass"), "sha256").hex()


def bury(connection: Connection, keyring: Keyring, fault: BaseException, payload: str, at: datetime) -> str:
    """Keep what a fault of ours kept from being handled, sealed, for the operator. Returns its id."""
    letter_id = ids.fresh(at)
    sealed = keyring.seal(place("dead_letters", letter_id, "payload"), payload)
    connection.execute(insert(dead_letters).values(id=letter_id, fault=type(fault).__name__, payload=sealed, at=at))
    return letter_id


def _source(mark: Mark) -> str:
    return mark[0]

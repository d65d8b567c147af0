"""The table of links."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Column, Connection, LargeBinary, Table, Text

from botpay.audit import chain
from botpay.database import Instant, SerialKey, metadata, micros, raw
from botpay.ledger.model import Transfer

links = Table(
    "audit",
    metadata,
    Column("seq", SerialKey, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("body", Text, nullable=False),
    Column("mac", LargeBinary, nullable=False),
)

_HEAD = "select seq, mac from audit order by seq desc limit 1"
_INSERT = "insert into audit (seq, at, body, mac) values (?, ?, ?, ?)"
_LOCKED_HEAD = "select seq, mac from botpay_audit_head()"  # made by the migration: takes a lock, then looks


def append(
    connection: Connection,
    key: bytes,
    events: Sequence[tuple[str, str]],
    transfers: Iterable[Transfer],
    at: datetime,
    states: Iterable[chain.State] = (),
) -> int:
    """Append the link of this commit and return its number, for the rows that it covers.

    On PostgreSQL other processes wait from here to the commit: append late. The number is the primary key, so even
    who did not wait could not fork the chain.

    Args:
        events: (source, outcome) of all that happened, in order.
        states: rows that live on, as this commit leaves them; see `botpay.proof` for which are kept.
    """
    body = chain.body(events, transfers, key, states)
    driver = raw(connection)
    sqlite = connection.dialect.name == "sqlite"
    head = driver.execute(_HEAD).fetchone() if sqlite else driver.execute(_LOCKED_HEAD, prepare=True).fetchone()
    seq, previous = (head[0] + 1, bytes(head[1])) if head else (1, chain.FIRST)
    link = chain.make(key, previous, seq, at, body)
    values = (link.seq, micros(at), link.body, link.mac)
    if sqlite:
        driver.execute(_INSERT, values)
    else:
        driver.execute(_INSERT.replace("?", "%s"), values, prepare=True)
    return link.seq


def chained(key: bytes) -> Callable[[Connection, Collection[Transfer], datetime], int]:
    """Appends a link for transfers that need no more words than their rows; see `botpay.ledger.engine`."""
    return lambda connection, transfers, at: append(connection, key, [("ledger", "booked")], transfers, at)

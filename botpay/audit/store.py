"""The table of links."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Column, Connection, LargeBinary, Table, Text, insert, select

from botpay.audit import chain
from botpay.database import Instant, SerialKey, metadata
from botpay.ledger.model import Transfer

links = Table(
    "audit",
    metadata,
    Column("seq", SerialKey, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("body", Text, nullable=False),
    Column("mac", LargeBinary, nullable=False),
)

_head = select(links.c.seq, links.c.mac).order_by(links.c.seq.desc()).limit(1)


def append(
    connection: Connection,
    key: bytes,
    events: Sequence[tuple[str, str]],
    transfers: Iterable[Transfer],
    at: datetime,
) -> int:
    """Append the link of this commit and return its number, for the rows that it covers.

    On PostgreSQL two writers that append at once collide on the number, and one of them tries again.

    Args:
        events: (source, outcome) of all that happened, in order.
    """
    head = connection.execute(_head).first()
    seq, previous = (head.seq + 1, head.mac) if head else (1, chain.FIRST)
    link = chain.make(key, previous, seq, at, chain.body(events, transfers, key))
    connection.execute(insert(links).values(seq=link.seq, at=link.at, body=link.body, mac=link.mac))
    return seq

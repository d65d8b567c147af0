"""The table of links."""

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, LargeBinary, SmallInteger, Table, Text, UniqueConstraint

from botpay.audit import chain
from botpay.audit.chain import Head, Link
from botpay.database import Instant, SerialKey, metadata, micros, raw
from botpay.ledger.model import Transfer

links = Table(
    "audit",
    metadata,
    Column("seq", SerialKey, primary_key=True, autoincrement=False),
    Column("lane", SmallInteger, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("body", Text, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    UniqueConstraint("lane", "place"),  # whatever else goes wrong, no lane is ever forked
)

_LAST = "select seq + 1, 0, place, mac from audit order by seq desc limit 1"
_FREE = "select seq, lane, place, mac from botpay_audit_head(%s)"  # made by the migrations: locks a lane, then looks
_INSERT = "insert into audit (seq, lane, place, at, body, mac) values (?, ?, ?, ?, ?, ?)"


def append(
    connection: Connection,
    key: bytes,
    events: Sequence[tuple[str, str]],
    transfers: Iterable[Transfer],
    at: datetime,
    states: Iterable[chain.State] = (),
) -> int:
    """Append the link of this commit and return its number, for the rows that it covers.

    Append last: on PostgreSQL the number is drawn here, and must come after the locks of all rows that the link covers.
    Then of two commits that change one row, the later has the greater number, whichever lanes they are on.

    Args:
        events: (source, outcome) of all that happened, in order.
        states: rows that live on, as this commit leaves them; see `botpay.proof` for which are kept.
    """
    body = chain.body(events, transfers, key, states)
    driver = raw(connection)
    if connection.dialect.name == "sqlite":
        seq, *head = driver.execute(_LAST).fetchone() or (1, 0, 0, None)
        driver.execute(_INSERT, _row(chain.make(key, _head(*head), seq, at, body)))
    else:
        seq, *head = driver.execute(_FREE, (lane_of(connection),), prepare=True).fetchone()
        row = _row(chain.make(key, _head(*head), seq, at, body))
        driver.execute(_INSERT.replace("?", "%s"), row, prepare=True)
    return int(seq)


def lane_of(connection: Connection) -> int:
    """The lane of a connection, drawn by lot: two that have the same are in each other's way, no more."""
    if (lane := connection.info.get("lane")) is None:
        lane = connection.info["lane"] = random.randrange(chain.LANES)  # noqa: S311 - no secret
    return int(lane)


@dataclass(frozen=True, slots=True)
class Chained:
    """Links for transfers that need no more words than their rows; see `botpay.ledger.engine`."""

    key: bytes = field(repr=False)

    def append(self, connection: Connection, transfers: Collection[Transfer], at: datetime) -> int:
        """Append a link, as `append` does."""
        return append(connection, self.key, _BOOKED, transfers, at)

    def lane(self, connection: Connection) -> int:
        """The lane on which to look for a head."""
        return lane_of(connection)

    def leave(self, connection: Connection) -> None:
        """Another lane next time: on this one somebody was faster."""
        connection.info.pop("lane", None)

    def row(
        self, seq: int, lane: int, place: int | None, mac: bytes | None, transfers: Collection[Transfer], at: datetime
    ) -> tuple[Any, ...]:
        """The row of the link `seq` that goes on the end of a lane: seq, lane, place, micros, body, mac."""
        body = chain.body(_BOOKED, transfers, self.key)
        return _row(chain.make(self.key, _head(lane, place, mac), seq, at, body))


_BOOKED = (("ledger", "booked"),)


def _head(lane: int, place: int | None, mac: bytes | None) -> Head:
    """The end of a lane as its last row says; nothing of it if there is none."""
    return Head(lane, place or 0, bytes(mac) if mac else chain.before_first(lane))


def _row(link: Link) -> tuple[Any, ...]:
    return link.seq, link.lane, link.place, micros(link.at), link.body, link.mac

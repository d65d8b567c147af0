"""The table of outbounds. What is to be said to whom is sealed as long as it waits or is dead, and wiped after that."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Index,
    Integer,
    RowMapping,
    String,
    Table,
    Uuid,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    update,
)

from botpay.database import Instant, Sealed, SerialKey, metadata
from botpay.errors import LedgerFault
from botpay.message import Button, Keypad, Outbound, Visibility
from botpay.outbox.model import Delivery, Fate, Letter
from botpay.sealing import Keyring, place

outbound = Table(
    "outbound",
    metadata,
    Column("seq", SerialKey, primary_key=True),
    Column("id", Uuid(as_uuid=False), nullable=False, unique=True),
    Column("adapter", String, nullable=False),
    Column("tenant", String, nullable=False),
    Column("lane", String, nullable=False),
    Column("replaces_letter", Uuid(as_uuid=False)),
    Column("target", String),  # the digest of the message that it takes the place of: it outlives the body
    Column("body", Sealed("id")),
    Column("fate", String, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("next_at", Instant, nullable=False),
    Column("receipt", String),
    Column("reason", String),
    Column("created_at", Instant, nullable=False),
    Column("leased_by", Uuid(as_uuid=False)),
    Column("leased_until", Instant),
    CheckConstraint("fate in ('queued', 'sent', 'superseded', 'unreachable', 'dead', 'dropped')", name="fate"),
    CheckConstraint("(fate in ('queued', 'dead')) = (body is not null)", name="wiped"),
    Index(
        "ix_outbound_queued",
        "adapter",
        "tenant",
        "lane",
        "seq",
        sqlite_where=Column("fate") == "queued",
        postgresql_where=Column("fate") == "queued",
    ),
    Index(
        "ix_outbound_dead",
        "next_at",
        sqlite_where=Column("fate") == "dead",
        postgresql_where=Column("fate") == "dead",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A letter that waits, as read from its row.

    Attributes:
        lane: letters of one lane are sent one after the other.
        letter: None if no key that is here opens it.
    """

    id: str
    adapter: str
    tenant: str
    lane: str
    letter: Letter | None
    tries: int
    next_at: datetime


_OF_A_LANE = 20
_PLAIN = ("id", "adapter", "tenant", "visibility", "to", "chat", "text", "replaces", "deletes")

_LANE = (outbound.c.adapter, outbound.c.tenant, outbound.c.lane)
_waiting = (
    select(
        *(
            outbound.c[name]
            for name in ("seq", "id", "adapter", "tenant", "lane", "replaces_letter", "body", "tries", "next_at")
        ),
        func.row_number().over(partition_by=_LANE, order_by=outbound.c.seq).label("place"),
        func.first_value(outbound.c.next_at, type_=Instant)
        .over(partition_by=_LANE, order_by=outbound.c.seq)
        .label("due"),
        func.max(outbound.c.leased_until, type_=Instant).over(partition_by=_LANE).label("leased_until"),
    )
    .where(
        outbound.c.fate == literal_column("'queued'"),  # written out, so that the partial index serves
        outbound.c.adapter.in_(bindparam("adapters", expanding=True)),
    )
    .subquery()
)
_queued = (
    select(_waiting)
    .where(
        _waiting.c.due <= bindparam("now", type_=Instant),
        _waiting.c.place <= bindparam("of_a_lane"),
        or_(_waiting.c.leased_until.is_(None), _waiting.c.leased_until <= bindparam("now", type_=Instant)),
    )
    .order_by(_waiting.c.place, _waiting.c.seq)
    .limit(bindparam("most"))
)
_receipts = select(outbound.c.id, outbound.c.receipt).where(outbound.c.id.in_(bindparam("ids", expanding=True)))
_record = (
    update(outbound)
    .where(outbound.c.id == bindparam("_id"), outbound.c.fate == Fate.QUEUED.value)
    .values(
        fate=bindparam("_fate"),
        receipt=func.coalesce(bindparam("_receipt"), outbound.c.receipt),
        next_at=func.coalesce(bindparam("_next_at", type_=Instant), outbound.c.next_at),
        reason=bindparam("_reason"),
        tries=outbound.c.tries + 1,
        leased_by=None,
        leased_until=None,
        body=case((bindparam("_fate").in_(["queued", "dead"]), outbound.c.body), else_=null()),
    )
)
_drop = (
    update(outbound)
    .where(outbound.c.id == bindparam("_id"), outbound.c.fate == Fate.DEAD.value)
    .values(fate=Fate.DROPPED.value, body=None)
)
_stale = (
    select(outbound.c.id)
    .where(outbound.c.fate == literal_column("'dead'"), outbound.c.next_at <= bindparam("now", type_=Instant))
    .order_by(outbound.c.next_at)
    .limit(bindparam("most"))
)
_free = (
    select(outbound.c.id)
    .where(
        outbound.c.id.in_(bindparam("ids", expanding=True)),
        outbound.c.fate == Fate.QUEUED.value,
        or_(outbound.c.leased_until.is_(None), outbound.c.leased_until <= bindparam("now", type_=Instant)),
    )
    .with_for_update(skip_locked=True)
)
_lease = (
    update(outbound)
    .where(outbound.c.id.in_(bindparam("ids", expanding=True)))
    .values(leased_by=bindparam("holder"), leased_until=bindparam("until", type_=Instant))
)
_renew = (
    update(outbound)
    .where(outbound.c.leased_by == bindparam("holder"), outbound.c.fate == Fate.QUEUED.value)
    .values(leased_until=bindparam("until", type_=Instant))
)


def save_letters(connection: Connection, keyring: Keyring, letters: Iterable[Letter], now: datetime) -> None:
    """Queue letters in the order given."""
    if values := [_values(letter, keyring, now) for letter in letters]:
        connection.execute(insert(outbound), values)


def save_deliveries(connection: Connection, deliveries: Iterable[Delivery]) -> None:
    """Write what happened to letters that were still queued, and that dead ones are dropped."""
    told = list(deliveries)
    values = [
        {"_id": d.letter_id, "_fate": d.fate.value, "_receipt": d.receipt, "_next_at": d.next_at, "_reason": d.reason}
        for d in told
        if d.fate is not Fate.DROPPED
    ]
    if values:
        connection.execute(_record, values)
    if dropped := [{"_id": d.letter_id} for d in told if d.fate is Fate.DROPPED]:
        connection.execute(_drop, dropped)


def due_to_drop(connection: Connection, now: datetime, most: int) -> list[str]:
    """Dead letters whose time is over, the oldest first."""
    return list(connection.execute(_stale, {"now": now, "most": most}).scalars())


def load_queued(
    connection: Connection, keyring: Keyring, adapters: Collection[str], now: datetime, most: int
) -> list[Queued]:
    """The letters of some adapters whose lane is due, in order: first the head of each lane, so that none starves.

    A lane is due when its first letter is, and no process is sending one of its letters; a long lane is read a few
    letters at a time.
    """
    values = {"adapters": list(adapters), "now": now, "most": most, "of_a_lane": _OF_A_LANE}
    rows = connection.execute(_queued, values).mappings()
    return [
        Queued(
            id=row["id"],
            adapter=row["adapter"],
            tenant=row["tenant"],
            lane=row["lane"],
            letter=letter_of(row, keyring),
            tries=row["tries"],
            next_at=row["next_at"],
        )
        for row in rows
    ]


def lease(connection: Connection, ids: Collection[str], holder: str, now: datetime, until: datetime) -> set[str]:
    """Those of some letters that this process may send: still queued, and taken by nobody else until then."""
    got = set(connection.execute(_free, {"ids": list(ids), "now": now}).scalars())
    if got:
        connection.execute(_lease, {"ids": list(got), "holder": holder, "until": until})
    return got


def renew_leases(connection: Connection, holder: str, until: datetime) -> None:
    """Keep what this process is sending from others for longer."""
    connection.execute(_renew, {"holder": holder, "until": until})


def load_receipts(connection: Connection, ids: Collection[str]) -> dict[str, str | None]:
    """Where some letters stand on their platforms, as far as they were delivered."""
    return {row.id: row.receipt for row in connection.execute(_receipts, {"ids": list(ids)})}


def _values(letter: Letter, keyring: Keyring, now: datetime) -> dict[str, Any]:
    body = {"outbound": _packed(letter.outbound), "fallback": letter.fallback and _packed(letter.fallback)}
    packed = json.dumps(body, separators=(",", ":"))  # ASCII: half a surrogate pair in a name can be kept too
    return {
        "id": letter.outbound.id,
        "adapter": letter.outbound.adapter,
        "tenant": letter.outbound.tenant,
        "lane": keyring.digest("lane", letter.lane),
        "replaces_letter": letter.replaces_letter,
        "target": letter.target and keyring.digest("target", letter.target),
        "body": keyring.seal(_place(letter.outbound.id), packed),
        "fate": Fate.QUEUED.value,
        "next_at": now,
        "created_at": now,
    }


def letter_of(row: RowMapping, keyring: Keyring) -> Letter | None:
    """The letter in a row with a body; None if no key that is here opens it."""
    try:
        body = json.loads(keyring.unseal(_place(row["id"]), row["body"]))
    except LedgerFault:
        return None
    fallback = body["fallback"] and _outbound_of(body["fallback"])
    return Letter(outbound=_outbound_of(body["outbound"]), replaces_letter=row["replaces_letter"], fallback=fallback)


def _place(letter_id: str) -> str:
    return place("outbound", letter_id, "body")


def _packed(outbound: Outbound) -> dict[str, Any]:
    values = {name: value for name in _PLAIN if (value := getattr(outbound, name)) is not None}
    if outbound.buttons:
        values["buttons"] = _packed_rows(outbound.buttons)
    if pad := outbound.keypad:
        values["keypad"] = [pad.title, pad.open_label, _packed_rows(pad.rows), pad.shown, pad.clear_token]
    return values


def _packed_rows(rows: tuple[tuple[Button, ...], ...]) -> list[list[tuple[str | None, ...]]]:
    return [[(b.label, b.token, b.url) if b.url else (b.label, b.token) for b in row] for row in rows]


def _outbound_of(values: dict[str, Any]) -> Outbound:
    plain: dict[str, Any] = {name: values[name] for name in _PLAIN if name in values}
    plain["visibility"] = Visibility(values["visibility"])
    if pad := values.get("keypad"):
        plain["keypad"] = Keypad(title=pad[0], open_label=pad[1], rows=_rows(pad[2]), shown=pad[3], clear_token=pad[4])
    return Outbound(**plain, buttons=_rows(values.get("buttons", [])))


def _rows(rows: list[list[list[str]]]) -> tuple[tuple[Button, ...], ...]:
    return tuple(tuple(Button(*button) for button in row) for row in rows)

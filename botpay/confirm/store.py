"""The tables of challenges and PINs. Memos, and digits entered so far, are sealed at rest."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    RowMapping,
    String,
    Table,
    Uuid,
    and_,
    bindparam,
    false,
    func,
    insert,
    or_,
    select,
    update,
)

from botpay.confirm.challenge import Challenge, Pin, State
from botpay.confirm.pin import PEPPER_ID_CHARACTERS
from botpay.database import Instant, Sealed, metadata
from botpay.errors import LedgerFault
from botpay.message import SecretText
from botpay.sealing import Keyring, place

challenges = Table(
    "challenges",
    metadata,
    Column("transfer_id", Uuid(as_uuid=False), ForeignKey("transfers.id"), primary_key=True),
    Column("person_id", Uuid(as_uuid=False), ForeignKey("people.id"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("payee_owner", Uuid(as_uuid=False), nullable=False),
    Column("payee_kind", String, nullable=False),
    Column("payee", String, nullable=False),
    Column("memo", Sealed("transfer_id")),
    Column("language", String, nullable=False),
    Column("origin_adapter", String, nullable=False),
    Column("origin_tenant", String, nullable=False),
    Column("origin_actor", String, nullable=False),
    Column("origin_chat", String, nullable=False),
    Column("origin_public", Boolean, nullable=False),
    Column("prompt_id", Uuid(as_uuid=False), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("state", String, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("entry", Sealed("transfer_id")),
    Column("checking_until", Instant),
    Column("link", LargeBinary),
    Column("origin_card", Boolean, nullable=False, server_default=false()),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("state in ('open', 'passed', 'failed', 'locked', 'cancelled', 'expired')", name="state"),
    CheckConstraint("tries between 0 and 3", name="tries"),
    CheckConstraint("state = 'open' or (entry is null and checking_until is null)", name="ended"),
    Index(None, "person_id", "state"),
    Index(None, "state", "expires_at"),
    Index(None, "link", unique=True),
)
pins = Table(
    "pins",
    metadata,
    Column("person_id", Uuid(as_uuid=False), ForeignKey("people.id"), primary_key=True),
    Column("hash", String, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_at", Instant),
    Column("locks", Integer, nullable=False, server_default="0"),
    Column("again_at", Instant),
    Column("wrong_day", Integer, nullable=False, server_default="0"),
    Column("wrong_today", Integer, nullable=False, server_default="0"),
    Column("reset_at", Instant),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("failures between 0 and 5", name="failures"),
)

_CHALLENGE_FIELDS = [challenges.c[f.name] for f in fields(Challenge)]
_CHANGING = ("state", "prompt_id", "asked_at", "tries", "entry", "checking_until", "link", "version")
_PIN_CHANGING = tuple(f.name for f in fields(Pin) if f.name != "person_id")

_challenges = (
    select(*_CHALLENGE_FIELDS)
    .where(
        or_(
            challenges.c.transfer_id.in_(bindparam("ids", expanding=True)),
            and_(
                challenges.c.person_id.in_(bindparam("people", expanding=True)), challenges.c.state == State.OPEN.value
            ),
        )
    )
    .order_by(challenges.c.transfer_id)
    .with_for_update(key_share=True)
)
_pins = (
    select(*pins.c)
    .where(pins.c.person_id.in_(bindparam("people", expanding=True)))
    .order_by(pins.c.person_id)
    .with_for_update(key_share=True)
)
_due = (
    select(challenges.c.transfer_id)
    .where(challenges.c.state == State.OPEN.value, challenges.c.expires_at <= bindparam("now", type_=Instant))
    .order_by(challenges.c.expires_at)
    .limit(bindparam("most"))
)
_update_challenge = (
    update(challenges)
    .where(challenges.c.transfer_id == bindparam("_id"), challenges.c.version == bindparam("_seen_version"))
    .values({name: bindparam(f"_{name}") for name in _CHANGING})
)
_update_pin = (
    update(pins)
    .where(pins.c.person_id == bindparam("_id"), pins.c.version == bindparam("_seen_version"))
    .values({name: bindparam(f"_{name}") for name in _PIN_CHANGING})
)


def load_challenges(
    connection: Connection, keyring: Keyring, *, ids: Collection[str] = (), people: Collection[str] = ()
) -> list[Challenge]:
    """Challenges by id, and those open of some people; locked until the commit."""
    rows = connection.execute(_challenges, {"ids": list(ids), "people": list(people)}).mappings()
    return [_challenge_of(row, keyring) for row in rows]


def load_pins(connection: Connection, people: Collection[str]) -> list[Pin]:
    """The PINs of some people; locked until the commit."""
    return [Pin(**row) for row in connection.execute(_pins, {"people": list(people)}).mappings()]


def waiting_for(connection: Connection, payees: Collection[str], most: int) -> list[str]:
    """Open challenges of payments to some payees."""
    whose = challenges.c.payee_owner.in_(payees)
    found = select(challenges.c.transfer_id).where(challenges.c.state == State.OPEN.value, whose).limit(most)
    return list(connection.execute(found).scalars())


def due(connection: Connection, now: datetime, most: int) -> list[str]:
    """Open challenges whose time is over, the oldest first."""
    return list(connection.execute(_due, {"now": now, "most": most}).scalars())


def save_challenges(
    connection: Connection, keyring: Keyring, before: Mapping[str, Challenge], after: Iterable[Challenge]
) -> None:
    """Add new challenges and write changed ones, each only over the version that was read."""
    rows = list(after)
    if added := [_values(row, keyring) for row in rows if row.transfer_id not in before]:
        connection.execute(insert(challenges), added)
    changed = [
        {
            **_renamed(_values(row, keyring), _CHANGING),
            "_id": row.transfer_id,
            "_seen_version": before[row.transfer_id].version,
        }
        for row in rows
        if row.transfer_id in before
    ]
    if changed and connection.execute(_update_challenge, changed).rowcount != len(changed):
        raise LedgerFault("a challenge changed under its lock")


def add_pin(connection: Connection, pin: Pin) -> None:
    """Keep a person's first PIN."""
    connection.execute(insert(pins).values(asdict(pin)))


def count_peppers(connection: Connection) -> dict[str, int]:
    """How many PINs were hashed with which pepper, by its name."""
    name = func.substr(pins.c.hash, 1, PEPPER_ID_CHARACTERS)
    return {
        str(pepper): count
        for pepper, count in connection.execute(select(name, func.count()).where(pins.c.hash != "").group_by(name))
    }


def save_pins(connection: Connection, before: Mapping[str, Pin], after: Iterable[Pin]) -> None:
    """Write hashes, counts of failures and locks, each only over the version that was read."""
    changed = [
        {**_renamed(asdict(pin), _PIN_CHANGING), "_id": pin.person_id, "_seen_version": before[pin.person_id].version}
        for pin in after
    ]
    if changed and connection.execute(_update_pin, changed).rowcount != len(changed):
        raise LedgerFault("a count of PIN failures changed under its lock")


def _renamed(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {f"_{name}": values[name] for name in names}


def _values(challenge: Challenge, keyring: Keyring) -> dict[str, Any]:
    values = {f.name: getattr(challenge, f.name) for f in fields(challenge)}
    entry = challenge.entry.reveal()
    return {
        **values,
        "memo": keyring.seal(_place(challenge.transfer_id, "memo"), challenge.memo) if challenge.memo else None,
        "entry": keyring.seal(_place(challenge.transfer_id, "entry"), entry) if entry else None,
    }


def _challenge_of(row: RowMapping, keyring: Keyring) -> Challenge:
    memo = open_memo(keyring, row["transfer_id"], row["memo"])
    entry = SecretText(_opened(keyring, _place(row["transfer_id"], "entry"), row["entry"]) or "")
    return replace(Challenge(**{**row, "memo": memo, "entry": entry}), state=State(row["state"]))


def open_memo(keyring: Keyring, transfer_id: str, sealed: bytes | None) -> str | None:
    """What a payer wrote with a payment; None if nothing, or if no key that is here opens it."""
    return _opened(keyring, _place(transfer_id, "memo"), sealed)


def _opened(keyring: Keyring, where: str, sealed: bytes | None) -> str | None:
    """What cannot be opened is as if it were not there, else its payment could not even end."""
    try:
        return keyring.unseal(where, sealed) if sealed else None
    except LedgerFault:
        return None


def _place(transfer_id: str, column: str) -> str:
    return place("challenges", transfer_id, column)

"""A link of the chain: HMAC-SHA256 over the link before it, its number, its time and what happened. Pure.

A chain has lanes, so that several processes can each put links on one without waiting for the others: in its lane every
link holds to the one before it, and numbers rise over all lanes in the order in which commits depend on each other.

The key is not in the database, so somebody who can write to the database still cannot make a link. A link covers the
transfers of its commit by their digest; a row that was changed, removed or slipped in no longer fits. It also covers
rows that live on and change (PINs, whose an identity is, ...) by the state in which its commit left each.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botpay.ledger.model import Transfer

LANES = 64
"""On PostgreSQL. An SQLite file has one writer, and one lane."""

_SHORT = 16
"""Hexadecimal digits of a keyed digest that are kept: 64 bits, out of reach for somebody without the key."""

_encoded = json.JSONEncoder(separators=(",", ":")).encode

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a lane ends, and so where its next link goes.

    Attributes:
        place: how many links the lane has, without gaps.
        mac: of the last one; see `before_first`.
    """

    lane: int
    place: int
    mac: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """One commit: its number, its place in its lane, when it was, what happened, and the MAC that chains it."""

    seq: int
    lane: int
    place: int
    at: datetime
    body: str
    mac: bytes


@dataclass(frozen=True, slots=True)
class State:
    """A row that lives on, as a commit left it: its table, what identifies it, and the values that matter.

    A name (`id`) or a value may be personal or secret: a link holds keyed digests of both, never themselves.
    """

    table: str
    id: str
    values: tuple[str | int | None, ...]


Covered = dict[tuple[str, str], str]
"""(table, digest of the id) -> digest of the values, of rows that live on."""


def before_first(lane: int) -> bytes:
    """What stands before the first link of a lane: the lane's number, so that a link belongs to one lane only."""
    return lane.to_bytes(32, "big")


def make(key: bytes, head: Head, seq: int, at: datetime, body: str) -> Link:
    """The link with the number `seq` that goes on the end of a lane."""
    covered = f"{seq}|{micros(at)}|{body}".encode()
    mac = hmac.digest(key, head.mac + covered, "sha256")
    return Link(seq, head.lane, head.place + 1, at, body, mac)


def body(
    events: Sequence[tuple[str, str]], transfers: Iterable[Transfer], key: bytes, states: Iterable[State] = ()
) -> str:
    """What happened, as it is kept: per event a digest of its source (no name, no text) and its outcome."""
    what: dict[str, Any] = {
        "events": [[_keyed(key, source), outcome] for source, outcome in events],
        "transfers": digest(transfers),
    }
    rows: dict[str, dict[str, str]] = {}
    for (table, name), found in sorted(sealed(states, key).items()):
        rows.setdefault(table, {})[name] = found
    return json.dumps({**what, "rows": rows} if rows else what, separators=(",", ":"))


def sealed(states: Iterable[State], key: bytes) -> Covered:
    """The keyed digests of some states; of two states of one row, the later."""
    return {(state.table, _name(state, key)): _of_values(state, key) for state in states}


def covered(body: str) -> tuple[str | None, Covered]:
    """The digest of transfers that a link's body holds (None if it is not such a body), and the states of rows."""
    try:
        what = json.loads(body)
        rows = {
            (table, name): found for table, of_table in what.get("rows", {}).items() for name, found in of_table.items()
        }
        return str(what["transfers"]), rows
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, {}


def digest(transfers: Iterable[Transfer]) -> str:
    """SHA-256 over the rows in the order of their ids, every field of each."""
    lines = map(_line, sorted(transfers, key=lambda row: row.id))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _line(row: Transfer) -> str:
    """All fields as a JSON array; written out, for it is done for every transfer and costs half of what json does."""
    pending = f'"{row.pending_id}"' if row.pending_id else "null"
    expires = micros(row.expires_at) if row.expires_at else "null"
    reason = "null" if row.reason is None else _encoded(row.reason)
    accounts = f'{row.debit_id},{row.credit_id},{row.amount_minor},"{row.currency}"'
    return f'["{row.id}","{row.kind}",{pending},{accounts},{micros(row.created_at)},{expires},{reason}]'


def _name(state: State, key: bytes) -> str:
    return _keyed(key, f"{state.table}|{state.id}")


def _of_values(state: State, key: bytes) -> str:
    return _keyed(key, json.dumps([state.table, state.id, *state.values], separators=(",", ":")))


def _keyed(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()[:_SHORT]


def micros(at: datetime) -> int:
    """An instant as the rows keep it: whole microseconds since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)

"""A link of the chain: HMAC-SHA256 over the link before it, its number, its time and what happened. Pure.

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

FIRST = b"\0" * 32
"""What stands before the first link."""

_SHORT = 16
"""Hexadecimal digits of a keyed digest that are kept: 64 bits, out of reach for somebody without the key."""

_encoded = json.JSONEncoder(separators=(",", ":")).encode

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Link:
    """One commit: its number without gaps, when it was, what happened, and the MAC that chains it."""

    seq: int
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


def make(key: bytes, previous: bytes, seq: int, at: datetime, body: str) -> Link:
    """The link that follows the one with MAC `previous`."""
    head = f"{seq}|{micros(at)}|".encode()
    return Link(seq, at, body, hmac.digest(key, previous + head + body.encode(), "sha256"))


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
    lines = (_encoded(_fields(row)) for row in sorted(transfers, key=lambda row: row.id))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _fields(row: Transfer) -> list[str | int | None]:
    expires = None if row.expires_at is None else micros(row.expires_at)
    accounts = (row.debit_id, row.credit_id, row.amount_minor, row.currency)
    return [row.id, row.kind.value, row.pending_id, *accounts, micros(row.created_at), expires, row.reason]


def _name(state: State, key: bytes) -> str:
    return _keyed(key, f"{state.table}|{state.id}")


def _of_values(state: State, key: bytes) -> str:
    return _keyed(key, json.dumps([state.table, state.id, *state.values], separators=(",", ":")))


def _keyed(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()[:_SHORT]


def micros(at: datetime) -> int:
    """An instant as the rows keep it: whole microseconds since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)

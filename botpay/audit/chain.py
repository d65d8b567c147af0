"""A link of the chain: HMAC-SHA256 over the link before it, its number, its time and what happened. Pure.

The key is not in the database, so somebody who can write to the database still cannot make a link. A link covers the
transfers of its commit by their digest; a row that was changed, removed or slipped in no longer fits.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from botpay.ledger.model import Transfer

FIRST = b"\0" * 32
"""What stands before the first link."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Link:
    """One commit: its number without gaps, when it was, what happened, and the MAC that chains it."""

    seq: int
    at: datetime
    body: str
    mac: bytes


def make(key: bytes, previous: bytes, seq: int, at: datetime, body: str) -> Link:
    """The link that follows the one with MAC `previous`."""
    head = f"{seq}|{_micros(at)}|".encode()
    return Link(seq, at, body, hmac.digest(key, previous + head + body.encode(), "sha256"))


def body(events: Sequence[tuple[str, str]], transfers: Iterable[Transfer], key: bytes) -> str:
    """What happened, as it is kept: per event a digest of its source (no name, no text) and its outcome."""
    lines = [[hmac.digest(key, source.encode(), "sha256").hex()[:16], outcome] for source, outcome in events]
    return json.dumps({"events": lines, "transfers": digest(transfers)}, separators=(",", ":"))


def covered(body: str) -> str | None:
    """The digest of transfers that a link's body holds; None if it is not such a body."""
    try:
        found = json.loads(body)["transfers"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None


def digest(transfers: Iterable[Transfer]) -> str:
    """SHA-256 over the rows in the order of their ids, every field of each."""
    lines = (json.dumps(_fields(row), separators=(",", ":")) for row in sorted(transfers, key=lambda row: row.id))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _fields(row: Transfer) -> list[str | int | None]:
    expires = None if row.expires_at is None else _micros(row.expires_at)
    accounts = (row.debit_id, row.credit_id, row.amount_minor, row.currency)
    return [row.id, row.kind.value, row.pending_id, *accounts, _micros(row.created_at), expires, row.reason]


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)

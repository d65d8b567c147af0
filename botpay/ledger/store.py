"""Reads and writes the ledger's rows, a whole batch at a time.

What a transaction will debit is locked when it is read. What it only credits need not be: credits are added to whatever
is there then, so a charity that everybody gives to is held for the length of one statement and a commit.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, insert

from botpay.database import instant, micros, raw
from botpay.errors import LedgerFault
from botpay.ledger import postgresql, sqlite
from botpay.ledger.model import Account, AccountKind, Transfer, TransferKind
from botpay.ledger.schema import accounts

_ACCOUNT_KINDS = {kind.value: kind for kind in AccountKind}
_TRANSFER_KINDS = {kind.value: kind for kind in TransferKind}


def load_accounts(
    connection: Connection,
    *,
    owners: Collection[str] = (),
    ids: Collection[int] = (),
    debited: Collection[int] | None = None,
) -> list[Account]:
    """The accounts of some owners or with some ids, locked in the order of their ids until the commit.

    Args:
        debited: the accounts that the transaction may debit besides people's, if that is known. If none of them is a
            charity's or a system account, such accounts are read without a lock: they may only be credited.
    """
    rows = _dialect(connection).lock_accounts(raw(connection), owners, ids, debited)
    return [_account(row) for row in rows]


def load_transfers(connection: Connection, ids: Collection[str] = (), ending: Collection[str] = ()) -> list[Transfer]:
    """Transfers by their ids, and the rows that end the reserves `ending`."""
    return [_transfer(row) for row in _dialect(connection).transfers(raw(connection), ids, ending)]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the database knows of some operations.

    Attributes:
        transfers: those that bear their ids, and those that end the reserves they name.
        refused: the code and the digest of contents of those ids that were refused.
        at: the server's time when it looked; None where there is no server.
        accounts: all that they touch, if these were looked at in the same instant.
        head: number of the next link of the audit, place and MAC of the last one on a lane, likewise.
    """

    transfers: list[Transfer]
    refused: dict[str, tuple[str, bytes]]
    at: datetime | None
    accounts: list[Account] = field(default_factory=list)
    head: Sequence[Any] = ()


def load_decided(connection: Connection, ids: Collection[str], ending: Collection[str]) -> Seen:
    """What became of ids before, and of the reserves `ending`."""
    return _seen(*_dialect(connection).decided(raw(connection), ids, ending))


def load_unlocked(
    connection: Connection, accounts: Collection[int], ids: Collection[str], ending: Collection[str], lane: int
) -> Seen:
    """The same, with the reserves `ending` themselves, all accounts and a head, at one instant of a PostgreSQL.

    What is decided by it is saved by `save_unlocked` only where it still holds. The accounts' versions are not told.
    """
    return _seen(*postgresql.seen(raw(connection), accounts, ids, ending, lane))


def save_unlocked(
    connection: Connection,
    before: Mapping[int, Account],
    after: Iterable[Account],
    lowest: Mapping[int, int],
    link: Sequence[Any],
    rows: Collection[Transfer],
) -> None:
    """Save what was decided by `load_unlocked`, all of it or nothing.

    Args:
        lowest: how far what is free on an account went down in between, at most zero: so much must still be there.
        link: the row that goes on the head that was seen.
    """
    postgresql.book(raw(connection), _changes(before, after, lowest), link, rows)


def save_transfers(connection: Connection, rows: Collection[Transfer], batch: int) -> None:
    """Append transfers as rows of audit batch `batch`."""
    if rows:
        _dialect(connection).insert_transfers(raw(connection), rows, batch)


def save_accounts(connection: Connection, before: Mapping[int, Account], after: Iterable[Account]) -> None:
    """Add to counters what changed. Raises `LedgerFault` if an account that can run dry is not as it was read."""
    changes = _changes(before, after, None)
    if changes and _dialect(connection).change_accounts(raw(connection), changes) != len(changes):
        raise LedgerFault("an account changed under its lock")


def save_refused(connection: Connection, rows: Sequence[tuple[str, str, bytes]], at: datetime) -> None:
    """Keep ids that were refused: (id, code, digest of contents)."""
    if rows:
        _dialect(connection).insert_refused(raw(connection), rows, micros(at))


def open_account(connection: Connection, owner: str, kind: AccountKind, currency: str) -> Account:
    """A new account with nothing in it."""
    values = {"owner": owner, "kind": kind.value, "currency": currency}
    found = connection.execute(insert(accounts).values(values).returning(accounts.c.id)).scalar_one()
    return Account(id=found, owner=owner, kind=kind, currency=currency)


def account_of(row: Mapping[Any, Any]) -> Account:
    """An account from its row as SQLAlchemy gives it."""
    names = ("id", "owner", "kind", "currency", *_COUNTERS)
    return _account([row[name] for name in names])


def transfer_of(row: Mapping[Any, Any]) -> Transfer:
    """A transfer from its row as SQLAlchemy gives it."""
    return Transfer(
        id=row["id"],
        kind=_TRANSFER_KINDS[row["kind"]],
        debit_id=row["debit_id"],
        credit_id=row["credit_id"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        created_at=row["created_at"],
        pending_id=row["pending_id"],
        expires_at=row["expires_at"],
        reason=row["reason"],
    )


_COUNTERS = ("debits_pending", "debits_posted", "credits_pending", "credits_posted", "version")


def _dialect(connection: Connection) -> ModuleType:
    return sqlite if connection.dialect.name == "sqlite" else postgresql


def _account(row: Sequence[Any]) -> Account:
    return Account(
        id=row[0],
        owner=row[1],
        kind=_ACCOUNT_KINDS[row[2]],
        currency=row[3],
        debits_pending=row[4],
        debits_posted=row[5],
        credits_pending=row[6],
        credits_posted=row[7],
        version=row[8],
    )


def _transfer(row: Sequence[Any]) -> Transfer:
    return Transfer(
        id=row[0],
        kind=_TRANSFER_KINDS[row[1]],
        debit_id=row[2],
        credit_id=row[3],
        amount_minor=row[4],
        currency=row[5],
        created_at=instant(row[6]),
        pending_id=row[7],
        expires_at=None if row[8] is None else instant(row[8]),
        reason=row[9],
    )


def _changes(
    before: Mapping[int, Account], after: Iterable[Account], lowest: Mapping[int, int] | None
) -> list[tuple[int | None, ...]]:
    """What changes, in the order of locks."""
    return [_change(before[account.id], account, lowest) for account in sorted(after, key=_in_order_of_locks)]


def _change(before: Account, after: Account, lowest: Mapping[int, int] | None) -> tuple[int | None, ...]:
    """By how much an account changed, and what must hold of it: its version, or that there is enough."""
    debits = after.debits_pending - before.debits_pending, after.debits_posted - before.debits_posted
    guarded = lowest is None and (any(debits) or before.kind is AccountKind.PERSON)
    return (
        after.id,
        before.version if guarded else None,
        0 if lowest is None else lowest.get(after.id, 0),
        *debits,
        after.credits_pending - before.credits_pending,
        after.credits_posted - before.credits_posted,
        after.version - before.version,
    )


def _seen(
    transfers: Sequence[Any],
    refused: Sequence[Any],
    at: int | None,
    accounts: Sequence[Any] = (),
    head: Sequence[Any] = (),
) -> Seen:
    return Seen(
        [_transfer(row) for row in transfers],
        {id_: (code, contents) for id_, code, contents in refused},
        None if at is None else instant(at),
        [_account(row) for row in accounts],
        head,
    )


def _in_order_of_locks(account: Account) -> tuple[bool, int]:
    """People first, as `load_accounts` locks them."""
    return account.kind is not AccountKind.PERSON, account.id

"""Reads and writes the ledger's rows, a whole batch at a time.

What a transaction will debit is locked when it is read. What it only credits need not be: credits are added to whatever
is there then, so a charity that everybody gives to is held for the length of one statement and a commit.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
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


def load_decided(
    connection: Connection, ids: Collection[str], ending: Collection[str]
) -> tuple[list[Transfer], dict[str, tuple[str, bytes]], datetime | None]:
    """What `load_transfers` gives; the code and the digest of contents of those ids that were refused; the time.

    The time is the server's, read in the same statement; None where there is no server.
    """
    rows, refused, at = _dialect(connection).decided(raw(connection), ids, ending)
    found = {id_: (code, contents) for id_, code, contents in refused}
    return [_transfer(row) for row in rows], found, None if at is None else instant(at)


def save_transfers(connection: Connection, rows: Collection[Transfer], batch: int) -> None:
    """Append transfers as rows of audit batch `batch`."""
    if rows:
        _dialect(connection).insert_transfers(raw(connection), rows, batch)


def save_accounts(connection: Connection, before: Mapping[int, Account], after: Iterable[Account]) -> None:
    """Add to counters what changed. Raises `LedgerFault` if an account that can run dry is not as it was read."""
    changes = [_change(before[account.id], account) for account in sorted(after, key=_id)]
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


def _change(before: Account, after: Account) -> tuple[int | None, ...]:
    """By how much an account changed; bound to the version that was read, unless it was only credited and never dry."""
    debits = after.debits_pending - before.debits_pending, after.debits_posted - before.debits_posted
    added = any(debits) or before.kind is AccountKind.PERSON
    return (
        after.id,
        before.version if added else None,
        *debits,
        after.credits_pending - before.credits_pending,
        after.credits_posted - before.credits_posted,
        after.version - before.version,
    )


def _id(account: Account) -> int:
    return account.id

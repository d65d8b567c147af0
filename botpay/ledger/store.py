"""Reads and writes the ledger's rows, a whole batch at a time."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from botpay.errors import LedgerFault
from botpay.ledger.model import Account, AccountKind, Transfer, TransferKind
from botpay.ledger.schema import accounts, transfers

_COUNTERS = ("debits_pending", "debits_posted", "credits_pending", "credits_posted", "version")
_ACCOUNT_NAMES = [f.name for f in fields(Account)]
_TRANSFER_NAMES = [f.name for f in fields(Transfer)]
_ACCOUNT_FIELDS = [accounts.c[name] for name in _ACCOUNT_NAMES]
_TRANSFER_FIELDS = [transfers.c[name] for name in _TRANSFER_NAMES]

_accounts_of = (
    select(*_ACCOUNT_FIELDS)
    .where(
        or_(
            accounts.c.owner.in_(bindparam("owners", expanding=True)),
            accounts.c.id.in_(bindparam("ids", expanding=True)),
        )
    )
    .order_by(accounts.c.id)
    .with_for_update(key_share=True)
)
_with_endings = select(*_TRANSFER_FIELDS).where(
    or_(
        transfers.c.id.in_(bindparam("ids", expanding=True)),
        transfers.c.pending_id.in_(bindparam("ids", expanding=True)),
    )
)
_guarded_update = (
    update(accounts)
    .where(accounts.c.id == bindparam("_id"), accounts.c.version == bindparam("_seen_version"))
    .values({name: bindparam(f"_{name}") for name in _COUNTERS})
)


def load_accounts(connection: Connection, *, owners: Collection[str] = (), ids: Collection[int] = ()) -> list[Account]:
    """The accounts of some owners or with some ids, locked in the order of their ids until the commit."""
    rows = connection.execute(_accounts_of, {"owners": list(owners), "ids": list(ids)}).mappings()
    return [account_of(row) for row in rows]


def load_transfers(connection: Connection, reserve_ids: Collection[str]) -> list[Transfer]:
    """Some reserves and the rows that end them."""
    return [transfer_of(row) for row in connection.execute(_with_endings, {"ids": list(reserve_ids)}).mappings()]


def save_transfers(connection: Connection, rows: Iterable[Transfer], batch: int) -> None:
    """Append transfers as rows of audit batch `batch`."""
    if values := [{**asdict(row), "batch": batch} for row in rows]:
        connection.execute(insert(transfers), values)


def save_accounts(connection: Connection, before: Mapping[int, Account], after: Iterable[Account]) -> None:
    """Write changed counters, each only over the version that was read. Raises `LedgerFault` if one was not."""
    changed = [_guarded(before[account.id], account) for account in sorted(after, key=lambda a: a.id)]
    if changed and connection.execute(_guarded_update, changed).rowcount != len(changed):
        raise LedgerFault("an account changed under its lock")


def open_account(connection: Connection, owner: str, kind: AccountKind, currency: str) -> Account:
    """A new account with nothing in it."""
    values = {"owner": owner, "kind": kind.value, "currency": currency}
    row = connection.execute(insert(accounts).values(values).returning(*_ACCOUNT_FIELDS)).mappings().one()
    return account_of(row)


def account_of(row: Mapping[Any, Any]) -> Account:
    """An account from its row."""
    return Account(**{**{name: row[name] for name in _ACCOUNT_NAMES}, "kind": AccountKind(row["kind"])})


def transfer_of(row: Mapping[Any, Any]) -> Transfer:
    """A transfer from its row."""
    return Transfer(**{**{name: row[name] for name in _TRANSFER_NAMES}, "kind": TransferKind(row["kind"])})


def _guarded(before: Account, after: Account) -> dict[str, Any]:
    counters = {f"_{name}": getattr(after, name) for name in _COUNTERS}
    return {**counters, "_id": after.id, "_seen_version": before.version}

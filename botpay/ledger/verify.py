"""Proves the ledger from its immutable rows: recomputes every counter and checks every invariant."""

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from botpay.ledger.model import Account, AccountKind, TransferKind
from botpay.ledger.schema import accounts, transfers
from botpay.ledger.store import account_of

_COUNTERS = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")
_PENDING = {TransferKind.RESERVE: 1, TransferKind.POST: -1, TransferKind.VOID: -1, TransferKind.EXPIRE: -1}
_POSTED = {TransferKind.POST: 1, TransferKind.DIRECT: 1}


def problems(connection: Connection) -> Iterator[str]:
    """Every broken invariant, as a sentence that names the row."""
    yield from _wrong_endings(connection)
    counted = _recounted(connection)
    total: Counter[str] = Counter()
    for row in connection.execute(select(accounts).order_by(accounts.c.id)).mappings():
        account = account_of(row)
        yield from _wrong_counters(account, counted)
        total[account.currency] += account.balance_minor
    yield from (
        f"accounts: all balances in {currency} add up to {sum_}, not to 0" for currency, sum_ in total.items() if sum_
    )


def count(connection: Connection) -> int:
    """How many transfer rows there are."""
    return connection.execute(select(func.count()).select_from(transfers)).scalar_one()


def _wrong_counters(account: Account, counted: Counter[tuple[int, str]]) -> Iterator[str]:
    for name in _COUNTERS:
        kept, right = getattr(account, name), counted[account.id, name]
        if kept != right:
            yield f"accounts: {name} of account {account.id} is {kept}, its transfers say {right}"
    if account.kind is not AccountKind.SYSTEM and account.available_minor < 0:
        yield f"accounts: account {account.id} is overdrawn"


def _recounted(connection: Connection) -> Counter[tuple[int, str]]:
    """The counters that the transfers add up to."""
    counted: Counter[tuple[int, str]] = Counter()
    for side, column in (("debits", transfers.c.debit_id), ("credits", transfers.c.credit_id)):
        sums = select(column, transfers.c.kind, func.sum(transfers.c.amount_minor)).group_by(column, transfers.c.kind)
        for account_id, kind, amount in connection.execute(sums):
            counted[account_id, f"{side}_pending"] += _PENDING.get(kind, 0) * int(amount)
            counted[account_id, f"{side}_posted"] += _POSTED.get(kind, 0) * int(amount)
    return counted


def _wrong_endings(connection: Connection) -> Iterator[str]:
    """Posts, voids and expiries that do not agree with the reserve they end."""
    ends, reserve = transfers.alias("ends"), transfers.alias("reserve")
    same = [ends.c[name] == reserve.c[name] for name in ("debit_id", "credit_id", "amount_minor", "currency")]
    fits = (reserve.c.id == ends.c.pending_id) & (reserve.c.kind == TransferKind.RESERVE.value)
    for condition in same:
        fits &= condition
    found = select(ends.c.id).outerjoin(reserve, fits).where(ends.c.pending_id.is_not(None), reserve.c.id.is_(None))
    yield from (
        f"transfers: {id_} does not agree with the reserve that it ends" for id_ in connection.execute(found).scalars()
    )

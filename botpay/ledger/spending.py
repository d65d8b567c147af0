"""What accounts spent, day by day: the counters behind the limits per day, per week and per 30 days.

One row an account and day: all that was reserved that day, less what was voided or expired of it since, whenever that
came. So pending and completed payments count, on the day on which their sender ordered them, and money that stayed
counts nowhere. The rows are read and written under the lock of their account; each writer adds or takes away, so that
they are right also where nobody had to read them.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Integer,
    Table,
    bindparam,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from botpay.database import SerialKey, metadata
from botpay.errors import LedgerFault

spending = Table(
    "spending",
    metadata,
    Column("account_id", SerialKey, ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("amount_minor", BigInteger, nullable=False),
    CheckConstraint("amount_minor >= 0", name="amount"),
)
"""`day` counts days since 1970 in UTC."""


class Spent(NamedTuple):
    """What one account spent on one day, in minor units; or by how much that changed."""

    account_id: int
    day: int
    amount_minor: int


_since = (
    select(spending.c.account_id, spending.c.day, spending.c.amount_minor)
    .where(spending.c.account_id.in_(bindparam("accounts", expanding=True)), spending.c.day >= bindparam("first"))
    .order_by(spending.c.account_id, spending.c.day)
)
_give_back = (
    update(spending)
    .where(spending.c.account_id == bindparam("_account_id"), spending.c.day == bindparam("_day"))
    .values(amount_minor=spending.c.amount_minor - bindparam("_amount_minor", type_=BigInteger))
)


def load_spending(connection: Connection, accounts: Collection[int], first_day: int) -> list[Spent]:
    """What some accounts, which must be locked, spent on each day from `first_day` on."""
    rows = connection.execute(_since, {"accounts": list(accounts), "first": first_day})
    return [Spent(*row) for row in rows]


def save_spending(connection: Connection, changes: Iterable[Spent]) -> None:
    """Add what was spent, take away (below zero) what was given back. Raises `LedgerFault` if that was never spent."""
    rows = sorted(change for change in changes if change.amount_minor)
    if added := [row._asdict() for row in rows if row.amount_minor > 0]:
        statement = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(spending)
        total = spending.c.amount_minor + statement.excluded.amount_minor
        key = [spending.c.account_id, spending.c.day]
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_={"amount_minor": total}), added)
    given_back = [
        {"_account_id": row.account_id, "_day": row.day, "_amount_minor": -row.amount_minor}
        for row in rows
        if row.amount_minor < 0
    ]
    if given_back and connection.execute(_give_back, given_back).rowcount != len(given_back):
        raise LedgerFault("money is given back to a day on which it was not spent")

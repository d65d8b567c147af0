"""Donations that went through, read from the ledger: what a receipt can be about."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from botpay.charities.store import charities
from botpay.ledger.model import AccountKind, TransferKind
from botpay.ledger.schema import accounts, transfers
from botpay.money import Money
from botpay.receipts.model import Gift

_debit, _credit = accounts.alias("debit"), accounts.alias("credit")
_gifts = (
    select(
        transfers.c.id,
        transfers.c.amount_minor,
        transfers.c.currency,
        transfers.c.created_at,
        _debit.c.owner.label("person_id"),
        _credit.c.owner.label("charity_id"),
    )
    .join(_debit, _debit.c.id == transfers.c.debit_id)
    .join(_credit, _credit.c.id == transfers.c.credit_id)
    .where(
        transfers.c.kind == TransferKind.POST.value,
        _debit.c.kind == AccountKind.PERSON.value,
        _credit.c.kind == AccountKind.CHARITY.value,
    )
    .order_by(transfers.c.created_at, transfers.c.id)
)


def load_gifts_of(connection: Connection, person_id: str) -> list[Gift]:
    """What somebody gave, oldest first."""
    return list(_read(connection, _debit.c.owner == person_id))


def load_gifts_to(connection: Connection, charity_id: str, since: datetime, until: datetime) -> list[Gift]:
    """What a charity was given from one instant to before another, oldest first."""
    within = (transfers.c.created_at >= since) & (transfers.c.created_at < until)
    return list(_read(connection, (_credit.c.owner == charity_id) & within))


def load_gift(connection: Connection, transfer_id: str) -> Gift | None:
    """One donation."""
    return next(_read(connection, transfers.c.id == transfer_id), None)


def _read(connection: Connection, which: ColumnElement[Any]) -> Iterator[Gift]:
    rows = connection.execute(_gifts.where(which)).all()
    wanted = {row.charity_id for row in rows}
    found = connection.execute(select(charities.c.id, charities.c.name).where(charities.c.id.in_(wanted)))
    names = {row.id: row.name for row in found}
    for row in rows:
        yield Gift(
            transfer_id=row.id,
            person_id=row.person_id,
            charity_id=row.charity_id,
            charity=names[row.charity_id],
            amount=Money(row.amount_minor, row.currency),
            at=row.created_at,
        )

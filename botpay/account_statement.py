"""An account's statement: what it had, every amount that came or went, and what it has then; to the cent.

Only money that moved stands in it (posted and direct transfers); what is held for a payment that waits has not moved.
"""

import csv
import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from typing import Any

from sqlalchemy import Connection, Row, Select, case, func, or_, select

from botpay import ids
from botpay.confirm.store import challenges, open_memo
from botpay.directory.store import people
from botpay.errors import ConfigError
from botpay.ledger.schema import MOVED, accounts, transfers
from botpay.money import Money
from botpay.sealing import Keyring

_CHUNK = 1000
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Money that came (above zero) or went (below), and what the account had then, in minor units.

    Attributes:
        reference: what people were told to quote.
        other: who was on the other side: a person's name, a charity as the giver was shown it, or a system account.
        memo: what the payer wrote, or the operator's reason.
    """

    at: datetime
    reference: str
    other: str
    memo: str
    amount_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The statement of one account over whole days in UTC; open on a side that is None."""

    owner: str
    name: str
    currency: str
    first_day: date | None
    last_day: date | None
    opening_minor: int
    lines: tuple[Line, ...]

    @property
    def closing_minor(self) -> int:
        """What the account has at the end: the opening balance and all lines."""
        return self.lines[-1].balance_minor if self.lines else self.opening_minor


def load_statement(
    connection: Connection,
    keyring: Keyring,
    owner: str,
    name: str,
    currency: str,
    first_day: date | None,
    last_day: date | None,
) -> Statement:
    """The statement of an owner's account, from the rows of its transfers; both days included.

    Raises `ConfigError` if the owner has no account in this currency.
    """
    since = None if first_day is None else _midnight(first_day)
    until = None if last_day is None else _midnight(last_day + timedelta(days=1))
    account_id = _account_id(connection, owner, currency)
    opening = 0 if since is None else _balance_before(connection, account_id, since)
    rows = connection.execute(_lines(account_id, since, until)).all()
    balances = accumulate((row.amount_minor for row in rows), initial=opening)
    next(balances)
    lines = tuple(_line(row, balance, keyring) for row, balance in zip(rows, balances, strict=True))
    return Statement(
        owner=owner,
        name=name,
        currency=currency,
        first_day=first_day,
        last_day=last_day,
        opening_minor=opening,
        lines=lines,
    )


def decimal(minor: int, currency: str) -> str:
    """An amount with its sign and all digits of its currency: "-10.50"."""
    return f"{'-' if minor < 0 else ''}{Money(abs(minor), currency).to_decimal_string()}"


def to_csv(statement: Statement) -> str:
    """A header, the opening balance, a row a line, the closing balance. No cell begins as a formula would."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["date", "reference", "other_party", "memo", "amount", "balance", "currency"])
    first, last = statement.first_day or "", statement.last_day or ""
    currency = statement.currency
    rows.writerow([first, "", "", "opening balance", "", decimal(statement.opening_minor, currency), currency])
    for line in statement.lines:
        texts = [_no_formula(text) for text in (line.reference, line.other, line.memo)]
        sums = [decimal(minor, currency) for minor in (line.amount_minor, line.balance_minor)]
        rows.writerow([line.at.isoformat(timespec="seconds"), *texts, *sums, currency])
    rows.writerow([last, "", "", "closing balance", "", decimal(statement.closing_minor, currency), currency])
    return out.getvalue()


def to_dict(statement: Statement) -> dict[str, Any]:
    """The statement for JSON; amounts are decimal strings, so that no reader makes floats of them."""
    currency = statement.currency
    return {
        "owner": statement.owner,
        "name": statement.name,
        "currency": currency,
        "from": statement.first_day and statement.first_day.isoformat(),
        "to": statement.last_day and statement.last_day.isoformat(),
        "opening_balance": decimal(statement.opening_minor, currency),
        "lines": [
            {
                "date": line.at.isoformat(timespec="seconds"),
                "reference": line.reference,
                "other_party": line.other,
                "memo": line.memo,
                "amount": decimal(line.amount_minor, currency),
                "balance": decimal(line.balance_minor, currency),
            }
            for line in statement.lines
        ],
        "closing_balance": decimal(statement.closing_minor, currency),
    }


def _line(row: Row[Any], balance_minor: int, keyring: Keyring) -> Line:
    memo = open_memo(keyring, row.pending_id, row.memo) if row.memo else row.reason
    return Line(
        at=row.created_at,
        reference=ids.reference(row.pending_id or row.id),
        other=row.other,
        memo=memo or "",
        amount_minor=row.amount_minor,
        balance_minor=balance_minor,
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _no_formula(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _account_id(connection: Connection, owner: str, currency: str) -> int:
    found = select(accounts.c.id).where(accounts.c.owner == owner, accounts.c.currency == currency)
    row = connection.execute(found).first()
    if row is None:
        raise ConfigError(f"{owner} has no account in {currency}")
    return row.id  # type: ignore[no-any-return]


def _moved(account_id: int) -> Select[Any]:
    """The rows by which money came to or went from an account."""
    return select(transfers).where(or_(transfers.c.debit_id == account_id, transfers.c.credit_id == account_id), MOVED)


def _balance_before(connection: Connection, account_id: int, before: datetime) -> int:
    moved = _moved(account_id).where(transfers.c.created_at < before).subquery()
    signed = case((moved.c.debit_id == account_id, -moved.c.amount_minor), else_=moved.c.amount_minor)
    return int(connection.execute(select(func.coalesce(func.sum(signed), 0))).scalar_one())


def _lines(account_id: int, since: datetime | None, until: datetime | None) -> Select[Any]:
    """In the order of the commits. Of one commit what came stands first: no line is below zero by its order alone."""
    within = [] if since is None else [transfers.c.created_at >= since]
    within += [] if until is None else [transfers.c.created_at < until]
    moved = _moved(account_id).where(*within).subquery()
    sent = moved.c.debit_id == account_id
    other = accounts.alias("other")
    name = case((sent, challenges.c.payee), else_=people.c.name)
    return (
        select(
            moved.c.id,
            moved.c.pending_id,
            moved.c.created_at,
            case((sent, -moved.c.amount_minor), else_=moved.c.amount_minor).label("amount_minor"),
            func.coalesce(name, other.c.owner).label("other"),
            challenges.c.memo,
            moved.c.reason,
        )
        .join(other, other.c.id == case((sent, moved.c.credit_id), else_=moved.c.debit_id))
        .outerjoin(challenges, challenges.c.transfer_id == moved.c.pending_id)
        .outerjoin(people, people.c.id == challenges.c.person_id)
        .order_by(moved.c.batch, case((sent, 1), else_=0), moved.c.id)
        .execution_options(yield_per=_CHUNK)
    )

"""The trial balance: the balances of all accounts in two columns that must come to the same sum."""

from dataclasses import dataclass

from sqlalchemy import Connection, Select, case, func, select

from botpay.ledger.model import AccountKind
from botpay.ledger.schema import accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLine:
    """One account, or all accounts of a kind together: what is below zero as a debit, what is above as a credit.

    Attributes:
        name: a system account's name, an owner's id, or "" for all of the kind.
        accounts: how many stand in the line.
    """

    currency: str
    kind: AccountKind
    name: str
    accounts: int
    debit_minor: int
    credit_minor: int


def trial_balance(connection: Connection, *, each: bool = False) -> list[TrialLine]:
    """System accounts line by line, then charities and people, each kind together or, if asked, each account."""
    order = list(AccountKind)[::-1]
    lines = [
        TrialLine(
            currency=row.currency,
            kind=AccountKind(row.kind),
            name=row.name,
            accounts=row.accounts,
            debit_minor=int(row.debit_minor),
            credit_minor=int(row.credit_minor),
        )
        for row in connection.execute(_sums(each))
    ]
    return sorted(lines, key=lambda line: (line.currency, order.index(line.kind), line.name))


def _sums(each: bool) -> Select[tuple[str, str, str, int, int, int]]:
    balance = accounts.c.credits_posted - accounts.c.debits_posted
    of_system = case((accounts.c.kind == AccountKind.SYSTEM.value, accounts.c.owner), else_="")
    named = select(
        accounts.c.currency,
        accounts.c.kind,
        (accounts.c.owner if each else of_system).label("name"),
        case((balance < 0, -balance), else_=0).label("debit_minor"),
        case((balance > 0, balance), else_=0).label("credit_minor"),
    ).subquery()
    return select(
        named.c.currency,
        named.c.kind,
        named.c.name,
        func.count().label("accounts"),
        func.sum(named.c.debit_minor).label("debit_minor"),
        func.sum(named.c.credit_minor).label("credit_minor"),
    ).group_by(named.c.currency, named.c.kind, named.c.name)

"""A ledger to play with: accounts by name, operations with ids of their own, and what became of them in one word."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from botpay import ids
from botpay.audit import verify as audit
from botpay.audit.store import Chained
from botpay.clock import Clock
from botpay.database import Database
from botpay.errors import Refusal
from botpay.ledger import verify as ledger
from botpay.ledger.engine import Engine
from botpay.ledger.model import AccountKind
from botpay.ledger.operations import Direct, Expire, Operation, Outcome, Post, Reserve, Void
from botpay.ledger.store import open_account
from botpay.money import Money

AUDIT_KEY = b"k" * 32
LASTS = timedelta(minutes=5)
OUTSIDE = "outside"
"""The system account that money of these ledgers comes from."""


def word(outcome: Outcome) -> str:
    """ "reserve", "post", ... for what was booked, or the code of the refusal."""
    return outcome.code.value if isinstance(outcome, Refusal) else outcome.kind.value


@dataclass(frozen=True, slots=True)
class Books:
    """An engine on a migrated database, and short ways to ask it for something."""

    database: Database
    engine: Engine
    clock: Clock

    @classmethod
    def at(cls, url: str, clock: Clock) -> "Books":
        """The books of a database."""
        database = Database(url)
        return cls(database, Engine(database=database, links=Chained(AUDIT_KEY), clock=clock), clock)

    def open(self, owner: str, funds: int = 0, *, kind: AccountKind = AccountKind.PERSON, currency: str = "EUR") -> int:
        """A new account with so many minor units in it; returns its id."""
        with self.database.write() as connection:
            opened = open_account(connection, owner, kind, currency).id
        if funds:
            self.engine.process([Direct(self.fresh(), self.outside(currency), opened, Money(funds, currency), "start")])
        return opened

    def outside(self, currency: str = "EUR") -> int:
        """The account that stands for the world outside."""
        with self.database.read() as connection:
            found = connection.execute(
                text("select id from accounts where owner = :owner and currency = :currency"),
                {"owner": OUTSIDE, "currency": currency},
            ).scalar()
        return int(found) if found else self.open(OUTSIDE, kind=AccountKind.SYSTEM, currency=currency)

    def fresh(self) -> str:
        """A new id."""
        return ids.fresh(datetime.now().astimezone())

    def reserve(self, debit_id: int, credit_id: int, minor: int, currency: str = "EUR") -> Reserve:
        """To hold money for five minutes."""
        return Reserve(self.fresh(), debit_id, credit_id, Money(minor, currency), LASTS)

    def direct(self, debit_id: int, credit_id: int, minor: int, currency: str = "EUR") -> Direct:
        """To move money in one step."""
        return Direct(self.fresh(), debit_id, credit_id, Money(minor, currency), "gift")

    def post(self, reserve: Operation) -> Post:
        """To pay a reserve."""
        return Post(self.fresh(), reserve.id)

    def void(self, reserve: Operation) -> Void:
        """To give a reserve back."""
        return Void(self.fresh(), reserve.id)

    def expire(self, reserve: Operation) -> Expire:
        """To give a reserve back whose time is over."""
        return Expire(self.fresh(), reserve.id)

    def do(self, *operations: Operation) -> list[str]:
        """What becomes of the operations of one batch."""
        return [word(outcome) for outcome in self.engine.process(operations)]

    def counters(self, account_id: int) -> tuple[int, int]:
        """Balance and held of an account, in minor units."""
        with self.database.read() as connection:
            row = connection.execute(
                text("select credits_posted - debits_posted, debits_pending from accounts where id = :id"),
                {"id": account_id},
            ).one()
        return int(row[0]), int(row[1])

    def count(self, kind: str | None = None) -> int:
        """How many transfers there are, of one kind or of all."""
        where, values = (" where kind = :kind", {"kind": kind}) if kind else ("", {})
        with self.database.read() as connection:
            return int(connection.execute(text(f"select count(*) from transfers{where}"), values).scalar_one())  # noqa: S608

    def ids_of(self, kind: str) -> list[str]:
        """The ids of all transfers of a kind."""
        with self.database.read() as connection:
            found: Sequence[str] = (
                connection.execute(text("select id from transfers where kind = :kind order by id"), {"kind": kind})
                .scalars()
                .all()
            )
        return [str(uuid.UUID(str(id_))) for id_ in found]

    def problems(self) -> list[str]:
        """What ledger and audit find wrong."""
        with self.database.read() as connection:
            return [*ledger.problems(connection), *audit.problems(connection, AUDIT_KEY)]

    def close(self) -> None:
        """Close its connections."""
        self.database.close()

"""The ledger's words: accounts with four counters, and transfers that are never edited.

A transfer debits one account and credits another by the same amount, so an imbalance cannot be written down.
It is either *direct* (one step, for funding and corrections) or begins as a *reserve* that holds the payer's money
and is ended once, by a *post*, a *void* or an *expire*, each a row of its own.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AccountKind(StrEnum):
    """Whose account it is. Only a system account may go below zero: it is the other side of the outside world."""

    PERSON = "person"
    CHARITY = "charity"
    SYSTEM = "system"


class TransferKind(StrEnum):
    """What a transfer row does; the last three end the reserve they point to."""

    DIRECT = "direct"
    RESERVE = "reserve"
    POST = "post"
    VOID = "void"
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account in one currency. Counters are minor units, each the sum of all rows of its sort so far.

    Attributes:
        owner: a person's or charity's id, or the name of a system account ("cash in").
        version: counts the changes, so that nobody overwrites what they have not seen.
    """

    id: int
    owner: str
    kind: AccountKind
    currency: str
    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0
    version: int = 0

    @property
    def balance_minor(self) -> int:
        """What has been posted: received less paid."""
        return self.credits_posted - self.debits_posted

    @property
    def held_minor(self) -> int:
        """What is reserved for payments that wait for their end."""
        return self.debits_pending

    @property
    def available_minor(self) -> int:
        """What can still be reserved."""
        return self.credits_posted - self.debits_posted - self.debits_pending  # asked for every transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One row of the ledger. `pending_id` is the reserve that a post, void or expire ends."""

    id: str
    kind: TransferKind
    debit_id: int
    credit_id: int
    amount_minor: int
    currency: str
    created_at: datetime
    pending_id: str | None = None
    expires_at: datetime | None = None
    reason: str | None = None

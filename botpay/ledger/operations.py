"""What can be asked of the ledger, as frozen sentences, and what it answers. Pure: no SQL, no clock.

The id is chosen and kept by whoever asks, and is the transfer's own: asked again, it is answered with what was done.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botpay.errors import Code, Refusal
from botpay.ledger import rules
from botpay.ledger.model import Account, Transfer, TransferKind
from botpay.money import Money

_is_id = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch


@dataclass(frozen=True, slots=True)
class _Operation:
    id: str

    def __post_init__(self) -> None:
        if not _is_id(self.id):
            raise ValueError("the id of a transfer is a UUID in small letters")


@dataclass(frozen=True, slots=True)
class Reserve(_Operation):
    """Hold an amount of one account for another, for so long."""

    debit_id: int
    credit_id: int
    amount: Money
    lasts: timedelta


@dataclass(frozen=True, slots=True)
class Direct(_Operation):
    """Move an amount in one step, for a reason: money from outside, and corrections."""

    debit_id: int
    credit_id: int
    amount: Money
    reason: str


@dataclass(frozen=True, slots=True)
class Post(_Operation):
    """Pay what was reserved."""

    reserve_id: str


@dataclass(frozen=True, slots=True)
class Void(_Operation):
    """Give back what was reserved."""

    reserve_id: str


@dataclass(frozen=True, slots=True)
class Expire(_Operation):
    """Give back what was reserved for no longer than until now."""

    reserve_id: str


Ending = Post | Void | Expire
Operation = Reserve | Direct | Ending
Outcome = Transfer | Refusal
"""The row that was booked, now or when the same was asked before; or why not."""

_TAKES = (TransferKind.RESERVE, TransferKind.DIRECT)
"""What leaves less free on the account that it debits; whatever ends a reserve does not."""

_KINDS = {Post: TransferKind.POST, Void: TransferKind.VOID, Expire: TransferKind.EXPIRE}


@dataclass(slots=True, kw_only=True)
class Book:
    """A working copy of the rows that a batch of operations can touch; what is decided is booked in it at once.

    Attributes:
        transfers: reserves that are named and what bears an operation's id already, by id.
        endings: what ended a reserve, by the reserve's id.
        refused: code and digest of contents by id.
        booked, newly_refused: what is to be written.
        lowest: how far what is free on an account went down in between, at most zero; that much must be there.
        before: the accounts as they were read.
    """

    now: datetime
    accounts: dict[int, Account]
    transfers: dict[str, Transfer]
    endings: dict[str, Transfer]
    refused: dict[str, tuple[str, bytes]]
    booked: list[Transfer] = field(default_factory=list)
    newly_refused: list[tuple[str, str, bytes]] = field(default_factory=list)
    lowest: dict[int, int] = field(default_factory=dict)
    before: dict[int, Account] = field(init=False)

    def __post_init__(self) -> None:
        self.before = dict(self.accounts)

    def decide(self, operation: Operation) -> Outcome:
        """Book an operation, or refuse it; one that was decided before is answered as it was then.

        An id that was used or refused with other contents is a `CONFLICT`.
        """
        if known := self.transfers.get(operation.id):
            return known if _asked_for(known, operation) else Refusal(Code.CONFLICT)
        if burnt := self.refused.get(operation.id):
            code, contents = burnt
            return Refusal(Code(code) if contents == digest(operation) else Code.CONFLICT)
        outcome = self._decided(operation)
        if isinstance(outcome, Refusal):
            contents = digest(operation)
            self.refused[operation.id] = (outcome.code.value, contents)
            self.newly_refused.append((operation.id, outcome.code.value, contents))
        else:
            self._book(outcome)
        return outcome

    def changed(self) -> list[Account]:
        """The accounts that are not as they were read."""
        return [account for account in self.accounts.values() if account is not self.before[account.id]]

    def _decided(self, operation: Operation) -> Outcome:
        if isinstance(operation, Reserve | Direct):
            return self._moved(operation)
        return self._ended(operation)

    def _moved(self, asked: Reserve | Direct) -> Outcome:
        debit, credit = self.accounts.get(asked.debit_id), self.accounts.get(asked.credit_id)
        if debit is None or credit is None:
            return Refusal(Code.UNKNOWN_ACCOUNT)
        currency, amount_minor = asked.amount.currency, asked.amount.minor
        if debit.currency != currency or credit.currency != currency:
            return Refusal(Code.OTHER_CURRENCY)
        if not amount_minor:
            return Refusal(Code.ZERO_AMOUNT)
        if refusal := rules.may_reserve(debit, credit, amount_minor):
            return refusal
        held = isinstance(asked, Reserve)
        return Transfer(
            id=asked.id,
            kind=TransferKind.RESERVE if held else TransferKind.DIRECT,
            debit_id=asked.debit_id,
            credit_id=asked.credit_id,
            amount_minor=amount_minor,
            currency=currency,
            created_at=self.now,
            expires_at=self.now + asked.lasts if isinstance(asked, Reserve) else None,
            reason=None if isinstance(asked, Reserve) else asked.reason,
        )

    def _ended(self, asked: Ending) -> Outcome:
        reserve = self.transfers.get(asked.reserve_id)
        if reserve is None or reserve.kind is not TransferKind.RESERVE:
            return Refusal(Code.UNKNOWN_TRANSFER)
        ended_by = self.endings.get(reserve.id)
        kind = _KINDS[type(asked)]
        if kind is TransferKind.POST:
            refusal = rules.may_post(ended_by, reserve, self.now)
        elif kind is TransferKind.VOID:
            refusal = rules.may_void(ended_by)
        else:
            refusal = rules.may_expire(ended_by, reserve, self.now)
        return refusal or rules.end(reserve, kind, asked.id, self.now)

    def _book(self, transfer: Transfer) -> None:
        rules.book(self.accounts, transfer)
        if transfer.kind in _TAKES:
            payer = transfer.debit_id
            change = self.accounts[payer].available_minor - self.before[payer].available_minor
            self.lowest[payer] = min(change, self.lowest.get(payer, 0))
        self.transfers[transfer.id] = transfer
        if transfer.pending_id is not None:
            self.endings[transfer.pending_id] = transfer
        self.booked.append(transfer)


def digest(operation: Operation) -> bytes:
    """SHA-256 over what was asked, every field of it."""
    return hashlib.sha256(json.dumps([type(operation).__name__, *_fields(operation)]).encode()).digest()


def _fields(operation: Operation) -> list[Any]:
    if not isinstance(operation, Reserve | Direct):
        return [operation.id, operation.reserve_id]
    last = operation.lasts // timedelta(microseconds=1) if isinstance(operation, Reserve) else operation.reason
    amount = operation.amount
    return [operation.id, operation.debit_id, operation.credit_id, amount.minor, amount.currency, last]


def _asked_for(known: Transfer, operation: Operation) -> bool:
    """Whether a row is what this operation asks for."""
    if not isinstance(operation, Reserve | Direct):
        return known.kind is _KINDS[type(operation)] and known.pending_id == operation.reserve_id
    there = (known.debit_id, known.credit_id, known.amount_minor, known.currency)
    if there != (operation.debit_id, operation.credit_id, operation.amount.minor, operation.amount.currency):
        return False
    if isinstance(operation, Direct):
        return known.kind is TransferKind.DIRECT and known.reason == operation.reason
    return known.expires_at is not None and known.expires_at - known.created_at == operation.lasts

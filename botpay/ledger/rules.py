"""When money may be reserved, posted, voided and expired. Pure: no SQL, no clock.

The order of the questions is the order of the refusals, so the first reason told is always the same one.
"""

from datetime import datetime

from botpay.errors import Code, LedgerFault, Refusal
from botpay.ledger.model import Account, AccountKind, Transfer, TransferKind

_ENDED = {
    TransferKind.POST: Code.ALREADY_POSTED,
    TransferKind.VOID: Code.ALREADY_VOIDED,
    TransferKind.EXPIRE: Code.ALREADY_EXPIRED,
}


def may_reserve(debit: Account, credit: Account, amount_minor: int) -> Refusal | None:
    """Whether `amount_minor` of `debit` may be held for `credit`: two accounts, one currency, enough that is free."""
    if amount_minor <= 0 or debit.currency != credit.currency:
        raise LedgerFault("a transfer needs a positive amount and two accounts of one currency")
    if debit.id == credit.id:
        return Refusal(Code.SELF_PAYMENT)
    if debit.kind is not AccountKind.SYSTEM and debit.available_minor < amount_minor:
        return Refusal(Code.INSUFFICIENT_FUNDS)
    return None


def may_post(ended_by: Transfer | None, reserve: Transfer, now: datetime) -> Refusal | None:
    """Whether a reserve may be posted: not ended yet, and before the instant at which it expires."""
    if refusal := may_void(ended_by):
        return refusal
    if is_over(reserve, now):
        return Refusal(Code.ALREADY_EXPIRED)
    return None


def may_void(ended_by: Transfer | None) -> Refusal | None:
    """Whether a reserve may be voided: not ended yet. Whoever comes second is told what happened."""
    return Refusal(_ENDED[ended_by.kind]) if ended_by else None


def may_expire(ended_by: Transfer | None, reserve: Transfer, now: datetime) -> Refusal | None:
    """Whether a reserve may be expired: not ended yet, and not before the instant at which it expires."""
    if refusal := may_void(ended_by):
        return refusal
    return None if is_over(reserve, now) else Refusal(Code.STILL_OPEN)


def is_over(reserve: Transfer, now: datetime) -> bool:
    """Whether a reserve has expired: it is no longer to be posted from that instant on, swept up or not."""
    return reserve.expires_at is not None and now >= reserve.expires_at


def end(reserve: Transfer, kind: TransferKind, transfer_id: str, now: datetime) -> Transfer:
    """The row that ends a reserve: the same accounts and amount, pointing to it."""
    return Transfer(
        id=transfer_id,
        kind=kind,
        debit_id=reserve.debit_id,
        credit_id=reserve.credit_id,
        amount_minor=reserve.amount_minor,
        currency=reserve.currency,
        created_at=now,
        pending_id=reserve.id,
    )


def book(accounts: dict[int, Account], transfer: Transfer) -> None:
    """Count a transfer on both of its accounts. Raises `LedgerFault` if a counter would go where it may not."""
    accounts[transfer.debit_id] = debited(accounts[transfer.debit_id], transfer)
    accounts[transfer.credit_id] = credited(accounts[transfer.credit_id], transfer)


def debited(account: Account, transfer: Transfer) -> Account:
    """The paying account after a transfer. Raises `LedgerFault` if a counter would go where it may not."""
    pending, posted = _steps(transfer)
    return _checked(
        Account(
            id=account.id,
            owner=account.owner,
            kind=account.kind,
            currency=account.currency,
            debits_pending=account.debits_pending + pending,
            debits_posted=account.debits_posted + posted,
            credits_pending=account.credits_pending,
            credits_posted=account.credits_posted,
            version=account.version + 1,
        ),
        transfer,
    )


def credited(account: Account, transfer: Transfer) -> Account:
    """The receiving account after a transfer."""
    pending, posted = _steps(transfer)
    return _checked(
        Account(
            id=account.id,
            owner=account.owner,
            kind=account.kind,
            currency=account.currency,
            debits_pending=account.debits_pending,
            debits_posted=account.debits_posted,
            credits_pending=account.credits_pending + pending,
            credits_posted=account.credits_posted + posted,
            version=account.version + 1,
        ),
        transfer,
    )


def _steps(transfer: Transfer) -> tuple[int, int]:
    """By how much a transfer changes the pending and the posted counter of its accounts."""
    amount = transfer.amount_minor
    match transfer.kind:
        case TransferKind.RESERVE:
            return amount, 0
        case TransferKind.POST:
            return -amount, amount
        case TransferKind.VOID | TransferKind.EXPIRE:
            return -amount, 0
        case TransferKind.DIRECT:
            return 0, amount


def _checked(account: Account, transfer: Transfer) -> Account:
    if account.currency != transfer.currency:
        raise LedgerFault(f"account {account.id} is not in {transfer.currency}")
    if (
        account.debits_pending < 0
        or account.debits_posted < 0
        or account.credits_pending < 0
        or account.credits_posted < 0
    ):
        raise LedgerFault(f"a counter of account {account.id} would go below zero")
    if (
        account.credits_posted - account.debits_posted < account.debits_pending
        and account.kind is not AccountKind.SYSTEM
    ):
        raise LedgerFault(f"account {account.id} would be overdrawn")
    return account

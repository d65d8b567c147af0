"""The rules of the ledger: what may be reserved, posted and voided, and how accounts change by it."""

from datetime import UTC, datetime, timedelta

import pytest

from botpay.errors import Code, LedgerFault, Refusal
from botpay.ledger import rules
from botpay.ledger.model import Account, AccountKind, Transfer, TransferKind

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


def account(number: int, balance: int = 0, kind: AccountKind = AccountKind.PERSON, currency: str = "EUR") -> Account:
    """An account with a balance."""
    return Account(id=number, owner=f"owner {number}", kind=kind, currency=currency, credits_posted=balance)


def reserve(amount: int = 10_00) -> Transfer:
    """A reserve of five minutes from account 1 for account 2."""
    return Transfer(
        id="r",
        kind=TransferKind.RESERVE,
        debit_id=1,
        credit_id=2,
        amount_minor=amount,
        currency="EUR",
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=5),
    )


def ending(kind: TransferKind, of: Transfer | None = None) -> Transfer:
    """The row that ends a reserve."""
    return rules.end(of or reserve(), kind, "e", NOW + MOMENT)


def code(refusal: Refusal | None) -> Code | None:
    """The code of a refusal."""
    return refusal.code if refusal else None


def test_all_that_is_free_may_be_reserved() -> None:
    """The whole of what is free may be held, and not a cent more."""
    assert rules.may_reserve(account(1, 10_00), account(2), 10_00) is None
    assert code(rules.may_reserve(account(1, 10_00), account(2), 10_01)) is Code.INSUFFICIENT_FUNDS


def test_what_is_held_is_not_free() -> None:
    """Money that waits for a PIN cannot be held a second time."""
    debit = rules.debited(account(1, 15_00), reserve(10_00))
    assert rules.may_reserve(debit, account(2), 5_00) is None
    assert code(rules.may_reserve(debit, account(2), 5_01)) is Code.INSUFFICIENT_FUNDS


def test_what_is_on_its_way_to_somebody_is_not_theirs_yet() -> None:
    """Money reserved for an account cannot be spent from it before it is posted."""
    credit = rules.credited(account(2), reserve(10_00))
    assert code(rules.may_reserve(credit, account(1), 1)) is Code.INSUFFICIENT_FUNDS
    assert rules.may_reserve(rules.credited(credit, ending(TransferKind.POST)), account(1), 10_00) is None


def test_nobody_pays_themselves() -> None:
    """A transfer has two accounts; paying oneself is told as such, even without the money for it."""
    assert code(rules.may_reserve(account(1, 10_00), account(1, 10_00), 5_00)) is Code.SELF_PAYMENT
    assert code(rules.may_reserve(account(1), account(1), 5_00)) is Code.SELF_PAYMENT


def test_a_system_account_may_go_below_zero() -> None:
    """Only the other side of the outside world may owe."""
    assert rules.may_reserve(account(1, kind=AccountKind.SYSTEM), account(2), 5_00) is None
    assert code(rules.may_reserve(account(1, kind=AccountKind.CHARITY), account(2), 5_00)) is Code.INSUFFICIENT_FUNDS


@pytest.mark.parametrize("amount", [0, -1])
def test_a_reserve_of_nothing_is_a_fault(amount: int) -> None:
    """Zero and less never reach the ledger; if they do, it is our fault and nothing is committed."""
    with pytest.raises(LedgerFault):
        rules.may_reserve(account(1, 10_00), account(2), amount)


def test_two_currencies_in_one_transfer_are_a_fault() -> None:
    """A transfer has one currency."""
    with pytest.raises(LedgerFault):
        rules.may_reserve(account(1, 10_00), account(2, currency="CHF"), 5_00)


def test_a_reserve_is_posted_before_it_expires() -> None:
    """A reserve may be posted until the last instant before it expires, swept up or not."""
    until = NOW + timedelta(minutes=5)
    assert rules.may_post(None, reserve(), until - MOMENT) is None
    assert code(rules.may_post(None, reserve(), until)) is Code.ALREADY_EXPIRED
    assert (rules.is_over(reserve(), until - MOMENT), rules.is_over(reserve(), until)) == (False, True)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (TransferKind.POST, Code.ALREADY_POSTED),
        (TransferKind.VOID, Code.ALREADY_VOIDED),
        (TransferKind.EXPIRE, Code.ALREADY_EXPIRED),
    ],
)
def test_a_reserve_ends_once(kind: TransferKind, told: Code) -> None:
    """Whoever comes second is told what happened first, also after the time is over."""
    late = NOW + timedelta(days=1)
    assert code(rules.may_post(ending(kind), reserve(), late)) is told
    assert code(rules.may_void(ending(kind))) is told
    assert rules.may_void(None) is None


@pytest.mark.parametrize("kind", [TransferKind.POST, TransferKind.VOID, TransferKind.EXPIRE])
def test_an_ending_is_of_its_reserve(kind: TransferKind) -> None:
    """What ends a reserve has its accounts, amount and currency, and points to it."""
    of, found = reserve(), ending(kind)
    assert (found.kind, found.pending_id, found.created_at, found.expires_at) == (kind, of.id, NOW + MOMENT, None)
    same = ("debit_id", "credit_id", "amount_minor", "currency")
    assert [getattr(found, name) for name in same] == [getattr(of, name) for name in same]


def counters(of: Account) -> tuple[int, int, int, int, int]:
    """What changes of an account: debits pending and posted, credits pending and posted, version."""
    return of.debits_pending, of.debits_posted, of.credits_pending, of.credits_posted, of.version


def test_a_reserve_holds_and_a_post_moves() -> None:
    """A reserve changes what is pending on both sides, its post turns it into what is posted."""
    debit, credit = rules.debited(account(1, 30_00), reserve()), rules.credited(account(2), reserve())
    assert (counters(debit), counters(credit)) == ((10_00, 0, 0, 30_00, 1), (0, 0, 10_00, 0, 1))
    assert (debit.balance_minor, debit.held_minor, debit.available_minor) == (30_00, 10_00, 20_00)
    post = ending(TransferKind.POST)
    debit, credit = rules.debited(debit, post), rules.credited(credit, post)
    assert (counters(debit), counters(credit)) == ((0, 10_00, 0, 30_00, 2), (0, 0, 0, 10_00, 2))


@pytest.mark.parametrize("kind", [TransferKind.VOID, TransferKind.EXPIRE])
def test_a_void_and_an_expiry_give_back(kind: TransferKind) -> None:
    """After a void or an expiry both accounts have what they had before the reserve."""
    debit = rules.debited(rules.debited(account(1, 30_00), reserve()), ending(kind))
    credit = rules.credited(rules.credited(account(2), reserve()), ending(kind))
    assert (counters(debit), counters(credit)) == ((0, 0, 0, 30_00, 2), (0, 0, 0, 0, 2))


def test_a_direct_transfer_moves_at_once() -> None:
    """A direct transfer changes what is posted and nothing that is pending."""
    direct = Transfer(
        id="d",
        kind=TransferKind.DIRECT,
        debit_id=1,
        credit_id=2,
        amount_minor=5_00,
        currency="EUR",
        created_at=NOW,
        reason="gift",
    )
    cash = rules.debited(account(1, kind=AccountKind.SYSTEM), direct)
    assert (counters(cash), cash.balance_minor) == ((0, 5_00, 0, 0, 1), -5_00)
    assert counters(rules.credited(account(2), direct)) == (0, 0, 0, 5_00, 1)


def test_an_account_is_never_overdrawn() -> None:
    """A reserve beyond what is free is a fault even if nobody asked the rule before."""
    with pytest.raises(LedgerFault, match="overdrawn"):
        rules.debited(account(1, 9_99), reserve(10_00))
    assert rules.debited(account(1, 10_00), reserve(10_00)).available_minor == 0


@pytest.mark.parametrize("kind", [TransferKind.POST, TransferKind.VOID, TransferKind.EXPIRE])
def test_an_ending_without_its_reserve_is_a_fault(kind: TransferKind) -> None:
    """No counter goes below zero: what was not held can be neither posted nor given back, on either side."""
    with pytest.raises(LedgerFault, match="below zero"):
        rules.debited(account(1, 30_00), ending(kind))
    with pytest.raises(LedgerFault, match="below zero"):
        rules.credited(account(2), ending(kind))

"""Caps: 250 EUR to a person and 500 EUR to a charity, inclusive."""

from datetime import timedelta

import pytest

from botpay.errors import Code
from botpay.ledger.model import AccountKind
from botpay.money import Money
from botpay.policy import Caps, may_pay

CAPS = Caps(person=Money(250_00), charity=Money(500_00), confirm_within=timedelta(minutes=5))


@pytest.mark.parametrize(("payee", "cap"), [(AccountKind.PERSON, 250_00), (AccountKind.CHARITY, 500_00)])
def test_a_cap_is_inclusive(payee: AccountKind, cap: int) -> None:
    """The cap itself may be paid; a cent more may not, and the refusal says the limit and the amount."""
    assert may_pay(CAPS, payee, Money(cap)) is None
    refusal = may_pay(CAPS, payee, Money(cap + 1))
    assert refusal is not None
    assert refusal.code is Code.LIMIT_EXCEEDED
    assert (refusal.details["limit"], refusal.details["amount"]) == (Money(cap), Money(cap + 1))


def test_a_person_is_not_paid_up_to_the_cap_of_charities() -> None:
    """What a charity may be given may not be sent to a person."""
    assert may_pay(CAPS, AccountKind.CHARITY, Money(300_00)) is None
    assert may_pay(CAPS, AccountKind.PERSON, Money(300_00)) is not None


def test_other_currencies_have_no_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    """An amount in a currency without a cap is refused, however small."""
    monkeypatch.setattr("botpay.money.MINOR_DIGITS", {"EUR": 2, "CHF": 2})
    refusal = may_pay(CAPS, AccountKind.PERSON, Money(1, "CHF"))
    assert refusal is not None
    assert refusal.code is Code.UNKNOWN_CURRENCY

"""Limits over time: so much a day, in 7 days, in 30 days; inclusive; the tightest one is told."""

from datetime import UTC, datetime, timedelta

import pytest

from botpay.clock import day_of
from botpay.config import Limits as LimitSettings
from botpay.errors import Code
from botpay.explain import explain
from botpay.money import Money
from botpay.policy import Limits, Period, Standing, may_spend, may_take_part

TODAY = day_of(datetime(2026, 1, 5, 12, tzinfo=UTC))
DAY: Limits = {Period.DAY: Money(100_00)}


@pytest.mark.parametrize(("spent", "amount", "may"), [(0, 100_00, True), (60_00, 40_00, True), (60_00, 40_01, False)])
def test_a_limit_is_inclusive(spent: int, amount: int, may: bool) -> None:
    """All of a limit may be spent, and not a cent more."""
    assert (may_spend(DAY, {TODAY: spent}, Money(amount), TODAY) is None) is may


@pytest.mark.parametrize("period", Period)
def test_a_period_is_so_many_days_that_end_today(period: Period) -> None:
    """What was spent on the first day of a period counts; what was spent the day before no longer does."""
    limits = {period: Money(100_00)}
    first = TODAY - period.days + 1
    assert may_spend(limits, {first: 100_00}, Money(1), TODAY) is not None
    assert may_spend(limits, {first - 1: 100_00}, Money(100_00), TODAY) is None


def test_days_change_at_midnight_in_utc() -> None:
    """A day begins at 0:00 UTC, whatever the clock of the machine shows."""
    midnight = datetime(2026, 1, 6, tzinfo=UTC)
    assert day_of(midnight) == day_of(midnight - timedelta(microseconds=1)) + 1
    assert day_of(midnight + timedelta(days=1, microseconds=-1)) == day_of(midnight)


def test_a_clock_that_was_set_back_opens_nothing() -> None:
    """What was spent on a day that is not here yet counts as well."""
    assert may_spend(DAY, {TODAY + 1: 100_00}, Money(1), TODAY) is not None


def test_without_limits_anything_may_be_spent() -> None:
    """By default there is no limit over time."""
    assert may_spend({}, {TODAY: 10**12}, Money(10**12), TODAY) is None


def test_another_currency_is_another_limit() -> None:
    """A limit in euros says nothing of other money: it never meets it."""
    assert may_spend({Period.DAY: Money(1)}, {}, Money(1), TODAY) is None


def test_the_limit_that_leaves_least_is_told() -> None:
    """Of several limits in the way the refusal names the tightest, so that what it says is left can be spent."""
    limits = {Period.DAY: Money(100_00), Period.WEEK: Money(150_00), Period.THIRTY_DAYS: Money(400_00)}
    refusal = may_spend(limits, {TODAY: 50_00, TODAY - 1: 90_00}, Money(60_00), TODAY)
    assert refusal is not None
    assert refusal.code is Code.LIMIT_EXCEEDED
    assert dict(refusal.details) == {
        "per_week": True,
        "limit": Money(150_00),
        "left": Money(10_00),
        "amount": Money(60_00),
    }


def test_less_than_nothing_is_never_left() -> None:
    """After a limit was lowered, nothing is left, not a sum below zero."""
    refusal = may_spend(DAY, {TODAY: 150_00}, Money(1), TODAY)
    assert refusal is not None
    assert refusal.details["left"] == Money(0)


@pytest.mark.parametrize(
    ("period", "english", "french"),
    [
        (Period.DAY, "€100.00 a day at most, and €40.00 of it is left today", "par jour, il vous en reste 40,00"),
        (Period.WEEK, "€100.00 in 7 days at most, and €40.00 of it is left", "en 7 jours, il vous en reste 40,00"),
        (Period.THIRTY_DAYS, "€100.00 in 30 days at most, and €40.00", "en 30 jours, il vous en reste 40,00"),
    ],
)
def test_the_sentence_says_which_limit_and_what_is_left(period: Period, english: str, french: str) -> None:
    """Who is refused learns the limit, its period, and what can still be spent; in their language."""
    refusal = may_spend({period: Money(100_00)}, {TODAY: 60_00}, Money(40_01), TODAY)
    assert refusal is not None
    assert english in explain(refusal, "en")
    assert french in explain(refusal, "fr")


def test_the_settings_are_named_as_the_periods() -> None:
    """Each period has its setting in [limits]."""
    assert {period.value for period in Period} <= set(LimitSettings.model_fields)


@pytest.mark.parametrize("value", ["0", "-1", "1.001", "NaN"])
def test_a_limit_is_a_positive_amount_in_whole_cents(value: str) -> None:
    """A limit of nothing, below nothing or of parts of a cent is a mistake: botpay does not start with it."""
    with pytest.raises(ValueError, match="per_day"):
        LimitSettings.model_validate({"per_day": value})


@pytest.mark.parametrize(
    ("payer", "payee", "code"),
    [
        (False, False, None),
        (True, False, Code.PERSON_FROZEN),
        (False, True, Code.PAYEE_FROZEN),
        (True, True, Code.PERSON_FROZEN),
    ],
)
def test_nobody_frozen_takes_part(payer: bool, payee: bool, code: Code | None) -> None:
    """Who is frozen neither pays nor is paid; the payer's own freeze is told first."""
    refusal = may_take_part(None, Standing(frozen=payer), Standing(frozen=payee))
    assert (refusal and refusal.code) == code

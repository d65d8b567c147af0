"""How much may be paid at once and over time, and by whom. Pure; asked when money is reserved and when it is posted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from botpay.errors import Code, Refusal
from botpay.ledger.model import AccountKind
from botpay.money import Money

MOST_WAITING = 200
"""Payments of one person that may wait for a PIN: each of their messages loads them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The most that one payment may move, inclusive, and how long it waits for its PIN."""

    person: Money
    charity: Money
    confirm_within: timedelta

    def of(self, payee: AccountKind) -> Money:
        """The cap for a kind of payee."""
        return self.charity if payee is AccountKind.CHARITY else self.person


def may_pay(caps: Caps, payee: AccountKind, amount: Money) -> Refusal | None:
    """Whether one payment may move this much to this kind of payee."""
    limit = caps.of(payee)
    if amount.currency != limit.currency:
        return Refusal.because(Code.UNKNOWN_CURRENCY)
    if amount > limit:
        return Refusal.because(Code.LIMIT_EXCEEDED, limit=limit, amount=amount)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cooling:
    """How long after a PIN was chosen anew without the old one, or an identity was linked, no more may be spent a day.

    Attributes:
        per_day: by UTC day, pending payments included, whatever else is allowed.
    """

    lasts: timedelta = timedelta(hours=24)
    per_day: Money = field(default_factory=lambda: Money(50_00))


class Period(StrEnum):
    """Over how long spending is limited: a number of days on end, the last of which is today."""

    DAY = "per_day"
    WEEK = "per_week"
    THIRTY_DAYS = "per_30_days"

    @property
    def days(self) -> int:
        """How many days."""
        return _DAYS[self]


_DAYS = {Period.DAY: 1, Period.WEEK: 7, Period.THIRTY_DAYS: 30}

Limits = Mapping[Period, Money]
"""The most that one person may spend in each period, inclusive; a period that is missing has no limit."""


def may_spend(limits: Limits, spent: Mapping[int, int], amount: Money, today: int) -> Refusal | None:
    """Whether a person who spent this much may spend `amount` more; if not, the limit that leaves the least is told.

    Args:
        spent: minor units by day, pending and completed together, of the account in the currency of `amount`.
        today: as `day_of` counts. Days after it, which a clock that was set back leaves behind, count too.
    """
    broken = []
    for period, limit in limits.items():
        so_far = sum(minor for day, minor in spent.items() if day > today - period.days)
        if limit.currency == amount.currency and so_far + amount.minor > limit.minor:
            broken.append((max(limit.minor - so_far, 0), -period.days, period))
    if not broken:
        return None
    free, _, period = min(broken)
    details = {period.value: True, "limit": limits[period], "left": Money(free, amount.currency)}
    return Refusal.because(Code.LIMIT_EXCEEDED, amount=amount, **details)


def may_take_part(*, payer_frozen: bool, payee_frozen: bool) -> Refusal | None:
    """Whether the two sides of a payment may pay and be paid: neither is frozen."""
    if payer_frozen:
        return Refusal(Code.PERSON_FROZEN)
    return Refusal(Code.PAYEE_FROZEN) if payee_frozen else None

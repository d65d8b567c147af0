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


def left_of(limits: Limits, spent: Mapping[int, int], currency: str, today: int) -> Money | None:
    """The most that may still be spent today; None without limits. Counted as `may_spend` counts."""
    free = [
        max(limit.minor - sum(minor for day, minor in spent.items() if day > today - period.days), 0)
        for period, limit in limits.items()
        if limit.currency == currency
    ]
    return Money(min(free), currency) if free else None


class Level(StrEnum):
    """How much is asked of people before they take part."""

    DEMO = "demo"  # language, name and PIN
    STANDARD = "standard"  # also the terms, the country of residence, and a code by the second channel
    CHECKED = "checked"  # also the operator's approval before the first payment


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Who may open an account by themselves, and who may take part in payments.

    Attributes:
        countries: of residence, of those who may pay and be paid.
        terms: what is to be accepted, by language.
    """

    level: Level
    countries: tuple[str, ...] = ()
    terms: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What decides whether one side of a payment may take part in it.

    Attributes:
        country: of residence, if it was asked.
    """

    frozen: bool = False
    locked: bool = False
    approved: bool = False
    country: str | None = None


def may_take_part(admission: Admission | None, payer: Standing, payee: Standing | None) -> Refusal | None:
    """Whether the two sides of a payment may pay and be paid.

    Args:
        admission: None where nothing is asked of anybody.
        payee: None for a charity, of which none of this is asked.

    The payer is told what is wrong with them; what is wrong with the payee is between them and the operator.
    """
    if payer.frozen:
        return Refusal(Code.PERSON_FROZEN)
    if payer.locked:
        return Refusal(Code.PERSON_LOCKED)
    if refusal := _is_admitted(admission, payer):
        return refusal
    payable = payee is None or not (payee.frozen or _is_admitted(admission, payee))
    return None if payable else Refusal(Code.PAYEE_FROZEN)


def _is_admitted(admission: Admission | None, side: Standing) -> Refusal | None:
    if admission is None or admission.level is Level.DEMO:
        return None
    if side.country not in admission.countries:
        return Refusal(Code.OTHER_COUNTRY)
    if admission.level is Level.CHECKED and not side.approved:
        return Refusal(Code.AWAITING_APPROVAL)
    return None

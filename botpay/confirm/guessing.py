"""How many wrong PINs are borne from everybody together, and for one payee. Pure.

A try counts as wrong from the moment it is counted, and no longer once it turned out right. Counts are kept by minute,
so what is looked back at slides. A crash leaves tries that were being checked counted as wrong.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from botpay.clock import minute_of
from botpay.errors import Code, Refusal

EVERYBODY = "everybody"
REFUSED = "refused"
"""What was refused because of these counts is counted too, for the operator."""

KEPT_MINUTES = 24 * 60
_HOUR = 60


@dataclass(frozen=True, slots=True)
class Guesses:
    """So many tries about somebody or something, within a minute since 1970; fewer than none takes some back."""

    about: str
    minute: int
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearable:
    """The most wrong PINs before no more are taken: of one person a day, for one payee an hour, and of everybody."""

    per_person_per_day: int = 10
    per_payee_per_hour: int = 30
    per_minute: int = 120
    per_hour: int = 600


Counts = dict[tuple[str, int], int]
"""Tries by what they are about and by minute."""


def payee(owner: str) -> str:
    """What tries to pay somebody are counted under."""
    return f"payee:{owner}"


def since(now: datetime) -> int:
    """The first minute that is looked back at."""
    return minute_of(now) - _HOUR + 1


def may_guess(
    bearable: Bearable, counts: Mapping[tuple[str, int], int], about: str | None, now: datetime
) -> Refusal | None:
    """Whether a PIN may be taken, for all that others got wrong.

    Args:
        about: under what tries to pay this payee are counted; None if they are not.
    """
    minute = minute_of(now)
    if _sum(counts, EVERYBODY, range(minute, minute + 1)) >= bearable.per_minute:
        return Refusal(Code.PINS_PAUSED)
    if in_last_hour(counts, EVERYBODY, now) >= bearable.per_hour:
        return Refusal(Code.PINS_PAUSED)
    if about is not None and in_last_hour(counts, about, now) >= bearable.per_payee_per_hour:
        return Refusal(Code.PAYEE_PAUSED)
    return None


def in_last_hour(counts: Mapping[tuple[str, int], int], about: str, now: datetime) -> int:
    """How many tries about something were counted within the last hour."""
    return _sum(counts, about, range(since(now), minute_of(now) + 1))


def counted(about: str | None, at: datetime, tries: int = 1) -> tuple[Guesses, ...]:
    """A try as it is counted; with `tries` -1, one of that time as it is taken back."""
    return tuple(Guesses(what, minute_of(at), tries) for what in (EVERYBODY, about) if what is not None)


def add(counts: Counts, guesses: Iterable[Guesses]) -> None:
    """Put tries to those that are counted."""
    for found in guesses:
        key = (found.about, found.minute)
        counts[key] = counts.get(key, 0) + found.tries


def _sum(counts: Mapping[tuple[str, int], int], about: str, minutes: Iterable[int]) -> int:
    return sum(counts.get((about, minute), 0) for minute in minutes)

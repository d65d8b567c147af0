"""The time, injected everywhere: nothing below asks the machine by itself."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Gives the time now, aware, in UTC."""

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


def system_clock() -> datetime:
    """The machine's time."""
    return datetime.now(UTC)


def day_of(at: datetime) -> int:
    """The day of an instant, as a count of days since 1970 in UTC."""
    return (at - _FIRST) // timedelta(days=1)


def minute_of(at: datetime) -> int:
    """The minute of an instant, as a count of minutes since 1970 in UTC."""
    return (at - _FIRST) // timedelta(minutes=1)


def minute_as_time(minute: int) -> datetime:
    """The instant at which a minute began."""
    return _FIRST + timedelta(minutes=minute)

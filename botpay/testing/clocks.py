"""Clocks for tests and scripts."""

from datetime import UTC, datetime, timedelta

from botpay.clock import Clock, system_clock


class FixedClock:
    """Stands still until it is moved."""

    def __init__(self, start: datetime = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)) -> None:
        self._now = start

    def __call__(self) -> datetime:
        """The time it was set to."""
        return self._now

    def move(self, by: timedelta) -> None:
        """Let time pass."""
        self._now += by


class ShiftedClock:
    """Goes on like another clock, ahead of it by what was moved."""

    def __init__(self, clock: Clock = system_clock) -> None:
        self._clock, self._ahead = clock, timedelta()

    def __call__(self) -> datetime:
        """The other clock's time, and what was moved."""
        return self._clock() + self._ahead

    def move(self, by: timedelta) -> None:
        """Let time pass at once."""
        self._ahead += by

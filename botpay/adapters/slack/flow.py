"""How fast to write, and how to stop in order."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import TracebackType

MOST_CHANNELS = 1000
MOST_REMEMBERED = 1000


class ChannelPace:
    """One message a second in each channel, with a burst of three (Slack: chat.postMessage, about 1/s per channel).

    Args:
        period_seconds: the time that one message takes up.
        burst: how many may go at once after a pause.
    """

    def __init__(
        self,
        period_seconds: float = 1.0,
        burst: int = 3,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._period = period_seconds
        self._slack = period_seconds * (burst - 1)
        self.clock = clock
        self._sleep = sleep
        self._full_until: dict[str, float] = {}

    async def wait(self, channel: str) -> None:
        """Return when a message may go to `channel`. The turn is taken before waiting, so callers queue."""
        now = self.clock()
        until = max(now, self._full_until.get(channel, now))
        self._full_until[channel] = until + self._period
        if len(self._full_until) > MOST_CHANNELS:
            self._full_until = {name: time for name, time in self._full_until.items() if time > now}
        if (delay := until - now - self._slack) > 0:
            await self._sleep(delay)


class Recent:
    """What happened lately, by name: the newest thousand, each for some seconds."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until: dict[str, float] = {}

    def add(self, name: str) -> None:
        """It happened now."""
        self._until.pop(name, None)
        self._until[name] = self._clock() + self._seconds
        if len(self._until) > MOST_REMEMBERED:
            del self._until[next(iter(self._until))]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._until.get(name, 0.0) > self._clock()


class Gate:
    """What is under way may finish, nothing new begins: `async with gate` inside, `await gate.close()` to stop."""

    def __init__(self) -> None:
        self._inside = 0
        self._open = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def is_open(self) -> bool:
        """Whether something new may begin."""
        return self._open

    def open(self) -> None:
        """Let things in."""
        self._open = True

    async def close(self) -> None:
        """Let nothing in any more and return when all is out."""
        self._open = False
        await self._empty.wait()

    async def __aenter__(self) -> None:
        self._inside += 1
        self._empty.clear()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside -= 1
        if not self._inside:
            self._empty.set()

"""Keep below Telegram's limits, so that it seldom has to say 429; and where it does, keep still for as long as it asks.

Telegram names about one message a second in a chat with short bursts tolerated, 20 a minute in a group and about 30
a second in all (core.telegram.org/bots/faq). A bucket of `burst` tokens that refills with `rate` lets at most
`burst + rate * t` through in `t` seconds; the figures below keep that sum at the limit.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from botpay.errors import RetryAfter

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]
Place = int | str
"""What has a pace of its own: a chat by its id, or a card."""

LONGEST_WAIT_SECONDS = 10.0
"""A call waits so long for a pause to end; for a longer one it comes back later, since it keeps `stop` waiting."""
_REMEMBERED_CHATS = 4096


class TokenBucket:
    """Lets `burst` calls through at once and `rate` a second after that.

    Args:
        now: the time in seconds at which the bucket is full.
    """

    def __init__(self, *, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._seen_at = now

    def reserve(self, now: float) -> float:
        """Take the next place in line; returns the seconds to wait for it."""
        seconds = self.wait_at(now)
        self._tokens -= 1
        return seconds

    def wait_at(self, now: float) -> float:
        """The seconds to wait for the next place in line, without taking it."""
        self._refill(now)
        return max(0.0, (1 - self._tokens) / self._rate)

    def is_full(self, now: float) -> bool:
        """Whether forgetting this bucket would change nothing."""
        self._refill(now)
        return self._tokens >= self._burst

    def _refill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._seen_at) * self._rate)
        self._seen_at = now


class RateLimiter:
    """Telegram's limits over all calls of one bot.

    Args:
        clock: seconds that only go up.
        sleep: waits for that many seconds.
    """

    def __init__(self, *, clock: Clock = time.monotonic, sleep: Sleep = asyncio.sleep) -> None:
        self._clock = clock
        self._sleep = sleep
        self._overall = TokenBucket(rate=25, burst=5, now=clock())
        self._chats: dict[int, TokenBucket] = {}
        self._paused: dict[Place | None, float] = {}

    async def wait(self, chat_id: int | None = None, place: Place | None = None) -> None:
        """Wait until a call may go out. Raises `RetryAfter` if Telegram asked to keep still for longer than we wait.

        A place in line is never refused: who is sent away too often is given up by the outbox.

        Args:
            chat_id: if it puts a new message into that chat.
            place: what it is about, if it is another or no new message.
        """
        now = self._clock()
        buckets = [self._overall] if chat_id is None else [self._overall, self._bucket(chat_id, now)]
        for_all, pause = self._pause_left(None, now), self._pause_left(chat_id if place is None else place, now)
        if for_all > LONGEST_WAIT_SECONDS:
            raise RetryAfter(for_all, everywhere=True)
        if pause > LONGEST_WAIT_SECONDS:
            raise RetryAfter(pause)
        seconds = max(pause, *(bucket.reserve(now) for bucket in buckets))
        if seconds > 0:
            await self._sleep(seconds)

    def spare(self) -> bool:
        """Take a place for a call that need not be made, if one is free at once."""
        now = self._clock()
        if self._pause_left(None, now) or self._overall.wait_at(now):
            return False
        self._overall.reserve(now)
        return True

    def pause(self, place: Place | None, seconds: float) -> None:
        """Telegram asked to keep still. It does not say for whom: for that place; and if there are two, for all."""
        now = self._clock()
        self._paused = {other: until for other, until in self._paused.items() if until > now}
        until = now + seconds
        whole = None in self._paused or any(other != place for other in self._paused)
        for paused in {place, None} if whole else {place}:
            self._paused[paused] = max(until, self._paused.get(paused, until))

    def _pause_left(self, place: Place | None, now: float) -> float:
        return max(0.0, *(self._paused.get(paused, now) - now for paused in (place, None)))

    def _bucket(self, chat_id: int, now: float) -> TokenBucket:
        if chat_id not in self._chats:
            self._forget_full(now)
            is_group = chat_id < 0
            self._chats[chat_id] = TokenBucket(rate=0.25 if is_group else 1, burst=5 if is_group else 3, now=now)
        return self._chats[chat_id]

    def _forget_full(self, now: float) -> None:
        if len(self._chats) >= _REMEMBERED_CHATS:
            self._chats = {chat: bucket for chat, bucket in self._chats.items() if not bucket.is_full(now)}

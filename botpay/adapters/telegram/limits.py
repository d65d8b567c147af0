"""Keep below Telegram's limits, so that it seldom has to say 429.

Telegram names about one message a second in a chat with short bursts tolerated, 20 a minute in a group and about 30
a second in all (core.telegram.org/bots/faq). A bucket of `burst` tokens that refills with `rate` lets at most
`burst + rate * t` through in `t` seconds; the figures below keep that sum at the limit.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]

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
        self._refill(now)
        self._tokens -= 1
        return max(0.0, -self._tokens / self._rate)

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

    async def wait(self, chat_id: int | None = None) -> None:
        """Wait until a call may go out; `chat_id` if it puts a new message into that chat."""
        now = self._clock()
        seconds = self._overall.reserve(now)
        if chat_id is not None:
            seconds = max(seconds, self._bucket(chat_id, now).reserve(now))
        if seconds > 0:
            await self._sleep(seconds)

    def _bucket(self, chat_id: int, now: float) -> TokenBucket:
        if chat_id not in self._chats:
            self._forget_full(now)
            is_group = chat_id < 0
            self._chats[chat_id] = TokenBucket(rate=0.25 if is_group else 1, burst=5 if is_group else 3, now=now)
        return self._chats[chat_id]

    def _forget_full(self, now: float) -> None:
        if len(self._chats) >= _REMEMBERED_CHATS:
            self._chats = {chat: bucket for chat, bucket in self._chats.items() if not bucket.is_full(now)}

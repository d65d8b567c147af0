"""Keeping to Telegram's limits, and keeping still where it asks for that."""

import pytest

from botpay.adapters.telegram.limits import LONGEST_WAIT_SECONDS, RateLimiter, TokenBucket
from botpay.errors import RetryAfter


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.now += seconds


@pytest.fixture
def time() -> Time:
    """A clock."""
    return Time()


@pytest.fixture
def limiter(time: Time) -> RateLimiter:
    """A limiter on that clock."""
    return RateLimiter(clock=time, sleep=time.sleep)


async def most_within(chat_ids: list[int], *, window: float) -> int:
    """The most calls within any span of so many seconds, if they are made as fast as the limiter lets them."""
    time = Time()
    limiter = RateLimiter(clock=time, sleep=time.sleep)
    times = []
    for chat_id in chat_ids:
        await limiter.wait(chat_id)
        times.append(time.now)
    return max(sum(start <= other < start + window for other in times) for start in times)


async def test_a_person_gets_about_one_message_a_second(limiter: RateLimiter, time: Time) -> None:
    """A burst of three, then one a second (core.telegram.org/bots/faq)."""
    times = []
    for _ in range(5):
        await limiter.wait(1001)
        times.append(time.now)
    assert times == [0, 0, 0, 1, 2]


async def test_a_group_gets_at_most_20_messages_a_minute() -> None:
    """However they come, no minute has more than 20."""
    assert await most_within([-5] * 100, window=60) in (19, 20)


async def test_the_bot_makes_at_most_30_calls_a_second() -> None:
    """Over all people together, no second has more than 30."""
    assert await most_within(list(range(1, 301)), window=1) in (29, 30)


async def test_calls_that_write_nothing_new_wait_for_no_chat(limiter: RateLimiter, time: Time) -> None:
    """Edits and answers count against the overall limit alone, so a PIN is entered as fast as it is tapped."""
    for _ in range(12):
        await limiter.wait()
    assert time.now < 0.5


def test_a_bucket_that_rested_is_full_again() -> None:
    """Waiting fills it, never above its burst."""
    bucket = TokenBucket(rate=1, burst=2, now=0)
    assert [bucket.reserve(0) for _ in range(3)] == [0, 0, 1]
    assert not bucket.is_full(2)
    assert bucket.is_full(3)
    assert [bucket.reserve(1000) for _ in range(3)] == [0, 0, 1]


async def test_a_chat_that_telegram_asked_to_spare_is_spared(limiter: RateLimiter, time: Time) -> None:
    """Nothing is written or edited there until the time is over; others do not wait."""
    limiter.pause(1001, 5)
    await limiter.wait(1002)
    assert time.now == 0
    await limiter.wait(place=1001)
    assert time.now == 5


async def test_two_chats_that_are_to_be_spared_mean_all(limiter: RateLimiter, time: Time) -> None:
    """Telegram does not say whether a chat or the whole bot is too fast: if two chats hear it, it is the bot."""
    limiter.pause(1001, 5)
    limiter.pause(1002, 4)
    await limiter.wait(1003)
    assert time.now == 4
    limiter.pause(1002, 3)  # the pauses of before are over but for one second
    await limiter.wait(1003)
    assert time.now == 7


async def test_a_pause_that_names_no_chat_is_for_all(limiter: RateLimiter, time: Time) -> None:
    """As after an answer to a press."""
    limiter.pause(None, 2)
    assert not limiter.spare()
    await limiter.wait(1001)
    assert time.now == 2


async def test_who_would_wait_long_comes_back_later(limiter: RateLimiter, time: Time) -> None:
    """The outbox keeps it for that long; no place in line is taken, and stopping is not held up."""
    limiter.pause(1001, LONGEST_WAIT_SECONDS + 20)
    for _ in range(50):
        with pytest.raises(RetryAfter) as raised:
            await limiter.wait(1001)
        assert (raised.value.seconds, raised.value.everywhere) == (LONGEST_WAIT_SECONDS + 20, False)
    await limiter.wait(1002)
    assert time.now == 0


async def test_a_long_pause_for_all_is_told_as_one_for_all(limiter: RateLimiter, time: Time) -> None:
    """The outbox tries no other letter meanwhile: each would lose one of its tries for nothing."""
    for chat in (1001, 1002):
        limiter.pause(chat, LONGEST_WAIT_SECONDS + 20)
    for chat in (1001, 1003):
        with pytest.raises(RetryAfter) as raised:
            await limiter.wait(chat)
        assert (raised.value.seconds, raised.value.everywhere) == (LONGEST_WAIT_SECONDS + 20, True)
    assert time.now == 0


async def test_nobody_is_sent_away_for_the_length_of_the_line(limiter: RateLimiter, time: Time) -> None:
    """However many letters wait, each gets its place: the outbox gives up on what fails too often."""
    for number in range(1000):
        await limiter.wait(1000 + number)
    assert time.now == pytest.approx(1000 / 25, abs=1)


async def test_a_call_that_need_not_be_made_takes_no_turn_from_others(limiter: RateLimiter, time: Time) -> None:
    """What is typed in inline mode is answered while there is room, and payments never wait behind it."""
    assert [limiter.spare() for _ in range(7)] == [True] * 5 + [False] * 2
    await limiter.wait(1001)
    assert time.now == pytest.approx(1 / 25)

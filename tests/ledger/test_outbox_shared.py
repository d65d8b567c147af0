"""Several processes share one outbox on PostgreSQL: nothing is sent twice while they live, nothing lost if one dies."""

import asyncio
from datetime import timedelta

import pytest

from botpay.errors import RetryAfter
from botpay.outbox.dispatcher import LEASE
from tests.conftest import Town
from tests.unit.test_dispatcher import Platform, Post, letter, running, until


@pytest.fixture
def post(city: Town) -> Post:
    """An empty outbox on PostgreSQL."""
    return Post(city)


async def test_two_processes_send_each_letter_once_and_in_order(post: Post) -> None:
    """Letters of many lanes, sent by two at once: each is seen once, and each lane in its order."""
    lanes = [f"p{number}" for number in range(12)]
    post.queue(*[letter(lane, f"{lane}-{number}") for number in range(5) for lane in lanes])
    async with running(post.dispatcher()), running(post.dispatcher()):
        await until(lambda: len(post.platform.sent) == 60)
    assert post.platform.most_at_once == 1
    for lane in lanes:
        assert [text for text in post.platform.texts if text.startswith(f"{lane}-")] == [
            f"{lane}-{n}" for n in range(5)
        ]


async def test_a_dead_processes_letters_are_taken_over_when_its_lease_ends(post: Post) -> None:
    """What a process was sending when it died waits for the end of its lease, and no longer; its lane waits with it."""
    post.queue(letter("alice", "one"), letter("alice", "two"), letter("bob", "three"))
    post.platform.held["alice"] = asyncio.Event()
    dying = asyncio.create_task(post.dispatcher().run())
    await until(lambda: post.platform.at_once.get("alice") == 1 and post.platform.texts == ["three"])
    dying.cancel()
    await asyncio.wait({dying})

    other = Platform()
    heir = Post(post.town, other)
    post.town.clock.move(LEASE - timedelta(seconds=1))
    await heir.settle()
    assert other.texts == []
    post.town.clock.move(timedelta(seconds=2))
    await heir.settle()
    assert other.texts == ["one", "two"]


async def test_a_lease_is_renewed_while_its_letter_is_under_way(post: Post) -> None:
    """However long a platform takes, no other process takes the letter of one that lives."""
    post.queue(letter("alice", "one"))
    held = post.platform.held["alice"] = asyncio.Event()
    other = Platform()
    async with running(post.dispatcher()) as first:
        await until(lambda: post.platform.at_once.get("alice") == 1)
        for _ in range(8):
            post.town.clock.move(LEASE / 3)
            before = _lease(post)
            first.wake()
            await until(lambda was=before: _lease(post) > was)  # type: ignore[misc]
            await Post(post.town, other).settle()
        held.set()
    assert (post.platform.texts, other.texts) == (["one"], [])


async def test_a_platform_that_wants_peace_is_left_in_peace(post: Post) -> None:
    """Asked to wait everywhere, the process sends nothing there until then, to nobody; afterwards all of it."""
    post.platform.faults["one"] = [RetryAfter(30, everywhere=True)]
    post.queue(letter("alice", "one"))
    async with running(post.dispatcher()) as dispatcher:
        dispatcher.wake()
        await until(lambda: post.row("one").tries == 1)
        post.queue(letter("bob", "two"))
        dispatcher.wake()
        await dispatcher.idle()
        assert post.platform.texts == []
        post.town.clock.move(timedelta(seconds=31))
        dispatcher.wake()
        await until(lambda: sorted(post.platform.texts) == ["one", "two"])


def test_a_lease_is_given_to_one(post: Post) -> None:
    """Two who ask for the same letter at once: one gets it."""
    post.queue(letter("alice", "one"))
    [row] = post.town.rows("select id from outbound")
    assert [post.dispatcher()._lease([str(row.id)]) for _ in range(2)] == [{str(row.id)}, set()]


def _lease(post: Post) -> int:
    [row] = post.town.rows("select leased_until from outbound")
    return int(row.leased_until or 0)

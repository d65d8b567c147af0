"""A homeserver that fails now and then: what only looks up is asked again at once, what people see is the outbox's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from botpay.adapters.matrix import MatrixAdapter, MatrixSettings
from botpay.adapters.matrix.api import MatrixApi
from botpay.errors import RetryAfter, Transient
from botpay.message import Inbound, Outbound, Visibility
from botpay.testing.matrix import FakeHomeserver
from botpay.testing.matrix.homeserver import BOT, TOKEN, Fault

BROKEN, TOO_FAST = Fault(502, "M_UNKNOWN"), Fault(429, "M_LIMIT_EXCEEDED", 1)


@pytest.fixture
async def homeserver() -> AsyncIterator[FakeHomeserver]:
    """A homeserver on which Ana has a direct room with the bot."""
    async with FakeHomeserver() as homeserver:
        yield homeserver


def settings(homeserver: FakeHomeserver) -> MatrixSettings:
    """The bot's account there."""
    return MatrixSettings(homeserver=homeserver.url, access_token=SecretStr(TOKEN))


@asynccontextmanager
async def started(homeserver: FakeHomeserver) -> AsyncIterator[MatrixAdapter]:
    """The adapter at work."""

    async def receive(_: Inbound) -> None:
        """Nobody writes."""

    adapter = MatrixAdapter(settings(homeserver))
    await adapter.start(receive)
    try:
        yield adapter
    finally:
        await adapter.stop()


def letter(to: str, id_: str = "1") -> Outbound:
    """Something for one person."""
    return Outbound(id=id_, adapter="matrix", tenant="main", visibility=Visibility.PRIVATE, to=to, text="Bonjour")


def said(homeserver: FakeHomeserver) -> int:
    """How many messages the bot sent."""
    events = [event for room in homeserver.world.rooms.values() for _, event in room.events]
    return sum(event["sender"] == BOT and event["type"] == "m.room.message" for event in events)


async def test_look_ups_that_fail_fast_are_made_again_at_once(homeserver: FakeHomeserver) -> None:
    """Two failures of one look-up cost the letter nothing."""
    ana = homeserver.user("ana")
    async with started(homeserver) as adapter:
        await adapter.send(letter(ana))
        for faults in ([BROKEN, TOO_FAST], [Fault(500, "M_UNKNOWN", lost=True)]):
            homeserver.other_faults = list(faults)
            await adapter.send(letter(ana, f"after {faults}"))
            assert homeserver.other_faults == []
    assert said(homeserver) == 3
    assert len(homeserver.world.rooms) == 1


async def test_a_homeserver_that_keeps_failing_is_left_to_the_outbox(homeserver: FakeHomeserver) -> None:
    """The third failure is the letter's, and nothing is said."""
    async with started(homeserver) as adapter:
        homeserver.other_faults = [BROKEN] * 3
        with pytest.raises(Transient):
            await adapter.send(letter(homeserver.user("ana")))
    assert (said(homeserver), homeserver.other_faults) == (0, [])


async def test_a_homeserver_that_asks_for_rest_gets_it(homeserver: FakeHomeserver) -> None:
    """Nothing is asked again sooner than the homeserver wants."""
    async with started(homeserver) as adapter:
        homeserver.other_faults = [Fault(429, "M_LIMIT_EXCEEDED", 7000), BROKEN]
        with pytest.raises(RetryAfter) as asked:
            await adapter.send(letter(homeserver.user("ana")))
    assert (asked.value.seconds, asked.value.everywhere, len(homeserver.other_faults)) == (7, True, 1)


async def test_a_room_is_not_made_twice_at_once(homeserver: FakeHomeserver) -> None:
    """To make a room is no look-up: if that fails, nobody knows whether it was made, and the outbox tries later."""
    async with started(homeserver) as adapter:
        await adapter.send(letter(homeserver.user("bob")))
        homeserver.other_faults = [None, Fault(500, "M_UNKNOWN", lost=True)]
        with pytest.raises(Transient):
            await adapter.send(letter(homeserver.user("ana")))
    assert len(homeserver.world.rooms) == 2


async def test_two_direct_rooms_that_are_noted_at_once_both_stay(homeserver: FakeHomeserver) -> None:
    """What is kept for all people in one place is changed by one at a time."""
    api = MatrixApi(settings(homeserver))
    await api.open()
    await asyncio.gather(*(api.put_first(f"@p{number}:here", f"!r{number}:here") for number in range(5)))
    await api.put_first("@p0:here", "!newer:here")
    known = await api.direct_rooms()
    await api.close()
    assert len(known) == 5
    assert known["@p0:here"] == ["!newer:here", "!r0:here"]

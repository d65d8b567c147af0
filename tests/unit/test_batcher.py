"""The batcher: all that wait become one batch, and nobody is released before their commit."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from botpay.batcher import Batcher
from botpay.errors import Busy, LedgerFault, StorageUnavailable
from botpay.handlers.world import Deadline, Event
from botpay.pipeline import Result

Events = Batcher[Event, Result]
FAST = 5.0  # seconds after which something that should have happened did not


def named(name: str) -> Event:
    """An event that can be told from others."""
    return Deadline(transfer_id=name)


class Desk:
    """What stands behind a batcher: notes the batches, can be held up, and fails where it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.buried: list[tuple[str, str]] = []
        self.faults: dict[str, Exception] = {}
        self.bury_fault: Exception | None = None
        self.entered, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def process(self, events: Sequence[Event]) -> list[Result]:
        """A batch; what fails one fails all."""
        names = [str(getattr(event, "transfer_id", "")) for event in events]
        self.batches.append(names)
        self.entered.set()
        assert self.go_on.wait(FAST)
        for name in names:
            if name in self.faults:
                raise self.faults[name]
        return [Result(f"done {name}") for name in names]

    def bury(self, event: Event, fault: BaseException) -> Result:
        """Notes what was buried."""
        if self.bury_fault:
            raise self.bury_fault
        self.buried.append((str(getattr(event, "transfer_id", "")), type(fault).__name__))
        return Result("buried")


@contextmanager
def running(desk: Desk, *, most: int = 500, bound: int = 5000) -> Iterator[Events]:
    """A batcher that is stopped at the end, even if somebody is held up."""
    batcher = Batcher(desk.process, desk.bury, most=most, bound=bound)
    batcher.start()
    try:
        yield batcher
    finally:
        desk.go_on.set()
        batcher.stop()


async def submitted(batcher: Events, *names: str) -> list["asyncio.Task[Result]"]:
    """Submit some events, and return once each waits in the batcher."""
    tasks = [asyncio.create_task(batcher.submit(named(name))) for name in names]
    await asyncio.sleep(0)  # each task runs up to its wait
    return tasks


async def held_up(desk: Desk, batcher: Events, name: str) -> "asyncio.Task[Result]":
    """Submit an event, and return once its batch is being processed and does not go on."""
    desk.entered.clear()
    desk.go_on.clear()
    (task,) = await submitted(batcher, name)
    assert await asyncio.to_thread(desk.entered.wait, FAST)
    return task


async def results(tasks: Sequence["asyncio.Task[Result]"]) -> list[str]:
    """What became of submitted events."""
    async with asyncio.timeout(FAST):
        return [result.outcome for result in await asyncio.gather(*tasks)]


async def test_who_submits_is_released_after_the_commit() -> None:
    """A submitter waits as long as the batch that holds the event is not committed, then has its result."""
    desk = Desk()
    with running(desk) as batcher:
        task = await held_up(desk, batcher, "a")
        done, _ = await asyncio.wait([task], timeout=0.05)
        assert not done
        desk.go_on.set()
        assert await results([task]) == ["done a"]


async def test_what_waits_while_a_batch_commits_is_the_next_batch() -> None:
    """All events submitted while one batch is under way become one batch, in the order in which they came."""
    desk = Desk()
    with running(desk) as batcher:
        first = await held_up(desk, batcher, "a")
        rest = await submitted(batcher, "b", "c", "d")
        desk.go_on.set()
        assert await results([first, *rest]) == ["done a", "done b", "done c", "done d"]
    assert desk.batches == [["a"], ["b", "c", "d"]]


async def test_a_batch_is_not_larger_than_it_may_be() -> None:
    """More events than one batch may hold go into the batches that follow."""
    desk = Desk()
    with running(desk, most=2) as batcher:
        first = await held_up(desk, batcher, "a")
        rest = await submitted(batcher, "b", "c", "d")
        desk.go_on.set()
        await results([first, *rest])
    assert desk.batches == [["a"], ["b", "c"], ["d"]]


async def test_several_writers_overlap() -> None:
    """With two writers two batches are under way at once, each with its share of what waits."""
    both = threading.Barrier(2, timeout=FAST)

    def process(events: Sequence[Event]) -> list[Result]:
        both.wait()  # breaks unless the other batch is under way too
        return [Result("done")] * len(events)

    batcher: Events = Batcher(process, Desk().bury, writers=2)
    batcher.start()
    try:
        assert await results(await submitted(batcher, "a", "b")) == ["done", "done"]
    finally:
        await asyncio.to_thread(batcher.stop)


async def test_a_single_event_waits_for_no_other() -> None:
    """There is no timer: an event alone is a batch at once."""
    desk = Desk()
    with running(desk) as batcher:
        for name in "abc":
            assert await results(await submitted(batcher, name)) == [f"done {name}"]
    assert desk.batches == [["a"], ["b"], ["c"]]


async def test_beyond_the_bound_it_is_busy() -> None:
    """When too many wait the next one is refused at once; those that wait are not lost, and later there is room."""
    desk = Desk()
    with running(desk, bound=2) as batcher:
        first = await held_up(desk, batcher, "a")
        waiting = await submitted(batcher, "b", "c")
        with pytest.raises(Busy):
            await batcher.submit(named("d"))
        desk.go_on.set()
        assert await results([first, *waiting]) == ["done a", "done b", "done c"]
        assert await results(await submitted(batcher, "d")) == ["done d"]
    assert ["d"] not in desk.batches[:-1]


async def test_a_bad_event_does_not_fail_its_neighbours() -> None:
    """When a batch fails each event is tried alone; the one that fails alone is buried with its fault."""
    desk = Desk()
    desk.faults["bad"] = LedgerFault("x")
    with running(desk) as batcher:
        first = await held_up(desk, batcher, "a")
        rest = await submitted(batcher, "b", "bad", "c")
        desk.go_on.set()
        assert await results([first, *rest]) == ["done a", "done b", "buried", "done c"]
    assert desk.batches == [["a"], ["b", "bad", "c"], ["b"], ["bad"], ["c"]]
    assert desk.buried == [("bad", "LedgerFault")]


async def test_storage_that_is_away_is_told_to_all() -> None:
    """When the database did not take a batch everybody in it is told so, nothing is tried again and nothing buried."""
    desk = Desk()
    desk.faults["b"] = StorageUnavailable("locked")
    with running(desk) as batcher:
        first = await held_up(desk, batcher, "a")
        rest = await submitted(batcher, "b", "c")
        desk.go_on.set()
        assert await results([first]) == ["done a"]
        for task in rest:
            with pytest.raises(StorageUnavailable):
                await task
        del desk.faults["b"]
        assert await results(await submitted(batcher, "b")) == ["done b"]
    assert desk.batches == [["a"], ["b", "c"], ["b"]]
    assert desk.buried == []


@pytest.mark.parametrize("fault", [StorageUnavailable("full"), ValueError("cannot be kept"), LedgerFault("nor this")])
async def test_an_event_that_cannot_even_be_buried_is_not_acknowledged(fault: Exception) -> None:
    """Who submitted an event that can be neither handled nor kept is told to deliver it again; the batcher goes on."""
    desk = Desk()
    desk.faults["bad"], desk.bury_fault = ZeroDivisionError(), fault
    with running(desk) as batcher:
        tasks = await submitted(batcher, "bad", "good")
        async with asyncio.timeout(FAST):
            found = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(found[0], StorageUnavailable)
        assert found[1] == Result("done good")
        assert await results(await submitted(batcher, "later")) == ["done later"]


async def test_stop_finishes_what_waits() -> None:
    """What was submitted before the stop is still done and released; what comes after it is refused."""
    desk = Desk()
    batcher = Batcher(desk.process, desk.bury, most=1)
    batcher.start()
    first = await held_up(desk, batcher, "a")
    rest = await submitted(batcher, "b", "c")
    stopping = asyncio.create_task(asyncio.to_thread(batcher.stop))
    desk.go_on.set()
    assert await results([first, *rest]) == ["done a", "done b", "done c"]
    async with asyncio.timeout(FAST):
        await stopping
    with pytest.raises(Busy):
        await batcher.submit(named("d"))
    assert desk.batches == [["a"], ["b"], ["c"]]


async def test_who_no_longer_waits_disturbs_nobody() -> None:
    """A submitter that gave up is passed over; the event is done all the same, and its neighbours are released."""
    desk = Desk()
    with running(desk) as batcher:
        first = await held_up(desk, batcher, "a")
        gone, stays = await submitted(batcher, "b", "c")
        gone.cancel()
        await asyncio.sleep(0)
        desk.go_on.set()
        assert await results([first, stays]) == ["done a", "done c"]
    assert desk.batches == [["a"], ["b", "c"]]


def test_a_loop_that_was_closed_does_not_end_the_batcher() -> None:
    """Somebody whose loop ended before the commit is passed over; the batcher serves the next loop."""
    desk = Desk()
    with running(desk) as batcher:

        async def leave() -> None:
            (await held_up(desk, batcher, "a")).cancel()

        asyncio.run(leave())
        desk.go_on.set()

        async def come() -> str:
            return (await batcher.submit(named("b"))).outcome

        assert asyncio.run(come()) == "done b"

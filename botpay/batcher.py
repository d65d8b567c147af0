"""Many events, one commit: all that wait become the next batch; while it commits, the one after fills. No timer.

The batches run on one thread of their own, synchronously, so nothing awaits between a check and its write. Whoever
submitted an event is released once the commit that holds it is done.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence

import structlog

from botpay.errors import Busy, StorageUnavailable
from botpay.handlers.world import Event
from botpay.pipeline import Result

log = structlog.get_logger(__name__)

Process = Callable[[Sequence[Event]], list[Result]]
Bury = Callable[[Event, BaseException], Result]

_Waiting = tuple[Event, "asyncio.Future[Result]"]


class Batcher:
    """Collects events and hands them to `process`, a batch at a time.

    Args:
        process: handles a batch in one commit, or raises and changes nothing.
        bury: keeps an event that `process` cannot handle even alone, for the operator.
        most: events in one batch.
        bound: events that may wait; beyond it `submit` raises `Busy`.
    """

    def __init__(self, process: Process, bury: Bury, *, most: int = 500, bound: int = 5000) -> None:
        self._process, self._bury = process, bury
        self._most, self._bound = most, bound
        self._waiting: list[_Waiting] = []
        self._news = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="batcher", daemon=True)

    def start(self) -> None:
        """Begin to take batches."""
        self._thread.start()

    async def submit(self, event: Event) -> Result:
        """What became of an event, after its commit.

        Raises `Busy` if too many wait, `StorageUnavailable` if the database did not take it; nothing was done then.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        with self._news:
            if self._stopping or len(self._waiting) >= self._bound:
                raise Busy("too much is waiting to be committed")
            self._waiting.append((event, future))
            self._news.notify()
        return await future

    def stop(self) -> None:
        """Finish what waits, then end. Call it off the loop that waits for the results."""
        with self._news:
            self._stopping = True
            self._news.notify()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._take():
            self._release(batch, self._outcomes([event for event, _ in batch]))

    def _take(self) -> list[_Waiting]:
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._stopping)
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            return batch

    def _outcomes(self, events: Sequence[Event]) -> list[Result | BaseException]:
        """A result or an exception for each event; one that cannot be handled does not fail its neighbours."""
        try:
            return [*self._process(events)]
        except StorageUnavailable as away:
            return [away] * len(events)
        except Exception as fault:  # noqa: BLE001 - a fault of ours, kept below
            if len(events) > 1:
                return [self._outcomes([event])[0] for event in events]
            return [self._buried(events[0], fault)]

    def _buried(self, event: Event, fault: BaseException) -> Result | BaseException:
        try:
            return self._bury(event, fault)
        except StorageUnavailable as away:
            return away
        except Exception as unkept:  # noqa: BLE001 - must not end the thread; not kept, so not acknowledged
            log.error("event_not_kept", fault=type(fault).__name__, unkept=type(unkept).__name__)
            return StorageUnavailable("an event could neither be handled nor kept")

    def _release(self, batch: list[_Waiting], outcomes: list[Result | BaseException]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Result], Result | BaseException]]] = {}
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            by_loop.setdefault(future.get_loop(), []).append((future, outcome))
        for loop, settled in by_loop.items():
            with contextlib.suppress(RuntimeError):  # the loop was closed; nobody waits there any more
                loop.call_soon_threadsafe(_settle, settled)


def _settle(settled: list[tuple["asyncio.Future[Result]", Result | BaseException]]) -> None:
    for future, outcome in settled:
        if future.cancelled():
            continue
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

"""Many events, one commit: all that wait become the next batch; while it commits, the one after fills. No timer.

The batches run on threads of their own, synchronously, so nothing awaits between a check and its write. Whoever
submitted an event is released once the commit that holds it is done. With one thread events are handled in the order in
which they came; more than one overlap their waits for PostgreSQL, for events that need no order.
"""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import structlog

from botpay.errors import Busy, StorageUnavailable

log = structlog.get_logger(__name__)

_SWITCH_SECONDS = 0.0005
"""How long the loop may keep Python to itself when a writer wants it, which it does after every statement.

With the default of 5 ms a busy loop makes every statement of a commit that much longer.
"""

E = TypeVar("E")
R = TypeVar("R")


class Batcher(Generic[E, R]):
    """Collects events and hands them to `process`, a batch at a time.

    Args:
        process: handles a batch in one commit, or raises and changes nothing.
        bury: keeps an event that `process` cannot handle even alone, for the operator; or raises what its submitter is
            to be told, a `StorageUnavailable`.
        most: events in one batch.
        bound: events that may wait; beyond it `submit` raises `Busy`.
        writers: threads that take batches; each takes its share of what waits.
    """

    def __init__(
        self,
        process: Callable[[Sequence[E]], list[R]],
        bury: Callable[[E, BaseException], R],
        *,
        most: int = 500,
        bound: int = 5000,
        writers: int = 1,
    ) -> None:
        self._process, self._bury = process, bury
        self._most, self._bound = most, bound
        self._waiting: list[tuple[E, asyncio.Future[R]]] = []
        self._news = threading.Condition()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, name=f"batcher-{number}", daemon=True) for number in range(writers)
        ]

    def start(self) -> None:
        """Begin to take batches."""
        sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_SECONDS))
        for thread in self._threads:
            thread.start()

    async def submit(self, event: E) -> R:
        """What became of an event, after its commit.

        Raises `Busy` if too many wait, `StorageUnavailable` if the database did not take it; nothing was done then.
        """
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
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
            self._news.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while batch := self._take():
            self._release(batch, self._outcomes([event for event, _ in batch]))

    def _take(self) -> list[tuple[E, "asyncio.Future[R]"]]:
        """The oldest that wait, at least one unless it is over; the share of one writer, so that others overlap."""
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._stopping)
            share = min(-(-len(self._waiting) // len(self._threads)), self._most)
            batch, self._waiting = self._waiting[:share], self._waiting[share:]
            if self._waiting:  # whoever was woken for these may have found them gone
                self._news.notify()
            return batch

    def _outcomes(self, events: Sequence[E]) -> list[R | BaseException]:
        """A result or an exception for each event; one that cannot be handled does not fail its neighbours."""
        try:
            return [*self._process(events)]
        except StorageUnavailable as away:
            return [away] * len(events)
        except Exception as fault:  # noqa: BLE001 - a fault of ours, kept below
            if len(events) > 1:
                return [self._outcomes([event])[0] for event in events]
            return [self._buried(events[0], fault)]

    def _buried(self, event: E, fault: BaseException) -> R | BaseException:
        try:
            return self._bury(event, fault)
        except StorageUnavailable as away:
            return away
        except Exception as unkept:  # noqa: BLE001 - must not end the thread; not kept, so not acknowledged
            log.error("event_not_kept", fault=type(fault).__name__, unkept=type(unkept).__name__)
            return StorageUnavailable("an event could neither be handled nor kept")

    def _release(self, batch: list[tuple[E, "asyncio.Future[R]"]], outcomes: list[R | BaseException]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[R], R | BaseException]]] = {}
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            by_loop.setdefault(future.get_loop(), []).append((future, outcome))
        for loop, settled in by_loop.items():
            with contextlib.suppress(RuntimeError):  # the loop was closed; nobody waits there any more
                loop.call_soon_threadsafe(_settle, settled)


def _settle(settled: list[tuple["asyncio.Future[R]", R | BaseException]]) -> None:
    for future, outcome in settled:
        if future.cancelled():
            continue
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

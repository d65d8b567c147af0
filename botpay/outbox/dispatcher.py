"""Sends what waits in the outbox: one letter at a time per person or chat, in order, at least once.

What became of a letter goes back in by the door that everything enters by. A process that dies between sending and
that commit sends the letter again after its restart; so letters say what is, and are harmless twice.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from botpay.clock import Clock
from botpay.database import Database
from botpay.errors import BotpayError, Busy, DeliveryError, RetryAfter, StorageUnavailable, Transient, Unreachable
from botpay.message import Outbound, Receipt
from botpay.outbox.model import Delivery, Fate
from botpay.outbox.store import Queued, load_queued, load_receipts

_MOST_TRIES = 12
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=5)
_LOOK_AGAIN_SECONDS = 1.0
_AT_ONCE = 500

_Lane = tuple[str, str, str]

log = structlog.get_logger(__name__)


class Sender(Protocol):
    """What can deliver an outbound: an adapter."""

    async def send(self, outbound: Outbound) -> Receipt:
        """Deliver it, or raise a `DeliveryError`."""
        ...


class Dispatcher:
    """Drains the outbox of one process.

    Args:
        submit: takes what became of a letter, and returns once it is committed.
    """

    def __init__(
        self,
        database: Database,
        senders: Mapping[str, Sender],
        submit: Callable[[Delivery], Awaitable[object]],
        clock: Clock,
    ) -> None:
        self._database, self._senders, self._submit, self._clock = database, senders, submit, clock
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._stopping = False
        self._under_way: dict[_Lane, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """There are new letters."""
        self._idle.clear()
        self._news.set()

    async def idle(self) -> None:
        """Wait until nothing is left that can be sent now."""
        await self._idle.wait()

    async def run(self) -> None:
        """Send until `stop`; a slow chat keeps no other waiting."""
        while not self._stopping:
            self._news.clear()
            try:
                await self._begin_what_is_due()
            except Exception as error:  # noqa: BLE001 - whatever it is, letters must go out again afterwards
                log.error("outbox_waits", reason=type(error).__name__)
            if not self._under_way and not self._news.is_set():
                self._idle.set()
            await self._pause()
        await asyncio.gather(*self._under_way.values())

    def stop(self) -> None:
        """End after the letters under way."""
        self._stopping = True
        self._news.set()

    async def _begin_what_is_due(self) -> None:
        busy = set(self._under_way)  # before reading: what is sent meanwhile would still be read as queued
        queued, receipts = await asyncio.to_thread(self._load)
        here = [q for q in queued if _lane(q) not in busy]
        due, superseded = _first_of_each_lane(here, self._clock())
        for q in superseded:
            await self._submit(Delivery(letter_id=q.letter.outbound.id, fate=Fate.SUPERSEDED))
        for q in due:
            task = asyncio.create_task(self._deliver(q, receipts))
            self._under_way[_lane(q)] = task
            task.add_done_callback(partial(self._done, _lane(q)))

    def _done(self, lane: _Lane, task: asyncio.Task[None]) -> None:  # noqa: ARG002 - asyncio's signature
        del self._under_way[lane]
        self.wake()

    def _load(self) -> tuple[list[Queued], dict[str, str | None]]:
        with self._database.read() as connection:
            queued = load_queued(connection, self._senders, self._clock(), _AT_ONCE)
            replaced = [q.letter.replaces_letter for q in queued if q.letter.replaces_letter]
            return queued, load_receipts(connection, replaced) if replaced else {}

    async def _deliver(self, queued: Queued, receipts: Mapping[str, str | None]) -> None:
        letter = queued.letter
        outbound = letter.outbound
        if letter.replaces_letter and outbound.replaces is None:
            outbound = replace(outbound, replaces=receipts.get(letter.replaces_letter))
        try:
            receipt = await self._senders[outbound.adapter].send(outbound)
        except DeliveryError as error:
            delivery = self._failed(queued, error)
            log.warning("letter_not_delivered", letter=outbound.id, adapter=outbound.adapter, reason=delivery.reason)
        except Exception as fault:  # noqa: BLE001 - an adapter's bug must not stop the other lanes
            delivery = self._failed(queued, Transient(type(fault).__name__))
            log.error("adapter_fault", letter=outbound.id, adapter=outbound.adapter, fault=type(fault).__name__)
        else:
            delivery = Delivery(letter_id=outbound.id, fate=Fate.SENT, receipt=receipt.ref)
        try:
            await self._submit(delivery)
        except (StorageUnavailable, Busy):  # the letter stays queued and is sent again
            log.warning("delivery_not_recorded", letter=outbound.id)
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    def _failed(self, queued: Queued, error: BotpayError) -> Delivery:
        letter_id, reason = queued.letter.outbound.id, type(error).__name__
        if isinstance(error, Unreachable):
            fallback = queued.letter.fallback
            return Delivery(letter_id=letter_id, fate=Fate.UNREACHABLE, reason=reason, fallback=fallback)
        again = isinstance(error, Transient | RetryAfter) and queued.tries + 1 < _MOST_TRIES
        if not again:
            return Delivery(letter_id=letter_id, fate=Fate.DEAD, reason=reason)
        pause = timedelta(seconds=error.seconds) if isinstance(error, RetryAfter) else _back_off(queued.tries)
        return Delivery(letter_id=letter_id, fate=Fate.QUEUED, next_at=self._clock() + pause, reason=reason)

    async def _pause(self) -> None:
        """Until there is news, or long enough for a retry to have come due."""
        try:
            async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                await self._news.wait()
        except TimeoutError:
            return


def _first_of_each_lane(queued: list[Queued], now: datetime) -> tuple[list[Queued], list[Queued]]:
    """The first letter of each lane, if it is due; and those that a later one in their lane makes needless."""
    targets: dict[tuple[str, str, str, str], str] = {}
    for q in queued:
        if q.letter.target:
            targets[*_lane(q), q.letter.target] = q.letter.outbound.id
    superseded = [q for q in queued if _is_superseded(q, targets)]
    gone = {id(q) for q in superseded}
    first: dict[_Lane, Queued] = {}
    for q in queued:
        if id(q) not in gone:
            first.setdefault(_lane(q), q)
    return [q for q in first.values() if q.next_at <= now], superseded


def _is_superseded(queued: Queued, targets: Mapping[tuple[str, str, str, str], str]) -> bool:
    target = queued.letter.target
    return target is not None and targets[*_lane(queued), target] != queued.letter.outbound.id


def _lane(queued: Queued) -> _Lane:
    outbound = queued.letter.outbound
    return outbound.adapter, outbound.tenant, queued.letter.lane


def _back_off(tries: int) -> timedelta:
    """Doubling pauses with jitter, so that many letters do not come back at once."""
    pause = min(_FIRST_PAUSE * (1 << tries), _LONGEST_PAUSE)
    return timedelta(seconds=pause.total_seconds() * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret

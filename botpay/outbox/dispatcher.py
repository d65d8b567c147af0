"""Sends what waits in the outbox: one letter at a time per person or chat, in order, at least once.

What became of a letter goes back in by the door that everything enters by. A process that dies between sending and
that commit sends the letter again after its restart; so letters say what is, and are harmless twice.

Several processes on one PostgreSQL share the outbox: each leases the first letter of a lane before it sends it, and
renews the lease while it does. The leases of a process that died end by themselves. SQLite has one process only.
"""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog
from sqlalchemy import Connection

from botpay.clock import Clock
from botpay.database import Database
from botpay.errors import BotpayError, Busy, DeliveryError, RetryAfter, StorageUnavailable, Transient, Unreachable
from botpay.message import Outbound, Receipt
from botpay.outbox.model import KEPT, Delivery, Fate
from botpay.outbox.store import Queued, lease, load_queued, load_receipts, renew_leases
from botpay.sealing import Keyring

_MOST_TRIES = 12
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=5)
_LOOK_AGAIN_SECONDS = 1.0
LEASE = timedelta(seconds=20)
_RENEW_EVERY = LEASE / 4
_AT_ONCE = 500

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
        keyring: Keyring,
        senders: Mapping[str, Sender],
        submit: Callable[[Delivery], Awaitable[object]],
        clock: Clock,
    ) -> None:
        self._database, self._keyring, self._senders = database, keyring, senders
        self._submit, self._clock = submit, clock
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._stopping = False
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._holder = str(uuid.uuid4())
        self._renewed_at = clock()
        self._closed_until: dict[tuple[str, str], datetime] = {}

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
                await self._renew_leases()
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
        here = [q for q in queued if q.lane not in busy]
        due, superseded = _first_of_each_lane(here, self._clock())
        ours = await self._leased([q for q in due if self._is_open(q)])
        for q in superseded:
            if q.lane in ours:
                await self._submit(Delivery(letter_id=q.id, fate=Fate.SUPERSEDED))
        for q in ours.values():
            task = asyncio.create_task(self._deliver(q, receipts))
            self._under_way[q.lane] = task
            task.add_done_callback(partial(self._done, q.lane))

    async def _leased(self, due: list[Queued]) -> dict[str, Queued]:
        """Those that this process may send, by lane."""
        if self._database.is_sqlite or not due:
            return {q.lane: q for q in due}
        got = await asyncio.to_thread(self._lease, [q.id for q in due])
        return {q.lane: q for q in due if q.id in got}

    def _lease(self, ids: list[str]) -> set[str]:
        def take(connection: Connection) -> set[str]:
            now = self._database.now(connection, self._clock)
            return lease(connection, ids, self._holder, now, now + LEASE)

        return self._database.transact(take)

    async def _renew_leases(self) -> None:
        """While letters are under way for long, nobody else shall take them for those of a process that died."""
        if self._database.is_sqlite or not self._under_way or self._clock() - self._renewed_at < _RENEW_EVERY:
            return
        self._renewed_at = self._clock()
        await asyncio.to_thread(self._renew)

    def _renew(self) -> None:
        def extend(connection: Connection) -> None:
            renew_leases(connection, self._holder, self._database.now(connection, self._clock) + LEASE)

        self._database.transact(extend)

    def _is_open(self, queued: Queued) -> bool:
        """Whether the platform did not ask to be left in peace until later."""
        return self._closed_until.get((queued.adapter, queued.tenant), self._clock()) <= self._clock()

    def _done(self, lane: str, task: asyncio.Task[None]) -> None:  # noqa: ARG002 - asyncio's signature
        del self._under_way[lane]
        self.wake()

    def _load(self) -> tuple[list[Queued], dict[str, str | None]]:
        with self._database.read() as connection:
            now = self._database.now(connection, self._clock)
            queued = load_queued(connection, self._keyring, self._senders, now, _AT_ONCE)
            replaced = [q.letter.replaces_letter for q in queued if q.letter and q.letter.replaces_letter]
            return queued, load_receipts(connection, replaced) if replaced else {}

    async def _deliver(self, queued: Queued, receipts: Mapping[str, str | None]) -> None:
        try:
            receipt = await self._senders[queued.adapter].send(_to_send(queued, receipts))
        except DeliveryError as error:
            delivery = self._failed(queued, error)
            log.warning("letter_not_delivered", letter=queued.id, adapter=queued.adapter, reason=delivery.reason)
        except Exception as fault:  # noqa: BLE001 - an adapter's bug must not stop the other lanes
            delivery = self._failed(queued, Transient(type(fault).__name__))
            log.error("adapter_fault", letter=queued.id, adapter=queued.adapter, fault=type(fault).__name__)
        else:
            delivery = Delivery(letter_id=queued.id, fate=Fate.SENT, receipt=receipt.ref)
        try:
            await self._submit(delivery)
        except (StorageUnavailable, Busy):  # the letter stays queued and is sent again
            log.warning("delivery_not_recorded", letter=queued.id)
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    def _failed(self, queued: Queued, error: BotpayError) -> Delivery:
        letter_id, reason = queued.id, type(error).__name__
        if isinstance(error, Unreachable):
            fallback = queued.letter.fallback if queued.letter else None
            return Delivery(letter_id=letter_id, fate=Fate.UNREACHABLE, reason=reason, fallback=fallback)
        again = isinstance(error, Transient | RetryAfter) and queued.tries + 1 < _MOST_TRIES
        if not again:
            return Delivery(letter_id=letter_id, fate=Fate.DEAD, reason=reason, next_at=self._clock() + KEPT)
        pause = timedelta(seconds=error.seconds) if isinstance(error, RetryAfter) else _back_off(queued.tries)
        if isinstance(error, RetryAfter) and error.everywhere:
            self._closed_until[queued.adapter, queued.tenant] = self._clock() + pause
        return Delivery(letter_id=letter_id, fate=Fate.QUEUED, next_at=self._clock() + pause, reason=reason)

    async def _pause(self) -> None:
        """Until there is news, or long enough for a retry to have come due."""
        try:
            async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                await self._news.wait()
        except TimeoutError:
            return


class Unreadable(Transient):
    """No key that is here opens the letter: the operator may have removed one too early, and put it back."""


def _to_send(queued: Queued, receipts: Mapping[str, str | None]) -> Outbound:
    """The outbound, with the place of the message that it replaces, as far as that was delivered."""
    letter = queued.letter
    if letter is None:
        raise Unreadable("sealed with a key that is not here")
    if letter.replaces_letter and letter.outbound.replaces is None:
        return replace(letter.outbound, replaces=receipts.get(letter.replaces_letter))
    return letter.outbound


def _first_of_each_lane(queued: list[Queued], now: datetime) -> tuple[list[Queued], list[Queued]]:
    """The first letter of each lane, if it is due; and those that a later one in their lane makes needless."""
    targets = {(q.lane, target): q.id for q in queued if (target := _target(q))}
    superseded = [q for q in queued if (target := _target(q)) and targets[q.lane, target] != q.id]
    gone = {q.id for q in superseded}
    first: dict[str, Queued] = {}
    for q in queued:
        if q.id not in gone:
            first.setdefault(q.lane, q)
    return [q for q in first.values() if q.next_at <= now], superseded


def _target(queued: Queued) -> str | None:
    """The message that is replaced, if one is."""
    return queued.letter.target if queued.letter else None


def _back_off(tries: int) -> timedelta:
    """Doubling pauses with jitter, so that many letters do not come back at once."""
    pause = min(_FIRST_PAUSE * (1 << tries), _LONGEST_PAUSE)
    return timedelta(seconds=pause.total_seconds() * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret

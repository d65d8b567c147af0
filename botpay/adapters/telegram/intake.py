"""The one way from an update to the core, shared by polling and the webhook."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from telegram import Update

from botpay.adapters.base import Receive
from botpay.adapters.telegram.translate import translate
from botpay.message import Inbound

Answer = Callable[[str], Awaitable[None]]
"""Tells Telegram that a press, named by its query id, was taken, so that the button stops to spin."""

log = logging.getLogger(__name__)


class Intake:
    """Hands updates to the core and knows what is still under way."""

    def __init__(self, receive: Receive, answer: Answer, *, me: tuple[str, ...], tenant: str) -> None:
        self._receive = receive
        self._answer = answer
        self._me = me
        self._tenant = tenant
        self._under_way: set[asyncio.Task[None]] = set()

    async def take(self, update: Update) -> None:
        """Returns once the update is committed, or is nothing for us. Raises what `receive` raises."""
        inbound = self._translated(update)
        if inbound is not None:
            # A caller that is cancelled, as by a lost connection, does not interrupt the commit.
            await asyncio.shield(self._spawn(self._receive(inbound)))
        if update.callback_query is not None:
            self._spawn(self._answer_press(update.callback_query.id))

    def _translated(self, update: Update) -> Inbound | None:
        try:
            return translate(update, self._me, self._tenant)
        except Exception:  # noqa: BLE001 - a field of a wrong type raises anything, and repeating it would not help
            log.warning("update %s has an unknown shape and is left out", update.update_id)
            return None

    async def drain(self) -> None:
        """Wait for all that is under way."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def _spawn(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.create_task(_run(work))
        self._under_way.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # who waits for the task sees it; if nobody does any more, Telegram delivers again

    async def _answer_press(self, query_id: str) -> None:
        try:
            await self._answer(query_id)
        except Exception as error:  # noqa: BLE001 - the press is committed; only a spinning button is at stake
            log.info("a press was not answered: %s", type(error).__name__)


async def _run(work: Awaitable[None]) -> None:
    await work

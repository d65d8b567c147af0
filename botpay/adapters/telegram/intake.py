"""The one way from an update to the core, shared by polling and the webhook."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from telegram import Update

from botpay.adapters.base import Receive
from botpay.adapters.telegram.inline import InlineMode
from botpay.adapters.telegram.translate import translate
from botpay.message import Inbound

Answer = Callable[[str, bool], Awaitable[None]]
"""Tells Telegram that a press, named by its query id, was taken, so that the button stops to spin; if told so, by
opening the private chat with the bot."""

log = logging.getLogger(__name__)


class Intake:
    """Hands updates to the core and knows what is still under way.

    Args:
        inline: answers drafts and reads cards, where inline mode is on.
    """

    def __init__(
        self, receive: Receive, answer: Answer, inline: InlineMode | None, *, me: tuple[str, ...], tenant: str
    ) -> None:
        self._receive = receive
        self._answer = answer
        self._inline = inline
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
            self._spawn(self._answer_press(update.callback_query.id, inbound is not None and inbound.chat.card))
        if update.inline_query is not None and self._inline is not None:
            self._spawn(self._inline.answer(update.inline_query))

    def _translated(self, update: Update) -> Inbound | None:
        try:
            return self._from_card(update) or translate(update, self._me, self._tenant)
        except Exception:  # noqa: BLE001 - a field of a wrong type raises anything, and repeating it would not help
            log.warning("update %s has an unknown shape and is left out", update.update_id)
            return None

    def _from_card(self, update: Update) -> Inbound | None:
        if self._inline is None:
            return None
        cards, now = self._inline.cards, datetime.now(UTC)
        if update.chosen_inline_result is not None:
            return cards.chosen(update.chosen_inline_result, now)
        return cards.pressed(update.callback_query, now) if update.callback_query is not None else None

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

    async def _answer_press(self, query_id: str, opens_chat: bool) -> None:
        try:
            await self._answer(query_id, opens_chat)
        except Exception as error:  # noqa: BLE001 - the press is committed; only a spinning button is at stake
            log.info("a press was not answered: %s", type(error).__name__)


async def _run(work: Awaitable[None]) -> None:
    await work

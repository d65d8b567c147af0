"""Long polling: ask, hand over, and only then let the next question confirm what was handed over."""

import asyncio
import logging
import random
from collections.abc import Sequence

from telegram import Bot, Update

from botpay.adapters.telegram.intake import Intake
from botpay.adapters.telegram.requests import FloodControl
from botpay.errors import Busy

ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")
"""Said on every call: left out, Telegram keeps what was set before (Bot API, getUpdates)."""
INLINE_UPDATES = ("inline_query", "chosen_inline_result")
"""And these where inline mode is on."""

WAIT_SECONDS = 30
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 30.0

log = logging.getLogger(__name__)


class Poller:
    """Asks Telegram for updates until it is cancelled."""

    def __init__(self, bot: Bot, intake: Intake, kinds: Sequence[str]) -> None:
        self._bot = bot
        self._intake = intake
        self._kinds = kinds
        self._offset: int | None = None
        self._failures = 0

    async def run(self) -> None:
        """Ask for ever. No fault ends the loop: what was not confirmed is delivered again.

        Another process may have polled before, so nothing is known of what is confirmed.
        """
        self._offset = None
        while True:
            try:
                await self._ask_once()
                self._failures = 0
            except FloodControl as error:
                await asyncio.sleep(error.seconds)
            except Exception as error:  # noqa: BLE001 - whoever failed, Telegram or the core, asking again mends it
                self._failures += 1
                log.warning("polling goes on after a pause: %s", type(error).__name__)
                await asyncio.sleep(pause_seconds(self._failures))

    async def _ask_once(self) -> None:
        updates = await self._bot.get_updates(offset=self._offset, timeout=WAIT_SECONDS, allowed_updates=self._kinds)
        await self._take_all(updates)
        # Nothing came, so all is confirmed and no offset is needed; a stale one could hide what follows, for after a
        # quiet week Telegram goes on with ids from anywhere (Bot API, Update).
        self._offset = max(update.update_id for update in updates) + 1 if updates else None

    async def _take_all(self, updates: Sequence[Update]) -> None:
        """Hand over a batch: chats side by side, each in its order. Raises the first failure once all have ended.

        What comes from a card comes from no chat that we know: its person stands for it.
        """
        by_chat: dict[int | None, list[Update]] = {}
        for update in updates:
            where = update.effective_chat or update.effective_user
            by_chat.setdefault(where.id if where else None, []).append(update)
        results = await asyncio.gather(*map(self._take_chat, by_chat.values()), return_exceptions=True)
        for result in results:
            if isinstance(result, asyncio.CancelledError):
                raise Busy("the core let go of an update")  # raised as it is, it would end the loop
            if isinstance(result, BaseException):
                raise result

    async def _take_chat(self, updates: list[Update]) -> None:
        for update in updates:
            await self._intake.take(update)


def pause_seconds(failures: int) -> float:
    """How long to wait after so many failures in a row: doubling, with jitter so that many bots do not ask at once."""
    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 16))
    return longest * random.uniform(0.5, 1)  # noqa: S311 - spreads load, keeps no secret

"""The updates that wait for the bot, from when they happen until the bot has confirmed them."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from botpay.testing.telegram.trouble import Trouble

DEFAULT_ALLOWED = frozenset(
    {
        "message",
        "edited_message",
        "channel_post",
        "callback_query",
        "my_chat_member",
        "inline_query",
        "chosen_inline_result",
    }
)
"""What comes where nothing was asked for: all that the fake makes (chat_member and reactions would be left out)."""

FIRST_ID = 710_000_001


@dataclass(slots=True)
class Waiting:
    """An update that is not confirmed.

    Attributes:
        again: put back after it was confirmed once; then it is handed out whatever the offset says.
        handed: went out in an answer to getUpdates.
    """

    id: int
    kind: str
    payload: dict[str, Any]
    again: bool = False
    handed: bool = False

    def to_json(self) -> dict[str, Any]:
        """The update as the bot gets it."""
        return {"update_id": self.id, self.kind: self.payload}

    def is_of(self, user_id: int | None, kind: str | None) -> bool:
        """Whether it is that person's and of that kind; None stands for any."""
        return kind in (None, self.kind) and user_id in (None, self.payload.get("from", {}).get("id"))


class Updates:
    """The queue. Whoever waits for a change awaits `changed`.

    Args:
        trouble: lets updates come again and out of order.
    """

    def __init__(self, trouble: Trouble) -> None:
        self._trouble = trouble
        self.allowed: Collection[str] = DEFAULT_ALLOWED
        self._waiting: list[Waiting] = []
        self._all: list[Waiting] = []
        self._next_id = FIRST_ID
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def allow(self, kinds: Sequence[str] | None) -> None:
        """Choose the kinds to come; None keeps the choice, none at all means the default (Bot API, getUpdates)."""
        if kinds is not None:
            self.allowed = frozenset(kinds) or DEFAULT_ALLOWED

    def add(self, kind: str, payload: dict[str, Any]) -> None:
        """Something happened. What is not allowed when it happens is never delivered."""
        if kind not in self.allowed:
            return
        update = Waiting(self._next_id, kind, payload)
        self._next_id += 1
        self._waiting.append(update)
        self._all.append(update)
        self.wake()

    def put_back(self, user_id: int | None, kind: str | None) -> None:
        """Deliver the last update once more, of that person and kind if given. Raises `LookupError` if none was."""
        last = next((update for update in reversed(self._all) if update.is_of(user_id, kind)), None)
        if last is None:
            raise LookupError("nothing was delivered that could be delivered again")
        if all(update.id != last.id for update in self._waiting):
            again = Waiting(last.id, last.kind, last.payload, again=True)
            self._waiting = sorted([again, *self._waiting], key=lambda update: update.id)
            self.wake()

    def confirm(self, offset: int) -> None:
        """Forget all before `offset`; a negative one keeps that many from the end (Bot API, getUpdates)."""
        if offset < 0:
            self._waiting = self._waiting[offset:]
        else:
            gone = [w for w in self._waiting if w.id < offset and (w.handed or not w.again)]
            self._waiting = [w for w in self._waiting if w not in gone]
            self._perhaps_again(gone)
        self.wake()

    def hand_out(self, limit: int) -> list[dict[str, Any]]:
        """The oldest updates, which stay until they are confirmed."""
        batch = self._waiting[:limit]
        for update in batch:
            update.handed = True
        return [update.to_json() for update in self._trouble.in_order(batch)]

    def first(self) -> Waiting | None:
        """The oldest update, unless there is trouble."""
        return self._trouble.in_order(self._waiting)[0] if self._waiting else None

    def done(self, update: Waiting) -> None:
        """The webhook took this one."""
        self._waiting = [other for other in self._waiting if other is not update]
        self._perhaps_again([update])
        self.wake()

    def _perhaps_again(self, taken: Sequence[Waiting]) -> None:
        """Deliver once more some of what the bot took, as if its confirmation had got lost."""
        again = [w for w in taken if not w.again and self._trouble.twice()]
        self._waiting += [Waiting(w.id, w.kind, w.payload, again=True) for w in again]
        self._waiting.sort(key=lambda w: w.id)

    def clear(self) -> None:
        """Drop all, as drop_pending_updates asks."""
        self._waiting.clear()
        self.wake()

    def wake(self) -> None:
        """Let everybody who waits look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Returns at the next change."""
        await self._changed.wait()

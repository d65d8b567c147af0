"""What is in the chats: messages as everybody sees them now, and all that the bot did, in order."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from botpay.testing.telegram.trouble import Trouble
from botpay.testing.telegram.updates import Updates

Keyboard = tuple[tuple["FakeButton", ...], ...]


@dataclass(frozen=True, slots=True)
class FakeButton:
    """An inline button: `data` comes back when it is pressed, or `url` opens."""

    label: str
    data: str | None = None
    url: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The button as the Bot API shows it."""
        return {"text": self.label} | ({"url": self.url} if self.data is None else {"callback_data": self.data})


@dataclass(eq=False, slots=True)
class FakeMessage:
    """A message as it reads now.

    Attributes:
        chat: the chat as the Bot API shows it.
        sender: who wrote it, as the Bot API shows users.
        extra: further fields of the Bot API's Message, such as reply_to_message.
        protected: cannot be forwarded or saved.
        inline_id: by which the bot knows it if it was sent through the bot, wherever it stands.
    """

    id: int
    chat: dict[str, Any]
    sender: dict[str, Any]
    date: int
    text: str
    entities: list[dict[str, Any]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    buttons: Keyboard = ()
    edited_at: int | None = None
    protected: bool = False
    deleted: bool = False
    inline_id: str | None = None

    @property
    def chat_id(self) -> int:
        """The chat it stands in."""
        return int(self.chat["id"])

    @property
    def topic(self) -> int | None:
        """The topic it stands in, in a group that has such."""
        found: int | None = self.extra.get("message_thread_id")
        return found

    @property
    def is_bots(self) -> bool:
        """Whether a bot wrote it."""
        return bool(self.sender["is_bot"])

    def labels(self) -> list[str]:
        """What its buttons say, row after row."""
        return [button.label for row in self.buttons for button in row]

    def to_json(self) -> dict[str, Any]:
        """The message as the Bot API shows it."""
        shown: dict[str, Any] = {
            "message_id": self.id,
            "chat": self.chat,
            "from": self.sender,
            "date": self.date,
            "text": self.text,
        }
        if self.entities:
            shown["entities"] = self.entities
        if self.edited_at is not None:
            shown["edit_date"] = self.edited_at
        if self.protected:
            shown["has_protected_content"] = True
        if self.buttons:
            rows = [[button.to_json() for button in row] for row in self.buttons]
            shown["reply_markup"] = {"inline_keyboard": rows}
        return shown | self.extra


class Deed(StrEnum):
    """What the bot did to a message."""

    SEND = "send"
    EDIT = "edit"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that the bot did, and how the message read then."""

    deed: Deed
    chat_id: int
    message_id: int
    text: str
    buttons: Keyboard = ()


class World:
    """All chats, their messages, and the updates that arise from them.

    Args:
        clock: seconds since 1970.
        trouble: what goes wrong.
    """

    def __init__(self, clock: Callable[[], float] = time.time, trouble: Trouble | None = None) -> None:
        self.updates = Updates(trouble or Trouble())
        self.history: list[Said] = []
        self._clock = clock
        self._chats: dict[int, list[FakeMessage]] = {}

    def now(self) -> int:
        """The time, as the Bot API writes it."""
        return int(self._clock())

    def add(self, chat: dict[str, Any], sender: dict[str, Any], text: str, **parts: Any) -> FakeMessage:
        """A new message in a chat. Each chat counts its own, so the same id stands for many messages."""
        messages = self._chats.setdefault(int(chat["id"]), [])
        messages.append(FakeMessage(len(messages) + 1, chat, sender, self.now(), text, **parts))
        return messages[-1]

    def find(self, chat_id: int, message_id: int) -> FakeMessage | None:
        """A message that still stands there."""
        return next((message for message in self.visible(chat_id) if message.id == message_id), None)

    def visible(self, chat_id: int) -> list[FakeMessage]:
        """The messages of a chat that are not deleted, oldest first."""
        return [message for message in self._chats.get(chat_id, []) if not message.deleted]

    def note(self, deed: Deed, message: FakeMessage) -> None:
        """Remember what the bot did."""
        self.history.append(Said(deed, message.chat_id, message.id, message.text, message.buttons))

"""A platform as the contract needs it: a stage that also takes recorded payloads, shows its screens, and fails."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from botpay.testing.stage import Line, Manner, Stage


class Absent(AssertionError):
    """This platform has no such thing. Declare it in `cannot`, with the reason."""


class Trouble(StrEnum):
    """How a platform fails the next time that the adapter sends a message."""

    SLOW_DOWN = "slow_down"  # it asks to wait SLOW_DOWN_SECONDS
    AWAY = "away"  # it answers with a fault of its own, and nothing was sent
    LOST = "lost"  # the message is sent, and the answer does not come
    REFUSED = "refused"  # it will never take this message
    CLOSED = "closed"  # it does not let the bot write to this person
    REVOKED = "revoked"  # it does not know the bot's credentials any more


SLOW_DOWN_SECONDS = 7


@dataclass(frozen=True, slots=True)
class Shown:
    """A message on somebody's screen, as it reads now.

    Attributes:
        ref: names it, as long as it stands.
        text: what is read: mark-up rendered, escapes undone, without the dots of a keypad.
        labels: of the buttons that can be pressed.
        by_bot: whether the bot wrote it.
        preview: whether the platform fetched a link in it.
        urls: that its buttons open, by label.
        order: rises with each message and with each change of one.
    """

    ref: str
    text: str
    labels: Sequence[str] = ()
    by_bot: bool = True
    preview: bool = False
    urls: Mapping[str, str] = field(default_factory=dict)
    order: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A request to one of the adapter's routes.

    Attributes:
        headers: all of them.
        proofs: the names of those that prove who calls.
    """

    path: str
    body: bytes
    headers: Mapping[str, str]
    proofs: Sequence[str]


class Platform(Stage):
    """A fake of one platform, on which the people alice and bob and a group of both with the bot are known.

    What comes from `Stage` lets people act; the rest lets the contract look and meddle. Where the platform has no
    such thing, raise `Absent`.

    Attributes:
        secrets: whatever the adapter was configured with and must never print.
    """

    secrets: Sequence[str] = ()

    def __init__(self) -> None:
        self._read_so_far: dict[tuple[str | None, str], str] = {}

    @abstractmethod
    async def deliver(self, payload: Any) -> None:
        """Bring a recorded payload as the platform does: again until it is acknowledged, or until it gives up.

        Returns only then.
        """

    @abstractmethod
    def screens(self) -> Mapping[str | None, Sequence[Shown]]:
        """What stands now, oldest first: in each person's private chat with the bot, and in the group (None)."""

    def sees(self, who: str | None) -> Sequence[Shown]:
        """What stands now in a person's private chat with the bot, or in the group (None), oldest first."""
        return self.screens().get(who, ())

    async def press(self, who: str, label: str) -> object:  # noqa: ARG002 - there for those that override it
        """Let a person press the newest button of this label in their private chat; keys in a window, if need be."""
        raise Absent("no buttons")

    def fail_next(self, trouble: Trouble) -> None:  # noqa: ARG002
        """Fail so the next time that the adapter sends a message."""
        raise Absent("no such failure")

    async def hang_up(self) -> None:
        """Break the connection over which the adapter is told, or fail its next question for news."""
        raise Absent("no connection")

    def call(self, body: bytes, *, seconds_ago: float = 0) -> Call:  # noqa: ARG002
        """The request in which the platform would bring this body, with its proofs, made so long ago."""
        raise Absent("no webhook")

    # What makes it a stage; a platform that knows better says so itself.

    async def enter_pin(self, who: str, pin: str) -> None:
        """Press the keys where they are shown; else type the PIN to the bot alone."""
        if not any(set(pin) <= set(shown.labels) for shown in self.sees(who)):
            return await self.say(who, pin, private=True, manner=Manner.FRESH)
        for digit in pin:
            await self.press(who, digit)
        return None

    def take_lines(self) -> list[Line]:
        """What is new on the screens."""
        news = [
            (message.order, who, message.text)
            for who, shown in self.screens().items()
            for message in shown
            if message.by_bot and self._is_news(who, message)
        ]
        return [Line(who, text) for _, who, text in sorted(news, key=lambda told: told[0])]

    def _is_news(self, who: str | None, message: Shown) -> bool:
        before = self._read_so_far.get((who, message.ref))
        self._read_so_far[who, message.ref] = message.text
        return before != message.text

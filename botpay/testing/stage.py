"""A stage: one platform with people on it, on which any `.chat` scenario can be played."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from enum import StrEnum

from botpay.adapters.base import Adapter
from botpay.message import Actor


class Manner(StrEnum):
    """How a line reaches the bot."""

    FRESH = "fresh"  # a new message
    AGAIN = "again"  # the person's last message, delivered a second time as this platform repeats itself
    EDIT = "edit"  # the person's last message, edited into this text
    FORWARD = "forward"  # somebody else's words, passed on


@dataclass(frozen=True, slots=True)
class Line:
    """Something the bot said: to one person in private, or to everybody (`to` is None)."""

    to: str | None
    text: str


class Stage(ABC):
    """A platform, its adapter and the people on it, known by short names such as "alice"."""

    adapter: Adapter

    @abstractmethod
    async def start(self) -> None:
        """Start the platform and make `adapter` for it, which the application starts afterwards."""

    async def connect(self, base_url: str | None) -> None:  # noqa: B027 - many platforms are not told
        """Learn where the application's web server listens, if it has one: for platforms that call it."""

    def tags(self) -> frozenset[str]:
        """What a transcript may call this platform: the adapter's name, and each thing that it can do."""
        can = self.adapter.capabilities
        return frozenset(
            {self.adapter.name} | {field.name for field in fields(can) if getattr(can, field.name) is True}
        )

    @abstractmethod
    async def stop(self) -> None:
        """Stop the platform; the adapter was stopped before."""

    @abstractmethod
    def actor(self, who: str) -> Actor:
        """The identity of a person here: a stable id, the handle `who`, a display name. Made at first use."""

    @abstractmethod
    async def say(self, who: str, text: str, *, private: bool = False, manner: Manner = Manner.FRESH) -> None:
        """Let a person write, in the group or to the bot alone. Returns once the bot acknowledged it."""

    @abstractmethod
    async def enter_pin(self, who: str, pin: str) -> None:
        """Let a person enter a PIN in the way this platform offers: typed, or key by key on the open prompt."""

    @abstractmethod
    def take_lines(self) -> list[Line]:
        """What the bot has said since the last call, oldest first.

        A replaced message counts as said again; a change of the dots of a keypad does not.
        """

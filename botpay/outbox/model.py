"""What waits to be sent, and what became of it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from botpay.message import Outbound

KEPT = timedelta(days=30)
"""How long a dead letter can be sent again; then its words are wiped."""


class Fate(StrEnum):
    """What becomes of an outbound: it waits, or is dead until an operator or time decides, or is over."""

    QUEUED = "queued"
    SENT = "sent"
    SUPERSEDED = "superseded"  # a later one takes the place of the same message
    UNREACHABLE = "unreachable"  # the person cannot be written to; the fallback was queued if there is one
    DEAD = "dead"  # will not be tried again by itself; an operator has to look
    DROPPED = "dropped"  # it was dead, and was wiped by an operator or after `KEPT`


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """An outbound, and what to do with it.

    Attributes:
        replaces_letter: the outbound of ours whose message this one takes the place of.
        fallback: said where that can be read if the person cannot be reached: in public, with nothing private in it, or
            in the chat instead of by mail.
    """

    outbound: Outbound
    replaces_letter: str | None = None
    fallback: Outbound | None = None

    @property
    def lane(self) -> str:
        """Letters of one lane, to one person or chat, are sent one after the other."""
        outbound = self.outbound
        return f"{outbound.adapter}:{outbound.tenant}:{outbound.visibility}:{outbound.to or outbound.chat}"

    @property
    def target(self) -> str | None:
        """The message that is replaced, however it is named."""
        return self.replaces_letter or self.outbound.replaces

    def numbered(self, letter_id: str) -> "Letter":
        """This letter with its id."""
        return replace(self, outbound=replace(self.outbound, id=letter_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What happened to one letter; it enters by the same door as messages do.

    Attributes:
        next_at: when to try again, if it is still queued; when to drop it, if it is dead.
        reason: the kind of the error, never its text.
    """

    letter_id: str
    fate: Fate
    receipt: str | None = None
    next_at: datetime | None = None
    reason: str | None = None
    fallback: Outbound | None = None

    source = None
    """Not to be marked: the guard on the letter's fate makes it happen once."""

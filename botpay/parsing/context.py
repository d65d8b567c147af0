"""What is known around a message when it is read, and what it was read as."""

from collections.abc import Callable
from dataclasses import dataclass

from botpay.commands import Command, Payee
from botpay.errors import Refusal
from botpay.message import Actor, Span
from botpay.money import Money

CAP_PERSON = Money(250_00)
CAP_CHARITY = Money(500_00)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What surrounds a message.

    Attributes:
        private: the chat is with the bot alone.
        me: the bot's names here: handle without "@", and id.
        author: who wrote; a payment to them is refused by id or handle.
        reply_to: whose message this answers: the payee if the text names none.
        spans: what the platform marked, in code points; the text is scanned for what people mark by hand besides.
        is_charity: whether a normalised tag, without "#", is a charity's. None: every tag may be one.
        own: requests about one's own account are read too.
        cap_person, cap_charity: the most that one payment may move, inclusive.
    """

    private: bool = False
    me: tuple[str, ...] = ()
    author: Actor | None = None
    reply_to: Payee | None = None
    spans: tuple[Span, ...] = ()
    is_charity: Callable[[str], bool] | None = None
    own: bool = False
    cap_person: Money = CAP_PERSON
    cap_charity: Money = CAP_CHARITY


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message means.

    Attributes:
        meaning: the command, or why there is none; None if nobody spoke to the bot: say nothing.
        language: the language of the words that were understood ("fr", "en", ...), for the reply; None if unsure.
    """

    meaning: Command | Refusal | None
    language: str | None


SILENCE = Reading(None, None)

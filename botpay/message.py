"""What comes in and what goes out: the envelopes between adapters and the core.

An adapter translates its platform's payload into one `Inbound` and one `Outbound` into its platform's calls.
Nothing here knows about money. Text that people typed is a `SecretText`: it may hold a PIN, so it cannot be
printed by accident.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class SecretText:
    """Text that must not be printed, logged or compared by accident.

    `str()`, `repr()` and `format()` give a placeholder; `reveal()` gives the text, to the parser and to the
    confirmation alone.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "<secret text>"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretText) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a secret text is not pickled")


class Visibility(StrEnum):
    """Who can read a chat: the two of us, or others too."""

    PRIVATE = "private"
    PUBLIC = "public"


class Flag(StrEnum):
    """Why a message is not a fresh one of a real person; any of these and it is never a command."""

    EDITED = "edited"
    FORWARDED = "forwarded"
    AUTOMATIC = "automatic"
    VIA_BOT = "via_bot"
    FROM_BOT = "from_bot"
    ANONYMOUS = "anonymous"


class SpanKind(StrEnum):
    """What the platform says a part of the text is."""

    MENTION = "mention"
    HASHTAG = "hashtag"
    COMMAND = "command"
    CODE = "code"
    QUOTE = "quote"
    LINK = "link"
    EMAIL = "email"
    OTHER = "other"  # a channel, a cashtag, a custom emoji: neither a person nor a charity


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the text that the platform marked: `text[start:end]`, in code points.

    Attributes:
        actor_id: the platform's stable id of the person mentioned, where the platform gives it.
    """

    kind: SpanKind
    start: int
    end: int
    actor_id: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody on a platform. (`adapter`, `tenant`, `id`) identifies; the rest are labels that may change.

    Attributes:
        tenant: the workspace or bot installation in which `id` is unique.
        handle: the name to be mentioned by, without "@".
        name: the display name.
        language: the platform's BCP 47 language code for this person, if it tells.
    """

    adapter: str
    tenant: str
    id: str
    handle: str | None = None
    name: str | None = None
    language: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What identifies: (adapter, tenant, id)."""
        return (self.adapter, self.tenant, self.id)


@dataclass(frozen=True, slots=True)
class Chat:
    """Where a message was written. `id` is all that the adapter needs to answer there.

    Attributes:
        card: the chat is one that we do not see, and `id` names a message of ours in it: the card of a payment, which
            its sender put there. What is written to it takes the card's place; for everybody to read.
    """

    id: str
    visibility: Visibility
    card: bool = False


OPENED_HOME = "home"
"""The token of a press that stands for opening the bot's own page, on platforms that have one (Slack's App Home)."""
ASKED_HELP = "help"
"""The token behind a button that asks what can be written."""


@dataclass(frozen=True, slots=True)
class Press:
    """A tap on one of our buttons, or the opening of the bot's own page (`OPENED_HOME`).

    Attributes:
        token: what we put behind the button; a forger can send any string.
        surface: the adapter's reference of the message or view that holds the button, for an answer in place.
    """

    token: str
    surface: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """One thing that a person did, as the adapter translated it.

    Attributes:
        event_id: the same for every delivery of the same thing, different for different things, within
            (adapter, tenant): for a message its chat and message id, so that two notices of one post are one.
        author: who did it; None where no real person stands behind it.
        text: what was typed, in code points, with the platform's escapes undone; empty for a press.
        spans: parts that the platform marked, in code points of `text`, in order, without overlaps.
        reply_to: whose message this answers, if the platform says and it is a person's.
        me: the bot's names here, without "@": handle, id.
        message_ref: the adapter's reference of this message, with which it can be deleted.
        contents: all that was delivered, where clients choose the event ids: the same id again with other contents is
            refused with `Conflict`. None where the platform chooses.
    """

    adapter: str
    tenant: str
    event_id: str
    chat: Chat
    author: Actor | None
    said_at: datetime
    text: SecretText = field(default_factory=SecretText)
    spans: tuple[Span, ...] = ()
    reply_to: Actor | None = None
    flags: frozenset[Flag] = frozenset()
    press: Press | None = None
    me: tuple[str, ...] = ()
    message_ref: str | None = None
    contents: SecretText | None = None

    @property
    def source(self) -> str:
        """What is done once only: the event, named over all adapters and tenants."""
        return f"{self.adapter}:{self.tenant}:{self.event_id}"


@dataclass(frozen=True, slots=True)
class Button:
    """A button: a press sends `token` back, or opens `url`. With neither it opens the private chat with the bot.

    Attributes:
        url: the address of a page. It may let in whoever has it, so it is shown to nobody else and printed nowhere.
    """

    label: str
    token: str | None = None
    url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Keypad:
    """Keys for a secret, in rows. Where a message cannot hold them well, `open_label` is a button's that shows them.

    Attributes:
        shown: what was entered so far, as dots.
        clear_token: sent back as a press where the keys are shown anew, with no dots, by `open_label`.
    """

    title: str
    open_label: str
    rows: tuple[tuple[Button, ...], ...]
    shown: str = ""
    clear_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """One message to send, edit or delete.

    Attributes:
        id: ours, stable over retries; an idempotency key where the platform has one.
        to: the platform id of the person it is for, if it is private.
        chat: the chat to write to, if it is public; for a private one the chat where the talk began.
        text: plain text; the adapter escapes it for its platform.
        keypad: keys for a PIN, shown with the text.
        replaces: the receipt or surface of the message that this one takes the place of, where the platform
            can edit; elsewhere it is sent as a new message.
        deletes: the `message_ref` of an incoming message to delete; then nothing is sent.
    """

    id: str
    adapter: str
    tenant: str
    visibility: Visibility
    to: str | None = None
    chat: str | None = None
    text: str = ""
    buttons: tuple[tuple[Button, ...], ...] = ()
    keypad: Keypad | None = None
    replaces: str | None = None
    deletes: str | None = None

    def __post_init__(self) -> None:
        """A private outbound names its person, a public one its chat: neither can stand in for the other."""
        if self.visibility is Visibility.PRIVATE and self.to is None:
            raise ValueError("a private outbound needs `to`")
        if self.visibility is Visibility.PUBLIC and self.chat is None:
            raise ValueError("a public outbound needs `chat`")

    @property
    def rows(self) -> tuple[tuple[Button, ...], ...]:
        """All buttons, row after row: the keypad's, and below them the others."""
        return (*(self.keypad.rows if self.keypad else ()), *self.buttons)

    def __repr__(self) -> str:
        return f"<Outbound {self.id} {self.visibility} via {self.adapter}:{self.tenant}>"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the platform said of a delivery: the reference of the message sent, for a later edit."""

    ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a payment that somebody is still typing would be; for their eyes alone, but for `card`.

    Attributes:
        title, hint: what it would do, or in `title` alone why it would do nothing.
        words: the payment as a sentence that reads the same everywhere; empty if it is none yet.
        card: what may stand in a chat before it is confirmed: no more than its sender typed.
        button: the label of the button under the card with which its sender, and nobody else, goes on.
    """

    title: str = field(repr=False)
    hint: str = field(default="", repr=False)
    words: str = field(default="", repr=False)
    card: str = field(default="", repr=False)
    button: str = ""


@dataclass(frozen=True, slots=True)
class MenuItem:
    """A command that a platform can offer.

    Attributes:
        command: its word, without a sign.
        does: what it does, in one line.
        public: it makes sense where others read along.
    """

    command: str
    does: str
    public: bool


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `messages` within any `seconds`."""

    messages: int
    seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a platform can do through its adapter, as data: the core asks these, never an adapter's name.

    Attributes:
        private_message: the bot can write to a person alone, once that person has met it.
        ephemeral: in a group it can show a text to one person alone.
        edit: it can replace what it sent (`Outbound.replaces`).
        delete_own: it can delete what it sent (`Outbound.deletes` with a receipt's reference).
        delete_incoming: it can delete what a person wrote (`Outbound.deletes`), at least in private.
        buttons: its messages or views can hold buttons that send a token back.
        url_buttons: a button can open an address.
        modal: keys are shown in a window of their own, opened by a button of the message.
        suppress_previews: it keeps the platform from fetching links that it sends.
        idempotent_send: the platform shows only once what is sent twice with the same `Outbound.id`.
        mention_by_id: mentions can tell the stable id of who is meant, not only a name.
        redelivers: the platform brings again what the adapter did not acknowledge.
        typed_pin: a PIN may be typed as a private message there.
        max_text: the most characters of one message; a longer one is refused as `Permanent`, never cut.
        max_label: the most characters of a button's label.
        max_token: the most bytes of a button's token.
        per_chat: how fast one person or chat may be written to; None for no known limit.
        per_group: the same for groups, where it differs.
        overall: how fast the bot may call the platform in all.
    """

    private_message: bool = True
    ephemeral: bool = False
    edit: bool = False
    delete_own: bool = False
    delete_incoming: bool = False
    buttons: bool = False
    url_buttons: bool = False
    modal: bool = False
    suppress_previews: bool = False
    idempotent_send: bool = False
    mention_by_id: bool = False
    redelivers: bool = False
    typed_pin: bool = False
    max_text: int = 4096
    max_label: int = 40
    max_token: int = 64
    per_chat: Rate | None = None
    per_group: Rate | None = None
    overall: Rate | None = None

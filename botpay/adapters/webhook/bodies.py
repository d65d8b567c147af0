"""What is said, both ways: the JSON bodies, as types from which the OpenAPI description is made too."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from botpay import message as core
from botpay.message import Actor, Chat, Flag, Inbound, Outbound, SecretText, SpanKind, Visibility

MAX_TEXT = 4096
_MOST_SPANS = 100

Id = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\u0000-\u001f\u007f]*$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\u0000-\u001f\u007f]*$")]
Handle = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^@\s\u0000-\u001f\u007f]+$")]
Language = Annotated[str, StringConstraints(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT, pattern=r"^[^\u0000]*$")]


class _Body(BaseModel):
    """Strict: a misspelt "forwarded" must not turn somebody else's words into a command."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, strict=True)


class Person(_Body):
    """Somebody: `id` is stable and says who it is; the rest are labels that may change."""

    id: Id
    handle: Handle | None = Field(default=None, description='What the person is mentioned by, without "@".')
    name: Name | None = None
    language: Language | None = Field(default=None, description="A BCP 47 code.")


class Place(_Body):
    """Where something was said: "private" if only its author and the bot can read it."""

    id: Id
    visibility: Visibility


class Span(_Body):
    """A part of the text, `text[start:end]` in code points."""

    kind: SpanKind
    start: int = Field(ge=0, le=MAX_TEXT)
    end: int = Field(ge=1, le=MAX_TEXT)
    id: Id | None = Field(default=None, description="Of the person, if it is a mention.")


class _Deed(_Body):
    author: Person
    chat: Place
    said_at: AwareDatetime = Field(description="When the person did it, the same in every delivery.")


class Message(_Deed):
    """What a person wrote."""

    type: Literal["message"]
    text: Text = Field(repr=False, description="Plain text. Spans must lie in it, in order, without overlaps.")
    spans: list[Span] = Field(default=[], max_length=_MOST_SPANS)
    reply_to: Person | None = Field(default=None, description="Whose message this answers, if it is a person's.")
    flags: list[Flag] = Field(default=[], max_length=len(Flag), description="Any of these: never a command.")

    @model_validator(mode="after")
    def _spans_lie_in_the_text(self) -> "Message":
        end = 0
        for span in self.spans:
            if not end <= span.start < span.end <= len(self.text):
                raise ValueError("spans lie in the text, in order, without overlaps")
            end = span.end
        return self


class Press(_Deed):
    """A tap on one of the bot's buttons."""

    type: Literal["press"]
    token: Id = Field(repr=False, description="What stood behind the button.")
    message: Id | None = Field(default=None, description="The ref of the message that held the button.")


class Button(_Body):
    """A button: it sends `token` back or opens `url`; with neither it opens the private chat with the bot."""

    label: str
    token: str | None = Field(default=None, repr=False)
    url: str | None = Field(default=None, repr=False)


class Keypad(_Body):
    """Keys for a PIN: show them to this person alone, and send the token of each that is pressed."""

    title: str
    shown: str = Field(description="What was entered so far, as dots.")
    rows: list[list[Button]]


class Say(_Body):
    """Show a text: to the person `to` alone if it is private, in the chat `chat` if it is public; never elsewhere."""

    type: Literal["message"] = "message"
    visibility: Visibility
    to: str | None = None
    chat: str | None = None
    text: str = Field(repr=False)
    keypad: Keypad | None = None
    buttons: list[list[Button]] = []
    replaces: str | None = Field(default=None, description="The ref of the message whose place this takes.")


class Delete(_Body):
    """Take away what a person wrote, where that is possible; `message` is the webhook-id it came with.

    Of a message of the bot's it is the ref.
    """

    type: Literal["delete"] = "delete"
    message: str


class Ping(_Body):
    """Asks nothing but an answer; `botpay doctor` sends it."""

    type: Literal["ping"] = "ping"


class Taken(_Body):
    """It is safe with us. The answer comes as a message of the bot's."""

    id: str


class Fault(_Body):
    """Why nothing was done."""

    error: Literal["malformed", "not_signed", "too_large", "not_json", "id_reused", "busy"]
    details: list[str] = []


Deed = Annotated[Message | Press, Field(discriminator="type")]
Saying = Annotated[Say | Delete | Ping, Field(discriminator="type")]

_deed: TypeAdapter[Message | Press] = TypeAdapter(Deed)


def read_deed(body: bytes) -> Message | Press:
    """What a body says. Raises pydantic's `ValidationError`, whose text holds none of it."""
    return _deed.validate_json(body)


def to_inbound(deed: Message | Press, id_: str, tenant: str, me: Sequence[str], body: bytes) -> Inbound:
    """The envelope of what a person did."""
    return Inbound(
        adapter="webhook",
        tenant=tenant,
        event_id=id_,
        chat=Chat(deed.chat.id, deed.chat.visibility),
        author=_actor(deed.author, tenant),
        said_at=deed.said_at,
        me=tuple(me),
        contents=SecretText(body.decode()),
        text=SecretText(deed.text if isinstance(deed, Message) else ""),
        spans=_spans(deed.spans) if isinstance(deed, Message) else (),
        reply_to=_actor(deed.reply_to, tenant) if isinstance(deed, Message) and deed.reply_to else None,
        flags=frozenset(deed.flags) if isinstance(deed, Message) else frozenset(),
        press=core.Press(deed.token, _surface(deed)) if isinstance(deed, Press) else None,
        message_ref=id_,
    )


def to_saying(outbound: Outbound) -> Say | Delete:
    """The body of an outbound."""
    if outbound.deletes is not None:
        return Delete(message=outbound.deletes.rpartition("\n")[2])
    private = outbound.visibility is Visibility.PRIVATE
    return Say(
        visibility=outbound.visibility,
        to=outbound.to if private else None,
        chat=None if private else outbound.chat,
        text=outbound.text,
        keypad=_keypad(outbound.keypad) if outbound.keypad else None,
        buttons=_rows(outbound.buttons),
        replaces=_ref_in(outbound),
    )


def receipt_of(outbound: Outbound, ref: str) -> str:
    """The reference of a message, with the place it stands in: what is private replaces nothing that is public."""
    return f"{_place(outbound)}\n{ref}"


def _place(outbound: Outbound) -> str:
    private = outbound.visibility is Visibility.PRIVATE
    return f"{outbound.visibility}\n{outbound.to if private else outbound.chat}"


def _surface(press: Press) -> str | None:
    if press.message is None:
        return None
    place = press.author.id if press.chat.visibility is Visibility.PRIVATE else press.chat.id
    return f"{press.chat.visibility}\n{place}\n{press.message}"


def _ref_in(outbound: Outbound) -> str | None:
    place, _, ref = (outbound.replaces or "").rpartition("\n")
    return ref if place == _place(outbound) else None


def _actor(person: Person, tenant: str) -> Actor:
    return Actor("webhook", tenant, person.id, handle=person.handle, name=person.name, language=person.language)


def _spans(spans: Sequence[Span]) -> tuple[core.Span, ...]:
    return tuple(core.Span(span.kind, span.start, span.end, span.id) for span in spans)


def _keypad(keypad: core.Keypad) -> Keypad:
    return Keypad(title=keypad.title, shown=keypad.shown, rows=_rows(keypad.rows))


def _rows(rows: Sequence[Sequence[core.Button]]) -> list[list[Button]]:
    return [[Button(label=button.label, token=button.token, url=button.url) for button in row] for row in rows]


def is_of_the_future(deed: Message | Press, now: datetime) -> bool:
    """Whether its time has yet to come; such a message would be younger than all that follow it."""
    return deed.said_at > now

"""Matrix events -> `Inbound`. Pure, and total: what cannot be read is None."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import unquote

from botpay.adapters.matrix.api import Event
from botpay.adapters.matrix.rooms import Room
from botpay.markup import merge, plain_spans
from botpay.message import Actor, Chat, Flag, Inbound, SecretText, Span, SpanKind, Visibility

ADAPTER = "matrix"
_LATEST_MS = 253_402_300_799_000  # the year 9999
_USER = re.compile(r"@[a-z0-9._=/+-]{1,200}:[A-Za-z0-9.:\[\]-]{1,200}", re.ASCII)
_WRITTEN_USER = re.compile(rf"(?<![\w@])({_USER.pattern})(?<![.:,])")
_PILL = re.compile(r"https://matrix\.to/#/([^?/]+)")
# Links, the ends of links, other tags, and text; none reaches over a "<", so whatever is sent is read in one go.
# Python's own parser takes a minute for 60 KB of "<a/", in which nobody is answered.
_HTML = re.compile(r"<a\s(?P<attributes>[^<>]*)>|(?P<ends></a\s*>)|<[^<>]*>|(?P<text>[^<]+)|<", re.IGNORECASE)
_HREF = re.compile(r"""(?<![\w-])href\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_LINK = re.compile(r"https?://\S+")
_EVERYBODY = re.compile(r"@room\b")
_ROOM = re.compile(r"#[^\s:#]+:[A-Za-z0-9.-]+(?::\d+)?(?<!\.)")


@dataclass(frozen=True, slots=True)
class Here:
    """Who we are.

    Attributes:
        user_id: the bot's.
        tenant: the installation's name for it.
    """

    user_id: str
    tenant: str

    @property
    def server(self) -> str:
        """The bot's homeserver, whose people are known by the short form of their names."""
        return self.user_id.partition(":")[2]

    def handle(self, user_id: str) -> str:
        """What somebody is mentioned by: "ana" on our own server, where names are given once; else "ana:other.org"."""
        local, _, server = user_id.removeprefix("@").partition(":")
        return local if server == self.server else f"{local}:{server}"

    def actor(self, user_id: str, room: Room) -> Actor:
        """Somebody, with the name they bear in a room."""
        name = room.members.get(user_id)
        return Actor(ADAPTER, self.tenant, user_id, handle=self.handle(user_id), name=name or self.handle(user_id))


def is_user_id(text: str) -> bool:
    """Whether a text is somebody's stable id."""
    return _USER.fullmatch(text) is not None


def is_message(event: Event) -> bool:
    """Whether an event is something that a person may have written to us."""
    content = event.get("content")
    return event.get("type") == "m.room.message" and isinstance(content, dict) and content.get("msgtype") == "m.text"


def answered_event(event: Event) -> str | None:
    """The event that a message answers. In a thread, clients without threads are shown an answer that is none."""
    relates = _dict(_dict(event.get("content")).get("m.relates_to"))
    if relates.get("rel_type") == "m.thread" and relates.get("is_falling_back") is True:
        return None
    answered = _dict(relates.get("m.in_reply_to")).get("event_id")
    return answered if isinstance(answered, str) else None


def translate(event: Event, room_id: str, room: Room, here: Here, answered: str | None) -> Inbound | None:
    """What a person wrote; None for what is no message of a person's, or cannot be read.

    Args:
        answered: who wrote what it answers.
    """
    event_id, sender, said_at = event.get("event_id"), event.get("sender"), _moment(event.get("origin_server_ts"))
    if not is_message(event) or not isinstance(event_id, str) or said_at is None:
        return None
    if not isinstance(sender, str) or not _USER.fullmatch(sender) or sender == here.user_id:
        return None
    content = _dict(event["content"])
    edit = _dict(content.get("m.relates_to")).get("rel_type") == "m.replace"
    said = _dict(content.get("m.new_content")) if edit else content
    body = said.get("body")
    if not isinstance(body, str):
        return None
    text = _without_fallback(body) if answered_event(event) else body
    visibility = Visibility.PRIVATE if room.is_private(here.user_id, sender) else Visibility.PUBLIC
    return Inbound(
        adapter=ADAPTER,
        tenant=here.tenant,
        event_id=event_id,
        chat=Chat(room_id, visibility),
        author=here.actor(sender, room),
        said_at=said_at,
        text=SecretText(text),
        spans=_spans(text, said),
        reply_to=here.actor(answered, room) if answered not in (None, here.user_id) and answered else None,
        flags=frozenset({Flag.EDITED}) if edit else frozenset(),
        me=(here.handle(here.user_id), here.user_id.removeprefix("@")),
        message_ref=f"{room_id} {event_id}",
    )


def _spans(text: str, said: Mapping[str, Any]) -> tuple[Span, ...]:
    """Mentions by id, links, rooms and everybody; code and quotations win over what stands in them."""
    found = [
        *_pills(text, said),
        *(Span(SpanKind.LINK, *m.span()) for m in _LINK.finditer(text)),
        *(Span(SpanKind.MENTION, *m.span(1), m[1]) for m in _WRITTEN_USER.finditer(text)),
        *(Span(SpanKind.OTHER, *m.span()) for m in _ROOM.finditer(text)),
        *(Span(SpanKind.OTHER, *m.span()) for m in _EVERYBODY.finditer(text)),
    ]
    return merge(found, list(plain_spans(text)))


def _pills(text: str, said: Mapping[str, Any]) -> Iterator[Span]:
    """Where the people mentioned stand in the plain text: the labels of their links, found again in order.

    Where the client says whom it means to mention (m.mentions), nobody else is mentioned.
    """
    html, meant = said.get("formatted_body"), said.get("m.mentions")
    ids = _dict(meant).get("user_ids") if isinstance(meant, dict) else None
    wanted = None if meant is None else {one for one in ids if isinstance(one, str)} if isinstance(ids, list) else set()
    at = 0
    for user_id, label in _links(html) if isinstance(html, str) else ():
        start = text.find(label, at) if label else -1
        if start < 0 or (wanted is not None and user_id not in wanted):
            continue
        at = start + len(label)
        yield Span(SpanKind.MENTION, start, at, user_id)


def _links(formatted: str) -> Iterator[tuple[str, str]]:
    """The people who are linked to in a formatted body: each one's id, and the label shown."""
    open_for: str | None = None
    label = ""
    for found in _HTML.finditer(formatted):
        attributes, ends, text = found["attributes"], found["ends"], found["text"]
        if attributes is not None:
            href = _HREF.search(attributes)
            pill = _PILL.match(unescape(href[1] or href[2] or "")) if href else None
            user_id = unquote(pill[1]) if pill else ""
            open_for, label = user_id if _USER.fullmatch(user_id) else None, ""
        elif ends is not None and open_for is not None:
            yield open_for, label
            open_for = None
        elif text is not None:
            label += unescape(text)


def _without_fallback(body: str) -> str:
    """The text of an answer without the quotation that older clients put before it."""
    lines = body.split("\n")
    quoted = next((number for number, line in enumerate(lines) if not line.startswith("> ")), len(lines))
    return "\n".join(lines[quoted + 1 :]) if 0 < quoted < len(lines) and not lines[quoted] else body


def _moment(value: object) -> datetime | None:
    if type(value) is not int or not 0 <= value <= _LATEST_MS:
        return None
    return datetime.fromtimestamp(value / 1000, UTC)


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}

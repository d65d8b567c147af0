"""What Slack sends, as an `Inbound`: pure, total over well-formed payloads, and suspicious.

Read are: messages and mentions of the bot (Events API), slash commands, and presses of our buttons. Only what a
person of our own workspace wrote just now is fresh; an edit, a shared message and a stranger of Slack Connect carry a
flag; bots, joins, link previews and everything else are None. A thread does not say whom its replies mean, so
`reply_to` stays empty; what is said in a public thread is answered there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from botpay.adapters.slack.blocks import LINK, OPEN_KEYPAD, action_of, clear_token
from botpay.adapters.slack.settings import COMMANDS
from botpay.markup import read_slack
from botpay.message import OPENED_HOME, Actor, Chat, Flag, Inbound, Press, SecretText, Span, SpanKind, Visibility

ADAPTER = "slack"
VIEW = "view:"
"""Begins the surface of a press in a modal; the view's id follows."""
HOME = "home:"
"""Begins the surface of somebody's Home tab; the person's id follows."""
FRESH_SUBTYPES = (None, "thread_broadcast", "file_share")
SLACKBOT = "USLACKBOT"  # speaks without a bot_id
HELP = ("", "?", "aide", "help")
"""What follows a slash command of ours to ask what it does, as is the custom on Slack."""


class Malformed(ValueError):
    """A payload that Slack would not send. The text names the field, never its value."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Where our bot token is installed, as auth.test tells.

    Attributes:
        team_id: the workspace.
        enterprise_id: its Enterprise Grid organisation, in which a person has one id over all workspaces.
        teams: all workspaces of the organisation, if the app is installed into the whole of it.
    """

    team_id: str
    enterprise_id: str | None
    bot_user_id: str
    bot_name: str
    teams: frozenset[str] = frozenset()

    @property
    def tenant(self) -> str:
        """Within which user ids are unique."""
        return self.enterprise_id or self.team_id

    @property
    def me(self) -> tuple[str, str]:
        """The names that mean the bot."""
        return (self.bot_user_id, self.bot_name)

    def is_home(self, team: str | None) -> bool:
        """Whether a team's people are ours. Others meet us in shared channels (Slack Connect) and stay strangers."""
        return team is None or team in (self.team_id, self.enterprise_id) or team in self.teams


def translate(payload: Mapping[str, Any], here: Installation, now: datetime) -> Inbound | None:
    """One payload as an `Inbound`, or None if it is nothing that a person did to us.

    Args:
        now: for payloads that do not say when they happened.

    Raises:
        Malformed: a field that must be there is not, or is not what it must be.
    """
    if "command" in payload:
        return _slash(payload, here, now)
    if payload.get("type") == "block_actions":
        return _press(payload, here, now)
    if payload.get("type") == "event_callback":
        return _event(_mapping(payload, "event"), here)
    return None


def _event(event: Mapping[str, Any], here: Installation) -> Inbound | None:
    if event.get("type") == "app_home_opened":
        return _opened(event, here)
    if event.get("type") == "app_mention":
        return _message(event, here)
    if event.get("type") != "message":
        return None
    if event.get("subtype") == "message_changed":
        return _changed(event, here)
    return _message(event, here)


def _opened(event: Mapping[str, Any], here: Installation) -> Inbound | None:
    """Somebody looks at the Home tab. Slack says so each time they come to it."""
    if event.get("tab") != "home":
        return None
    opened = _text(event, "event_ts")
    return at_home(here, _text(event, "user"), opened, _moment(opened))  # one's own app only has a home


def at_home(here: Installation, user: str, occasion: str, now: datetime) -> Inbound:
    """The wish to see the Home tab of a person as it is now; on one occasion, once."""
    return Inbound(
        adapter=ADAPTER,
        tenant=here.tenant,
        event_id=f"home:{user}:{occasion}",
        chat=Chat(user, Visibility.PRIVATE),
        author=Actor(ADAPTER, here.tenant, user),
        said_at=now,
        press=Press(OPENED_HOME, HOME + user),
        me=here.me,
    )


def home_of(inbound: Inbound) -> str | None:
    """The person whose Home tab is opened by this."""
    opened = inbound.press is not None and inbound.press.token == OPENED_HOME and inbound.author is not None
    return inbound.author.id if opened and inbound.author else None


def _changed(event: Mapping[str, Any], here: Installation) -> Inbound | None:
    """An edit by a person. Slack also says "changed" when it added a preview to a link."""
    message, before = _mapping(event, "message"), event.get("previous_message")
    if isinstance(before, dict) and before.get("text") == message.get("text"):
        return None
    edited = message.get("edited") or {"ts": event.get("event_ts") or event.get("ts")}
    return _message(
        {**message, "edited": edited, "channel": event.get("channel"), "channel_type": event.get("channel_type")}, here
    )


def _message(event: Mapping[str, Any], here: Installation) -> Inbound | None:
    """A post, or the mention of the bot in it. Slack may send both: they get the same event id.

    A mention comes a second time when its post is edited, marked by nothing but `edited`.
    """
    user = _text_or_none(event, "user")
    if event.get("subtype") not in FRESH_SUBTYPES or event.get("bot_id") or user in (None, SLACKBOT, here.bot_user_id):
        return None
    written, flags = _words(event)
    if not written:
        return None
    channel, posted = _text(event, "channel"), _text(event, "ts")
    event_id, said_at = f"{channel}:{posted}", _moment(posted)
    thread = _text_or_none(event, "thread_ts")
    if event.get("edited"):
        edit = _text(_mapping(event, "edited"), "ts")
        event_id, said_at, flags = f"{event_id}:edit:{edit}", _moment(edit), flags | {Flag.EDITED}
    text, spans = read_slack(written, channels_are_tags=True)
    inbound = Inbound(
        adapter=ADAPTER,
        tenant=here.tenant,
        event_id=event_id,
        chat=_chat(channel, event.get("channel_type"), thread),
        author=Actor(ADAPTER, here.tenant, str(user)),
        said_at=said_at,
        text=SecretText(text),
        spans=spans,
        flags=flags,
        me=here.me,
        message_ref=f"{channel}:{posted}",
    )
    return inbound if all(map(here.is_home, _teams_of(event))) else _by_stranger(inbound)


def _teams_of(event: Mapping[str, Any]) -> tuple[str | None, ...]:
    """The teams that an event gives its author: in shared channels two fields of their own, elsewhere `team`."""
    own = tuple(_text_or_none(event, key) for key in ("user_team", "source_team"))
    return own if any(own) else (_text_or_none(event, "team"),)


def author_team(payload: Mapping[str, Any]) -> str | None:
    """The team of who did this, as far as Slack names it; a payload that makes no sense names none."""
    event, user = payload.get("event"), payload.get("user")
    try:
        if isinstance(event, dict):
            said = event.get("message") if event.get("subtype") == "message_changed" else event
            return next(filter(None, _teams_of(said)), None) if isinstance(said, dict) else None
        return _text_or_none(user if isinstance(user, dict) else payload, "team_id")
    except Malformed:
        return None


def delivered_to(payload: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The installation that a payload was delivered to: its organisation, if it is part of one, and its workspace.

    An event names one of the installations that can see it, which is not always its author's
    (https://docs.slack.dev/apis/events-api#authorizations).
    """
    named: Any = payload
    if isinstance(authorizations := payload.get("authorizations"), list) and authorizations:
        named = authorizations[0]
    elif any(isinstance(payload.get(kind), dict) for kind in ("enterprise", "team")):
        owners = {kind: payload.get(kind) for kind in ("enterprise", "team")}
        named = {f"{kind}_id": owner.get("id") for kind, owner in owners.items() if isinstance(owner, dict)}
    try:
        named = named if isinstance(named, dict) else {}
        return _text_or_none(named, "enterprise_id"), _text_or_none(named, "team_id")
    except Malformed:
        return None, None


def _words(event: Mapping[str, Any]) -> tuple[str, frozenset[Flag]]:
    """What was typed; for a message that is shared without a word of one's own, the words passed on."""
    typed = _text_or_none(event, "text")
    if typed:
        return typed, frozenset()
    attachments = event.get("attachments")
    shared = [item for item in attachments if isinstance(item, dict)] if isinstance(attachments, list) else []
    passed_on = [_text_or_none(item, "text") or "" for item in shared if item.get("is_share")]
    return "\n".join(passed_on), frozenset({Flag.FORWARDED})


def _slash(payload: Mapping[str, Any], here: Installation, now: datetime) -> Inbound:
    """A slash command. Only its author sees it, so it counts as written in private: its channel is told nothing."""
    command, user = _text(payload, "command"), _text(payload, "user_id")
    words = (_text_or_none(payload, "text") or "").strip()
    if command in COMMANDS and words.casefold() in HELP:
        command, words = COMMANDS[command], ""
    text, spans = read_slack(f"{command} {words}".rstrip(), channels_are_tags=True)
    inbound = Inbound(
        adapter=ADAPTER,
        tenant=here.tenant,
        event_id=f"slash:{_text(payload, 'trigger_id')}",
        chat=Chat(user, Visibility.PRIVATE),
        author=Actor(ADAPTER, here.tenant, user, handle=_text_or_none(payload, "user_name")),
        said_at=now,
        text=SecretText(text),
        spans=_with_command(spans, len(command)),
        me=here.me,
    )
    return inbound if here.is_home(_text(payload, "team_id")) else _by_stranger(inbound)


def _with_command(spans: tuple[Span, ...], length: int) -> tuple[Span, ...]:
    return (Span(SpanKind.COMMAND, 0, length), *(span for span in spans if span.start >= length))


def _press(payload: Mapping[str, Any], here: Installation, now: datetime) -> Inbound | None:
    """A tap on a button. Each tap has its own trigger id, which its repetitions keep."""
    action = action_of(payload)
    if action is None or action.get("type") != "button":
        return None
    if str(action.get("action_id")).startswith(LINK):
        return None
    token: str | None = _text(action, "value")
    if action.get("action_id") == OPEN_KEYPAD and (token := clear_token(token or "")) is None:
        return None
    user = _mapping(payload, "user")
    user_id = _text(user, "id")
    surface, chat = _surface(payload, user_id)
    acted = _text_or_none(action, "action_ts")
    inbound = Inbound(
        adapter=ADAPTER,
        tenant=here.tenant,
        event_id=f"action:{_text(payload, 'trigger_id')}",
        chat=chat,
        author=Actor(ADAPTER, here.tenant, user_id, handle=_text_or_none(user, "username")),
        said_at=_moment(acted) if acted else now,
        press=Press(token or "", surface),
        me=here.me,
    )
    return inbound if here.is_home(_text_or_none(user, "team_id")) else _by_stranger(inbound)


def _surface(payload: Mapping[str, Any], user_id: str) -> tuple[str, Chat]:
    """Where the button is. A modal belongs to no channel; a person's id stands for the chat with them alone."""
    container = _mapping(payload, "container")
    if container.get("type") == "view":
        if _mapping(payload, "view").get("type") == "home":
            return HOME + user_id, Chat(user_id, Visibility.PRIVATE)
        return VIEW + _text(container, "view_id"), Chat(user_id, Visibility.PRIVATE)
    channel = _text(container, "channel_id")
    thread = _text_or_none(container, "thread_ts")
    return f"{channel}:{_text(container, 'message_ts')}", _chat(channel, thread=thread)


def _chat(channel: str, channel_type: object = None, thread: str | None = None) -> Chat:
    """A direct message ("im", ids with D) is private; a group's direct message ("mpim") is not.

    A thread is a chat of its own, "C1:1700000000.000100", where others read along.
    """
    if channel_type == "im" or channel.startswith("D"):
        return Chat(channel, Visibility.PRIVATE)
    return Chat(f"{channel}:{thread}" if thread else channel, Visibility.PUBLIC)


def _by_stranger(inbound: Inbound) -> Inbound:
    return replace(inbound, author=None, flags=inbound.flags | {Flag.ANONYMOUS})


def _mapping(fields: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = fields.get(key)
    if not isinstance(value, dict):
        raise Malformed(f"{key} is not an object")
    return value


def _text(fields: Mapping[str, Any], key: str) -> str:
    if not (value := _text_or_none(fields, key)):
        raise Malformed(f"{key} is missing")
    return value


def _text_or_none(fields: Mapping[str, Any], key: str) -> str | None:
    value = fields.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or any("\ud800" <= sign <= "\udfff" for sign in value):
        raise Malformed(f"{key} is not text")
    return value


def _moment(timestamp: str) -> datetime:
    """The time in a Slack timestamp, seconds since 1970 with six decimals."""
    try:
        return datetime.fromtimestamp(float(timestamp), UTC)
    except (ValueError, OverflowError, OSError):
        raise Malformed("a timestamp is not a time") from None

"""What a Slack workspace holds: people, channels, messages, modals, and what happened to them."""

import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from botpay.testing.slack.blockkit import Block, unescape, visible_text

TRIGGER_SECONDS = 3.0
"""How long a trigger id can open a modal (https://docs.slack.dev/interactivity/handling-user-interaction)."""


class Refused(Exception):
    """Slack's "no" to a call: its error code, and what else the answer holds."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.code = code
        self.more = more


@dataclass
class User:
    """Somebody with an account: here, in another workspace, or a bot.

    Attributes:
        deactivated: can be found, but not written to.
    """

    id: str
    name: str
    real_name: str
    team_id: str
    locale: str = "fr-FR"
    is_bot: bool = False
    deactivated: bool = False


@dataclass
class Channel:
    """A place to talk: public, private ("group"), or a direct message ("im")."""

    id: str
    name: str
    members: set[str]
    kind: Literal["channel", "group", "im"] = "channel"
    archived: bool = False


@dataclass
class Message:
    """A message as it stands now.

    Attributes:
        text, blocks: as Slack keeps them, escaped.
        only_for: the one person who sees it, if it is ephemeral.
        edited: the timestamp of the last edit.
        thread: the timestamp of the message that this one answers in a thread.
        broadcast: it is shown in the channel too.
    """

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[Block] = field(default_factory=list)
    by_bot: bool = False
    only_for: str | None = None
    edited: str | None = None
    attachments: list[dict[str, Any]] = field(default_factory=list)
    thread: str | None = None
    broadcast: bool = False

    @property
    def shown(self) -> str:
        """What people see of it, without its buttons."""
        return visible_text(self.blocks) or unescape(self.text)


@dataclass
class View:
    """A modal as it stands now, on one person's screen."""

    id: str
    user: str
    content: Block
    version: int = 0

    @property
    def shown(self) -> str:
        """What the person sees of it, without its title and buttons."""
        return visible_text(self.content["blocks"])

    @property
    def blocks(self) -> list[Block]:
        """Its blocks."""
        blocks: list[Block] = self.content["blocks"]
        return blocks


@dataclass(frozen=True)
class Event:
    """One thing that happened on the screens, in order; `blocks` as they were then.

    Attributes:
        where: the channel, or the id of the modal or Home tab.
        only_for: who alone sees it: in a direct message, a modal, or ephemerally; None where all in `where` do.
        ref: the message's timestamp, or the modal's version.
    """

    kind: Literal["post", "edit", "delete", "open", "update", "close", "publish"]
    where: str
    by_bot: bool
    only_for: str | None
    ref: str
    text: str
    blocks: tuple[Block, ...]

    @property
    def shown(self) -> str:
        """What people saw."""
        return visible_text(self.blocks) or unescape(self.text)


class World:
    """One workspace with one app in it, and others that share channels with it and may have the app too.

    Attributes:
        acting: the workspace whose token the app calls with.
    """

    def __init__(self, bot_name: str, team_id: str, now: Callable[[], float] = time.time) -> None:
        self.team_id = team_id
        self.now = now
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.messages: dict[tuple[str, str], Message] = {}
        self.views: dict[str, View] = {}
        self._posted_in: defaultdict[str, dict[str, Message]] = defaultdict(dict)
        self.history: list[Event] = []
        self._triggers: dict[str, tuple[str, float]] = {}
        self._numbers = itertools.count(1)
        self.acting = team_id
        self.bots = {team_id: self.add_user(User("U0BOTPAY", bot_name, bot_name, team_id, is_bot=True))}
        self.homes: dict[str, View] = {}

    @property
    def bot(self) -> User:
        """The app's own user, in the workspace where it acts."""
        return self.bots[self.acting]

    def bot_of(self, user_id: str) -> User:
        """The app's user in somebody's own workspace, or here if it is not installed there."""
        user = self.users.get(user_id)
        return self.bots.get(user.team_id if user else "", self.bots[self.team_id])

    @property
    def bot_ids(self) -> set[str]:
        """The app's users everywhere."""
        return {bot.id for bot in self.bots.values()}

    def add_user(self, user: User) -> User:
        """Let somebody exist."""
        self.users[user.id] = user
        return user

    def add_channel(self, channel: Channel) -> Channel:
        """Open a channel."""
        self.channels[channel.id] = channel
        return channel

    def new_id(self, prefix: str) -> str:
        """An id that nothing else has."""
        return f"{prefix}0{next(self._numbers):06d}"

    def timestamp(self) -> str:
        """A message's timestamp, unique in the workspace."""
        return f"{int(self.now())}.{next(self._numbers):06d}"

    def direct(self, user_id: str) -> Channel:
        """The direct messages between a person and the bot."""
        members = {user_id, self.bot_of(user_id).id}
        found = (one for one in self.channels.values() if one.kind == "im" and one.members == members)
        return next(found, None) or self.add_channel(Channel(self.new_id("D"), user_id, members, "im"))

    def user_named(self, name: str) -> User | None:
        """Who has this name here, whatever its case."""
        return next((user for user in self.users.values() if user.name.casefold() == name.casefold()), None)

    def channel_named(self, name: str) -> Channel | None:
        """The channel of this name, if it is one that people can refer to."""
        return next((one for one in self.channels.values() if one.name == name and one.kind == "channel"), None)

    def post(self, message: Message) -> Message:
        """Put a message where it belongs."""
        self.messages[message.channel, message.ts] = message
        self._posted_in[message.channel][message.ts] = message
        self._note("post", message)
        return message

    def edit(self, message: Message, text: str, blocks: Sequence[Block]) -> None:
        """Change a message."""
        message.text, message.blocks, message.edited = text, list(blocks), self.timestamp()
        self._note("edit", message)

    def delete(self, message: Message) -> None:
        """Take a message away."""
        del self.messages[message.channel, message.ts], self._posted_in[message.channel][message.ts]
        self._note("delete", message)

    def seen_by(self, user_id: str, channel: Channel) -> list[Message]:
        """The messages that a person sees in a channel now, oldest first."""
        if user_id not in channel.members:
            return []
        return [one for one in self._posted_in[channel.id].values() if one.only_for in (None, user_id)]

    def new_trigger(self, user_id: str) -> str:
        """A trigger id: with it the app may open one modal on this person's screen within three seconds."""
        trigger = f"{next(self._numbers)}.{next(self._numbers)}.trigger"
        self._triggers[trigger] = (user_id, self.now() + TRIGGER_SECONDS)
        return trigger

    def use_trigger(self, trigger: str) -> str:
        """Whose screen a trigger id leads to; refused if unknown, used before, or too old."""
        if trigger not in self._triggers:
            raise Refused("invalid_trigger_id")
        user_id, until = self._triggers[trigger]
        if until == 0:
            raise Refused("exchanged_trigger_id")
        self._triggers[trigger] = (user_id, 0)
        if self.now() > until:
            raise Refused("expired_trigger_id")
        return user_id

    def open_view(self, user_id: str, content: Block) -> View:
        """Put a modal on a person's screen, in place of the one that was there."""
        self.close_views(user_id)
        view = View(self.new_id("V"), user_id, content)
        self.views[view.id] = view
        self._note_view("open", view)
        return view

    def update_view(self, view: View, content: Block) -> None:
        """Change a modal that is open."""
        view.content = content
        view.version += 1
        self._note_view("update", view)

    def publish(self, user_id: str, content: Block) -> View:
        """Fill a person's Home tab."""
        view = self.homes.get(user_id)
        if view is None:
            view = self.homes[user_id] = View(self.new_id("V"), user_id, content)
        view.content, view.version = content, view.version + 1
        self._note_view("publish", view)
        return view

    def close_views(self, user_id: str) -> None:
        """Take the modal off a person's screen."""
        for view in [view for view in self.views.values() if view.user == user_id]:
            del self.views[view.id]
            self._note_view("close", view)

    def _note(self, kind: Literal["post", "edit", "delete"], message: Message) -> None:
        channel = self.channels[message.channel]
        alone = next(iter(channel.members - self.bot_ids), None) if channel.kind == "im" else None
        only_for = message.only_for or alone
        blocks = tuple(message.blocks)
        self.history.append(
            Event(kind, channel.id, message.by_bot, only_for, message.ts, message.text, blocks),
        )

    def _note_view(self, kind: Literal["open", "update", "close", "publish"], view: View) -> None:
        self.history.append(Event(kind, view.id, True, view.user, str(view.version), "", tuple(view.blocks)))

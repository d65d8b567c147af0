"""The methods of Slack's Web API that a bot needs, with Slack's own refusals (https://docs.slack.dev/reference/methods)."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from botpay.testing.slack.blockkit import message_faults, view_faults
from botpay.testing.slack.world import Channel, Message, Refused, View, World

Arguments = Mapping[str, Any]
Answer = dict[str, Any]

MAX_POST = 40_000
MAX_UPDATE = 4_000

SCOPES = {
    "chat.postMessage": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.update": "chat:write",
    "chat.delete": "chat:write",
    "conversations.open": "im:write",
    "conversations.info": "channels:read",
    "users.info": "users:read",
}
"""The scope that each method needs; the others need none."""
READING = frozenset({"conversations.info", "users.info"})
"""Methods that take no JSON: their arguments are in the query or a form."""


class Methods:
    """The Web API over a `World`."""

    def __init__(self, world: World, app_id: str, bot_id: str) -> None:
        self._world = world
        self._app_id = app_id
        self._bot_id = bot_id
        self._by_name: dict[str, Callable[[Arguments], Answer]] = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.postEphemeral": self._post_ephemeral,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "conversations.open": self._open_conversation,
            "conversations.info": self._conversation,
            "users.info": self._user,
            "views.open": self._open_view,
            "views.publish": self._publish_view,
            "views.update": self._update_view,
        }

    def __contains__(self, method: object) -> bool:
        return method in self._by_name

    def call(self, method: str, arguments: Arguments) -> Answer:
        """Do it. Raises `Refused` with Slack's error code."""
        return self._by_name[method](arguments)

    def _auth_test(self, _: Arguments) -> Answer:
        world = self._world
        return {
            "url": "https://fake.slack.com/",
            "team": "Fake",
            "user": world.bot.name,
            "team_id": world.acting,
            "user_id": world.bot.id,
            "bot_id": self._bot_id,
        }

    def _post(self, arguments: Arguments) -> Answer:
        channel = self._channel(arguments.get("channel"))
        text, blocks = self._words(arguments, MAX_POST)
        thread = arguments.get("thread_ts")
        if thread is not None and (channel.id, str(thread)) not in self._world.messages:
            raise Refused("thread_not_found")
        ts, bot = self._world.timestamp(), self._world.bot.id
        message = self._world.post(Message(channel.id, ts, bot, text, blocks, by_bot=True, thread=thread))
        return {"channel": channel.id, "ts": message.ts, "message": self.describe(message)}

    def _post_ephemeral(self, arguments: Arguments) -> Answer:
        channel = self._channel(arguments.get("channel"))
        text, blocks = self._words(arguments, MAX_POST)
        user = arguments.get("user")
        if user not in channel.members:
            raise Refused("user_not_in_channel")
        ts, bot = self._world.timestamp(), self._world.bot.id
        self._world.post(Message(channel.id, ts, bot, text, blocks, by_bot=True, only_for=str(user)))
        return {"message_ts": ts}

    def _update(self, arguments: Arguments) -> Answer:
        message = self._message(arguments)
        if not message.by_bot or message.only_for is not None:
            raise Refused("cant_update_message")
        text, blocks = self._words(arguments, MAX_UPDATE)
        self._world.edit(message, text, blocks)
        return {"channel": message.channel, "ts": message.ts, "text": text, "message": self.describe(message)}

    def _delete(self, arguments: Arguments) -> Answer:
        message = self._message(arguments)
        if not message.by_bot:
            raise Refused("cant_delete_message")
        self._world.delete(message)
        return {"channel": message.channel, "ts": message.ts}

    def _open_conversation(self, arguments: Arguments) -> Answer:
        if not arguments.get("users"):
            raise Refused("users_list_not_supplied")
        user = self._world.users.get(str(arguments["users"]))
        if user is None or (not user.is_bot and self._world.bot_of(user.id) is not self._world.bot):
            raise Refused("user_not_found")
        self._refuse_if_unreachable(user.id)
        return {"channel": {"id": self._world.direct(user.id).id}}

    def _conversation(self, arguments: Arguments) -> Answer:
        channel = self._world.channels.get(str(arguments.get("channel")))
        if channel is None:
            raise Refused("channel_not_found")
        flags = {f"is_{kind}": channel.kind == kind for kind in ("channel", "group", "im")}
        return {"channel": {"id": channel.id, "name": channel.name, "is_archived": channel.archived, **flags}}

    def _user(self, arguments: Arguments) -> Answer:
        user = self._world.users.get(str(arguments.get("user")))
        if user is None:
            raise Refused("user_not_found")
        told: Answer = {
            "id": user.id,
            "team_id": user.team_id,
            "name": user.name,
            "real_name": user.real_name,
            "deleted": user.deactivated,
            "is_bot": user.is_bot,
            "profile": {"display_name": "", "real_name": user.real_name},
        }
        return {"user": {**told, "locale": user.locale} if _is_true(arguments.get("include_locale")) else told}

    def _open_view(self, arguments: Arguments) -> Answer:
        if not arguments.get("trigger_id"):
            raise Refused("invalid_arguments", response_metadata={"messages": ["missing required field: trigger_id"]})
        content = self._view_content(arguments)
        user_id = self._world.use_trigger(str(arguments["trigger_id"]))
        return {"view": self.describe_view(self._world.open_view(user_id, content))}

    def _update_view(self, arguments: Arguments) -> Answer:
        content = self._view_content(arguments)
        view = self._world.views.get(str(arguments.get("view_id")))
        if view is None:
            raise Refused("not_found")
        if arguments.get("hash", hash_of(view)) != hash_of(view):
            raise Refused("hash_conflict")
        self._world.update_view(view, content)
        return {"view": self.describe_view(view)}

    def _publish_view(self, arguments: Arguments) -> Answer:
        content = self._view_content(arguments, "home")
        user = self._world.users.get(str(arguments.get("user_id")))
        if user is None or user.is_bot:
            raise Refused("user_not_found")
        return {"view": self.describe_view(self._world.publish(user.id, content))}

    def _channel(self, named: object) -> Channel:
        """Where to write: a channel's id or name, or a person's id for the direct messages with them."""
        world = self._world
        if isinstance(named, str) and named in world.users:
            self._refuse_if_unreachable(named, "channel_not_found")
            return world.direct(named)
        name = str(named or "")
        channel = world.channels.get(name) or world.channel_named(name.removeprefix("#"))
        if channel is None or (channel.kind != "channel" and world.bot.id not in channel.members):
            raise Refused("channel_not_found")
        if world.bot.id not in channel.members:
            raise Refused("not_in_channel")
        if channel.archived:
            raise Refused("is_archived")
        if channel.kind == "im":
            self._refuse_if_unreachable(next(iter(channel.members - world.bot_ids)))
        return channel

    def _refuse_if_unreachable(self, user_id: str, code: str = "user_disabled") -> None:
        user = self._world.users[user_id]
        if user.is_bot:
            raise Refused("cannot_dm_bot")
        if user.deactivated:
            raise Refused(code)

    def _words(self, arguments: Arguments, most: int) -> tuple[str, list[Answer]]:
        text, blocks = arguments.get("text") or "", _parsed(arguments.get("blocks"), "invalid_blocks_format") or []
        if faults := message_faults(blocks):
            raise Refused("invalid_blocks", response_metadata={"messages": faults})
        if not text and not blocks:
            raise Refused("no_text")
        if len(text) > most:
            raise Refused("msg_too_long")
        return text, [self._with_id(block) for block in blocks]

    def _view_content(self, arguments: Arguments, kind: str = "modal") -> Answer:
        view = _parsed(arguments.get("view"), "invalid_arguments")
        if faults := view_faults(view, kind):
            raise Refused("invalid_arguments", response_metadata={"messages": faults})
        content: Answer = dict(view)
        return {**content, "blocks": [self._with_id(block) for block in content["blocks"]]}

    def _with_id(self, block: Answer) -> Answer:
        return block if "block_id" in block else {**block, "block_id": self._world.new_id("b")}

    def _message(self, arguments: Arguments) -> Message:
        channel, ts = str(arguments.get("channel")), str(arguments.get("ts"))
        if channel not in self._world.channels:
            raise Refused("channel_not_found")
        message = self._world.messages.get((channel, ts))
        if message is None:
            raise Refused("message_not_found")
        return message

    def describe(self, message: Message) -> Answer:
        """A message as Slack's payloads hold it."""
        told: Answer = {
            "type": "message",
            "user": message.user,
            "team": self._world.users[message.user].team_id,
            "ts": message.ts,
            "text": message.text,
            "blocks": message.blocks,
        }
        if message.by_bot:
            told |= {"bot_id": self._bot_id, "app_id": self._app_id}
        if message.attachments:
            told["attachments"] = message.attachments
        if (
            message.user in self._world.users
            and (team := self._world.users[message.user].team_id) != self._world.team_id
        ):
            told |= {"user_team": team, "source_team": team}
        if message.thread:
            told["thread_ts"] = message.thread
        if message.broadcast:
            told["subtype"] = "thread_broadcast"
        if message.edited:
            told["edited"] = {"user": message.user, "ts": message.edited}
        return told

    def describe_view(self, view: View) -> Answer:
        """A modal as Slack's payloads hold it."""
        ids = {"id": view.id, "root_view_id": view.id, "previous_view_id": None, "hash": hash_of(view)}
        app = {"team_id": self._world.users[view.user].team_id, "app_id": self._app_id, "bot_id": self._bot_id}
        defaults = {"private_metadata": "", "callback_id": "", "state": {"values": {}}}
        return {**defaults, **view.content, **ids, **app}


def hash_of(view: View) -> str:
    """What changes when a modal changes."""
    return f"{view.version}.{view.id}"


def _is_true(value: object) -> bool:
    return value in (True, "1", "true")


def _parsed(value: Any, code: str) -> Any:
    """Blocks and views come as JSON, or as JSON in a form's field."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise Refused(code) from None

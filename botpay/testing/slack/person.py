"""Somebody on the fake Slack: what they do with their client, and what they see."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botpay.testing.slack.blockkit import Block, buttons, escape, unescape
from botpay.testing.slack.delivery import Delivery
from botpay.testing.slack.world import Channel, Event, Message, User, View

if TYPE_CHECKING:
    from botpay.testing.slack.fake import FakeSlack

MARKED = re.compile(
    r"""(?P<code>`[^`]+`)
    | (?P<link>https?://[^\s<>]+)
    | (?P<email>[\w.+-]+@[\w-]+\.[\w.-]+)
    | (?<![\w@])@(?P<name>\w[\w.-]*)
    | (?<![\w\#])\#(?P<channel>[\w-]+)""",
    re.VERBOSE,
)
BROADCASTS = ("channel", "here", "everyone")


class Person:
    """One person's client. Every doing returns once the app was told, whether it took it or not."""

    def __init__(self, fake: "FakeSlack", user: User) -> None:
        self._fake = fake
        self._world = fake.world
        self.user = user

    @property
    def id(self) -> str:
        """The user id."""
        return self.user.id

    @property
    def direct(self) -> Channel:
        """The direct messages with the bot."""
        return self._world.direct(self.id)

    @property
    def modal(self) -> View | None:
        """The modal on the screen, if there is one."""
        return next((view for view in self._world.views.values() if view.user == self.id), None)

    @property
    def home(self) -> View | None:
        """The Home tab, once the app has filled it."""
        return self._world.homes.get(self.id)

    @property
    def saw(self) -> list[Event]:
        """All that the bot ever showed this person, in order: in channels and direct messages, modals and at home."""
        mine = {channel.id for channel in self._world.channels.values() if self.id in channel.members}
        return [
            event
            for event in self._world.history
            if event.by_bot and (event.only_for == self.id or (event.only_for is None and event.where in mine))
        ]

    async def open_home(self) -> None:
        """Look at the Home tab."""
        stamp = self._world.timestamp()
        event = {
            "type": "app_home_opened",
            "user": self.id,
            "channel": self.direct.id,
            "tab": "home",
            "event_ts": stamp,
        }
        await self._fake.tell_event(self.user, event)

    def sees(self, channel: Channel | None = None) -> list[str]:
        """What stands in a channel, or in the direct messages, for this person now."""
        return [message.shown for message in self._world.seen_by(self.id, channel or self.direct)]

    async def say(
        self, channel: Channel | None, text: str, *, thread: Message | None = None, broadcast: bool = False
    ) -> Message:
        """Write in a channel, or to the bot alone. "@bob", "#general", links and addresses are marked up as typed.

        Args:
            thread: the message to answer in a thread.
            broadcast: show the answer in the channel too.
        """
        message = self._new_message(channel, self.mark_up(text))
        message.thread = (thread.thread or thread.ts) if thread else None
        message.broadcast = broadcast
        await self._fake.tell_message(self.user, message)
        return message

    async def share(self, channel: Channel | None, text: str) -> Message:
        """Pass on somebody else's words without a word of one's own."""
        message = self._new_message(channel, "")
        message.attachments = [
            {"is_share": True, "is_msg_unfurl": True, "text": self.mark_up(text), "fallback": "A shared message"}
        ]
        await self._fake.tell_message(self.user, message)
        return message

    async def edit(self, message: Message, text: str) -> None:
        """Change what one wrote."""
        before = self._fake.methods.describe(message)
        self._world.edit(message, self.mark_up(text), [])
        await self._fake.tell_edit(self.user, message, before)

    async def slash(self, command: str, text: str = "", channel: Channel | None = None) -> Delivery:
        """Give a slash command, in a channel or in the direct messages."""
        where = channel or self.direct
        form = {
            "token": "verification",
            "team_id": self.user.team_id,
            "team_domain": "fake",
            "channel_id": where.id,
            "channel_name": "directmessage" if where.kind == "im" else where.name,
            "user_id": self.id,
            "user_name": self.user.name,
            "command": command,
            "text": self.mark_up(text, with_names=True),
            "api_app_id": self._fake.app_id,
            **({"enterprise_id": grid} if (grid := self._fake.enterprise_of(self.user.team_id)) else {}),
            "is_enterprise_install": "false",
            "trigger_id": self._world.new_trigger(self.id),
        }
        delivery = await self._fake.tell("slash_commands", self.id, form)
        self._show_answer(delivery, where, command)
        return delivery

    async def press(self, surface: Message | View, label: str) -> Delivery:
        """Tap a button on a message or a modal as it stands now.

        Raises:
            LookupError: there is no button with this label.
        """
        for block, button in buttons(surface.blocks):
            if unescape(button["text"]["text"]) == label:
                return await self._fake.tell("interactive", self.id, self._press_payload(surface, block, button))
        raise LookupError(f"no button {label!r} here")

    def close_modal(self) -> None:
        """Close the modal. The app is not told: no view of ours asks for it."""
        self._world.close_views(self.id)

    def mark_up(self, text: str, *, with_names: bool = False) -> str:
        """Text as Slack keeps it: escaped, with people, channels, links and addresses in angle brackets.

        Args:
            with_names: also put the name behind a person's id, as slash commands do.
        """
        done, last = [], 0
        for match in MARKED.finditer(text):
            done += [escape(text[last : match.start()]), self._mark(match, with_names)]
            last = match.end()
        return "".join([*done, escape(text[last:])])

    def _mark(self, match: re.Match[str], with_names: bool) -> str:
        typed = match.group()
        if match["link"]:
            return f"<{escape(typed)}>"
        if match["email"]:
            return f"<mailto:{typed}|{typed}>"
        if match["name"]:
            return self._mark_name(match["name"], with_names)
        if match["channel"] and (channel := self._world.channel_named(match["channel"])):
            return f"<#{channel.id}|{channel.name}>"
        return escape(typed)

    def _mark_name(self, typed: str, with_names: bool) -> str:
        name = typed.rstrip(".-")
        rest = typed[len(name) :]
        if name in BROADCASTS:
            return f"<!{name}>{rest}"
        user = self._world.user_named(name)
        if user is None:
            return f"@{typed}"
        return (f"<@{user.id}|{user.name}>" if with_names else f"<@{user.id}>") + rest

    def _new_message(self, channel: Channel | None, text: str) -> Message:
        where = channel or self.direct
        return self._world.post(Message(where.id, self._world.timestamp(), self.id, text))

    def _press_payload(self, surface: Message | View, block: Block, button: Block) -> dict[str, Any]:
        """https://docs.slack.dev/reference/interaction-payloads/block_actions-payload"""
        team, grid = self.user.team_id, self._fake.enterprise_of(self.user.team_id)
        home = {"id": team, "domain": "fake"}
        user = {"id": self.id, "username": self.user.name, "name": self.user.name, "team_id": self.user.team_id}
        stamp = self._world.timestamp()
        action = {**button, "block_id": block.get("block_id"), "action_ts": stamp}
        payload = {
            "type": "block_actions",
            "user": user,
            "api_app_id": self._fake.app_id,
            "token": "verification",
            "trigger_id": self._world.new_trigger(self.id),
            "team": home,
            "enterprise": {"id": grid, "name": "Grid"} if grid else None,
            "is_enterprise_install": False,
            "actions": [action],
        }
        return payload | self._surface_fields(surface)

    def _surface_fields(self, surface: Message | View) -> dict[str, Any]:
        if isinstance(surface, View):
            view = self._fake.methods.describe_view(surface)
            return {"container": {"type": "view", "view_id": surface.id}, "view": view}
        channel = self._world.channels[surface.channel]
        container: dict[str, Any] = {
            "type": "message",
            "message_ts": surface.ts,
            "channel_id": channel.id,
            "is_ephemeral": surface.only_for is not None,
        }
        if surface.thread:
            container["thread_ts"] = surface.thread
        where = {"id": channel.id, "name": "directmessage" if channel.kind == "im" else channel.name}
        message = {} if surface.only_for else {"message": self._fake.methods.describe(surface)}
        return {"container": container, "channel": where, **message}

    def _show_answer(self, delivery: Delivery, channel: Channel, command: str) -> None:
        """Show a command's answer to its author alone, or Slackbot's regret if the app did not take it."""
        by_bot, text = True, ""
        if not delivery.is_acknowledged:
            by_bot, text = False, f'{command} failed with the error "dispatch_failed"'
        elif isinstance(delivery.answer, dict):
            text = delivery.answer.get("text", "")
        if text:
            author = self._world.bot_of(self.id).id if by_bot else "USLACKBOT"
            stamp = self._world.timestamp()
            self._world.post(Message(channel.id, stamp, author, text, by_bot=by_bot, only_for=self.id))


def newest_with_button(messages: Sequence[Message], action_id: str) -> tuple[Message, str] | None:
    """The newest message that has a button with this action id, and the button's label."""
    for message in reversed(messages):
        for _, button in buttons(message.blocks):
            if button.get("action_id") == action_id:
                return message, unescape(button["text"]["text"])
    return None

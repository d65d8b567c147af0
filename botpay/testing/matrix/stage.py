"""`MatrixStage`: the scenarios of botpay on a fake homeserver."""

import html
import re
from typing import Any

from pydantic import SecretStr

from botpay.adapters.matrix import MatrixAdapter, MatrixSettings
from botpay.message import Actor
from botpay.testing.matrix.homeserver import BOT, TOKEN, FakeHomeserver
from botpay.testing.matrix.world import SERVER, Event, Room
from botpay.testing.mischief import Mischief
from botpay.testing.stage import Line, Manner, Stage

TENANT = "main"
_MENTION = re.compile(r"@(\w+)")


class MatrixStage(Stage):
    """People in the room "amis" with the bot, and in direct rooms with it alone. A PIN is typed there.

    Matrix knows no forwarding: words are passed on as a quotation.

    Args:
        mischief: what goes wrong on the way, both ways.
    """

    def __init__(self, *, mischief: Mischief | None = None) -> None:
        self.homeserver = FakeHomeserver(mischief=mischief)
        self._people: dict[str, str] = {}
        self._last: dict[str, tuple[Room, Event]] = {}
        self._read = 0
        self._group: Room | None = None

    async def start(self) -> None:
        """Start the homeserver and make the adapter for it."""
        await self.homeserver.__aenter__()
        settings = MatrixSettings(homeserver=self.homeserver.url, access_token=SecretStr(TOKEN), typed_pin=True)
        self.adapter = MatrixAdapter(settings)

    async def stop(self) -> None:
        """Stop the homeserver."""
        await self.homeserver.__aexit__()

    @property
    def group(self) -> Room:
        """The room "amis", which the bot was invited to."""
        if self._group is None:
            host = self.homeserver.user("host")
            self._group = self.homeserver.world.create(host, {"invite": [BOT]})
        return self._group

    def actor(self, who: str) -> Actor:
        """A person as the adapter tells of them."""
        user_id = self.user(who)
        return Actor(MatrixAdapter.name, TENANT, user_id, handle=who, name=self.homeserver.world.names[user_id])

    def user(self, who: str) -> str:
        """A person's id; they are in the room."""
        if who not in self._people:
            self._people[who] = self.homeserver.user(who)
            self.homeserver.world.invite(self.group, next(iter(self.group.members("join"))), self._people[who])
        return self._people[who]

    async def say(self, who: str, text: str, *, private: bool = False, manner: Manner = Manner.FRESH) -> None:
        """Let a person write. Returns once the bot has acknowledged it."""
        user_id = self.user(who)
        await self.homeserver.delivered()  # the bot has followed its invitations
        if manner is Manner.AGAIN:
            room, event = self._last[who]
            self.homeserver.world.append(room, event)
        elif manner is Manner.EDIT:
            room, event = self._last[who]
            relation = {"rel_type": "m.replace", "event_id": event["event_id"]}
            content = self._content(text)
            edit = {**content, "body": f"* {text}", "m.new_content": content, "m.relates_to": relation}
            self.homeserver.world.say(room, user_id, edit)
        else:
            room = await self.direct(who) if private else self.group
            content = self._content(f"> {text}" if manner is Manner.FORWARD else text)
            self._last[who] = room, self.homeserver.world.say(room, user_id, content)
        await self.homeserver.delivered()

    async def enter_pin(self, who: str, pin: str) -> None:
        """Typed, in the direct room."""
        await self.say(who, pin, private=True)

    async def direct(self, who: str) -> Room:
        """The direct room of a person and the bot, made by the person if there is none."""
        user_id = self.user(who)
        for room in self.homeserver.world.seen_by(user_id):
            if room.members("join", "invite") == {user_id, BOT}:
                return room
        as_element = {"invite": [BOT], "is_direct": True, "preset": "trusted_private_chat"}
        room = self.homeserver.world.create(user_id, as_element)
        await self.homeserver.delivered()
        return room

    def take_lines(self) -> list[Line]:
        """What the bot has said since the last call; an edit is said again."""
        rooms = self.homeserver.world.rooms.values()
        fresh = [(at, room, event) for room in rooms for at, event in room.events if at > self._read]
        self._read = self.homeserver.world.at
        fresh.sort(key=lambda found: found[0])
        return [line for _, room, event in fresh if (line := self._line(room, event)) is not None]

    def _line(self, room: Room, event: Event) -> Line | None:
        if event["sender"] != BOT or event["type"] != "m.room.message":
            return None
        content = event["content"].get("m.new_content", event["content"])
        return Line(None if room is self.group else self.name_of(room), content["body"])

    def name_of(self, room: Room) -> str:
        """Whose direct room it is."""
        [user_id] = room.members("join", "invite") - {BOT}
        return user_id.removeprefix("@").partition(":")[0]

    def _content(self, text: str) -> dict[str, Any]:
        """A message as Element writes it: mentions in m.mentions, and as links in the formatted body."""
        named = [match[1] for match in _MENTION.finditer(text) if match[1] in self._people]
        content: dict[str, Any] = {"msgtype": "m.text", "body": text, "m.mentions": {}}
        if named:
            shown = html.escape(text)
            for name in named:
                shown = shown.replace(f"@{name}", f'<a href="https://matrix.to/#/@{name}:{SERVER}">@{name}</a>', 1)
            content |= {"format": "org.matrix.custom.html", "formatted_body": shown}
            content["m.mentions"] = {"user_ids": [self._people[name] for name in named]}
        return content

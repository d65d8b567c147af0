"""The people of the fake: what they do in chats becomes updates for the bot."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botpay.testing.telegram.entities import entities_of, take_code
from botpay.testing.telegram.inline import FakeQuery, FakeResult
from botpay.testing.telegram.world import Deed, FakeButton, FakeMessage, Keyboard, Said, World

# Who stands in `from` when an admin writes as the group (Bot API, Message.from).
GROUP_ANONYMOUS_BOT = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}

_QUERY_NUMBERS = itertools.count(4_000_000_000_001)


@dataclass(eq=False, slots=True)
class FakePress:
    """A tap on a button. `answer` is what the bot showed for it, "" if nothing; None until it answered.

    Attributes:
        url: what the bot let the person's client open.
    """

    id: str
    user: "FakeUser"
    data: str
    answer: str | None = None
    url: str = ""


@dataclass(eq=False, slots=True)
class FakeGroup:
    """A supergroup.

    Attributes:
        bot_is_member: False once the bot was removed.
        bot_is_admin: an admin sees all messages and may delete them.
        topics: the topics of a group that has such.
        became: the supergroup that this group was made, if it was.
    """

    id: int
    title: str
    members: list["FakeUser"]
    bot_is_member: bool = True
    bot_is_admin: bool = False
    topics: tuple[int, ...] = ()
    became: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The chat as the Bot API shows it."""
        forum = {"is_forum": True} if self.topics else {}
        return {"id": self.id, "type": "supergroup", "title": self.title} | forum


@dataclass(eq=False, slots=True)
class Company:
    """Everybody there is, the bot included, and the presses that wait for its answer.

    Attributes:
        bot: the bot as the Bot API shows users.
        privacy: the bot sees of groups only what is meant for it (core.telegram.org/bots/features#privacy-mode).
        inline: @BotFather has switched inline mode on (/setinline).
        feedback: the bot is told which results people send (/setinlinefeedback).
        queries: what was typed in inline mode, by its id.
        cards: messages that were sent through the bot, by the id by which it knows them.
    """

    world: World
    bot: dict[str, Any]
    privacy: bool
    users: dict[int, "FakeUser"] = field(default_factory=dict)
    groups: dict[int, FakeGroup] = field(default_factory=dict)
    presses: dict[str, FakePress] = field(default_factory=dict)
    inline: bool = True
    feedback: bool = True
    queries: dict[str, FakeQuery] = field(default_factory=dict)
    cards: dict[str, FakeMessage] = field(default_factory=dict)

    def usernames(self) -> set[str]:
        """All usernames in lower case, the bot's included."""
        names = {user.username.lower() for user in self.users.values() if user.username}
        return names | {str(self.bot["username"]).lower()}

    def shows(self, group: FakeGroup, message: FakeMessage) -> bool:
        """Whether the bot gets to see a message of a group.

        Any command that names no other bot counts as meant for this one, as where it is the only bot of the group.
        """
        if not group.bot_is_member:
            return False
        if not self.privacy or group.bot_is_admin:
            return True
        if message.extra.get("via_bot", {}).get("id") == self.bot["id"]:
            return True
        answered = message.extra.get("reply_to_message")
        if answered is not None and answered["from"]["id"] == self.bot["id"]:
            return True
        words = [word for word in message.text.split() if word.startswith("/")]
        return any("@" not in word or word.lower().endswith(f"@{self.bot['username'].lower()}") for word in words)


@dataclass(eq=False, slots=True)
class FakeUser:
    """A person. Each act returns once Telegram has it; `FakeTelegram.delivered` waits for the bot.

    Attributes:
        started: has opened the private chat with the bot, so that the bot may write there.
        has_blocked: does not want to hear from the bot.
    """

    id: int
    first_name: str
    username: str | None
    language_code: str | None
    started: bool
    _company: Company = field(repr=False)
    last_name: str | None = None
    has_blocked: bool = False

    def to_json(self) -> dict[str, Any]:
        """The person as the Bot API shows users."""
        return {"is_bot": False} | self._labels(("id", "first_name", "last_name", "username", "language_code"))

    def chat_json(self) -> dict[str, Any]:
        """The private chat with this person as the Bot API shows it."""
        return {"type": "private"} | self._labels(("id", "first_name", "last_name", "username"))

    def sees(self, chat: FakeGroup | None = None) -> list[FakeMessage]:
        """What stands in the group, or in the private chat with the bot, now."""
        if chat is not None and self not in chat.members:
            return []
        return self._company.world.visible(self.id if chat is None else chat.id)

    @property
    def saw(self) -> list[Said]:
        """All that this person ever saw of the bot, also what was edited or deleted later, oldest first."""
        here = {self.id} | {group.id for group in self._company.groups.values() if self in group.members}
        return [said for said in self._company.world.history if said.chat_id in here and said.deed is not Deed.DELETE]

    async def say(
        self,
        chat: FakeGroup | None,
        text: str,
        *,
        reply_to: FakeMessage | None = None,
        by_id: Mapping[str, "FakeUser"] | None = None,
        anonymous: bool = False,
        topic: int | None = None,
    ) -> FakeMessage:
        """Write in a group, or to the bot alone (None). `code` in backticks becomes code.

        Args:
            topic: where in a group with topics.
            by_id: words of the text that mention a person by id, as clients write those without a username.
            anonymous: as an admin who writes in the name of the group.
        """
        extra: dict[str, Any] = {}
        if reply_to is not None:
            extra["reply_to_message"] = {k: v for k, v in reply_to.to_json().items() if k != "reply_to_message"}
        if anonymous and chat is not None:
            extra["sender_chat"] = chat.to_json()
        if topic is not None:
            extra |= {"is_topic_message": True, "message_thread_id": topic}
        return self._write(chat, text, extra, by_id or {}, GROUP_ANONYMOUS_BOT if anonymous else self.to_json())

    async def forward(self, chat: FakeGroup | None, text: str, author: "FakeUser | None" = None) -> FakeMessage:
        """Pass on words of somebody else: of `author`, or of one who hides behind a name."""
        origin: dict[str, Any] = {"date": self._company.world.now()}
        if author is None:
            origin |= {"type": "hidden_user", "sender_user_name": "Somebody"}
        else:
            origin |= {"type": "user", "sender_user": author.to_json()}
        return self._write(chat, text, {"forward_origin": origin}, {}, self.to_json())

    async def edit(self, message: FakeMessage, text: str) -> None:
        """Change one's own message. Raises `ValueError` for somebody else's."""
        if message.sender["id"] != self.id:
            raise ValueError("people edit their own messages only")
        plain, code = take_code(text)
        message.text = plain
        message.entities = entities_of(plain, code, self._company.usernames(), {})
        message.edited_at = self._company.world.now()
        self._tell("edited_message", message)

    async def press(self, message: FakeMessage, button: str) -> FakePress:
        """Tap a button, named by its label or its data, as the message reads now.

        A button that opens the bot's chat opens it, which is a `start`. Raises `LookupError` if there is no such
        button.
        """
        found = _button(message, button)
        if found.data is not None:
            return await self.forge_press(message, found.data)
        await self.start(parse_qs(urlsplit(found.url or "").query).get("start", [""])[0])
        return FakePress("", self, "", "")

    async def forge_press(self, message: FakeMessage, data: str) -> FakePress:
        """Send any data as if a button had it, as a modified client can."""
        press = FakePress(str(next(_QUERY_NUMBERS)), self, data)
        self._company.presses[press.id] = press
        query = {
            "id": press.id,
            "from": self.to_json(),
            "chat_instance": str(message.chat_id),
            "data": data,
        }
        # Of a message that was sent through the bot it learns neither the words nor the chat.
        query |= (
            {"message": message.to_json()} if message.inline_id is None else {"inline_message_id": message.inline_id}
        )
        self._company.world.updates.add("callback_query", query)
        return press

    async def type_inline(self, text: str, chat_type: str = "supergroup") -> FakeQuery:
        """Type "@bot text" in some chat, without sending it; the bot answers with what can be sent."""
        query = FakeQuery(str(next(_QUERY_NUMBERS)), self, text)
        if self._company.inline:
            self._company.queries[query.id] = query
            asked = {"id": query.id, "from": self.to_json(), "query": text, "offset": "", "chat_type": chat_type}
            self._company.world.updates.add("inline_query", asked)
        return query

    async def send_result(self, chat: FakeGroup, query: FakeQuery, result: FakeResult) -> FakeMessage:
        """Send a result of inline mode into a chat, of which the bot need not be a member."""
        card = self._send_through_bot(chat, result.text, result.buttons, {})
        if self._company.feedback:
            chosen = {"result_id": result.id, "from": self.to_json(), "query": query.text}
            told = {"inline_message_id": card.inline_id} if card.buttons else {}
            self._company.world.updates.add("chosen_inline_result", chosen | told)
        return card

    async def pass_on(self, chat: FakeGroup, card: FakeMessage) -> FakeMessage:
        """Forward a message that was sent through the bot, its buttons with it, as the worst of clients would."""
        origin = {"type": "user", "date": card.date, "sender_user": card.sender}
        return self._send_through_bot(chat, card.text, card.buttons, {"forward_origin": origin})

    def _send_through_bot(self, chat: FakeGroup, text: str, buttons: Keyboard, extra: dict[str, Any]) -> FakeMessage:
        if self not in chat.members:
            raise ValueError(f"{self.first_name} is not in {chat.title}")
        card = self._company.world.add(
            chat.to_json(),
            self.to_json(),
            text,
            buttons=buttons,
            extra={"via_bot": self._company.bot} | extra,
            inline_id=f"BAAA{next(_QUERY_NUMBERS)}",
        )
        self._company.cards[str(card.inline_id)] = card
        self._tell("message", card)
        return card

    async def start(self, payload: str = "") -> FakeMessage:
        """Open the private chat with the bot, which sends /start."""
        if self.has_blocked:
            await self.unblock()
        return await self.say(None, f"/start {payload}".strip())

    async def block(self) -> None:
        """Block the bot."""
        self.has_blocked = True
        self._change_membership("member", "kicked")

    async def unblock(self) -> None:
        """Let the bot write again."""
        self.has_blocked = False
        self._change_membership("kicked", "member")

    def _labels(self, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def _write(
        self,
        chat: FakeGroup | None,
        text: str,
        extra: dict[str, Any],
        by_id: Mapping[str, "FakeUser"],
        sender: dict[str, Any],
    ) -> FakeMessage:
        if chat is None:
            self.started = True
        elif self not in chat.members:
            raise ValueError(f"{self.first_name} is not in {chat.title}")
        plain, code = take_code(text)
        people = {words: user.to_json() for words, user in by_id.items()}
        message = self._company.world.add(
            self.chat_json() if chat is None else chat.to_json(),
            sender,
            plain,
            entities=entities_of(plain, code, self._company.usernames(), people),
            extra=extra,
        )
        self._tell("message", message)
        return message

    def _tell(self, kind: str, message: FakeMessage) -> None:
        group = self._company.groups.get(message.chat_id)
        if group is None or self._company.shows(group, message):
            self._company.world.updates.add(kind, message.to_json())

    def _change_membership(self, before: str, after: str) -> None:
        bot = self._company.bot
        change = {"chat": self.chat_json(), "from": self.to_json(), "date": self._company.world.now()}
        for name, status in (("old_chat_member", before), ("new_chat_member", after)):
            until = {"until_date": 0} if status == "kicked" else {}
            change[name] = {"user": bot, "status": status} | until
        self._company.world.updates.add("my_chat_member", change)


def _button(message: FakeMessage, button: str) -> FakeButton:
    for row in message.buttons:
        for candidate in row:
            if button in (candidate.label, candidate.data):
                return candidate
    raise LookupError(f"message {message.id} has no such button; it has {message.labels()}")

"""`TelegramStage`: the scenarios of botpay on a fake Telegram."""

from typing import Literal

from pydantic import SecretStr

from botpay.adapters.telegram import TelegramAdapter, TelegramSettings
from botpay.adapters.telegram.limits import RateLimiter
from botpay.message import Actor
from botpay.testing.stage import Line, Manner, Stage
from botpay.testing.telegram.people import FakePress, FakeUser
from botpay.testing.telegram.server import FakeTelegram
from botpay.testing.telegram.world import Deed, FakeMessage, Said

PUBLIC_URL = "https://botpay.example"
TENANT = "main"
SECRET = "the-secret-of-a-fake"  # noqa: S105 - opens nothing but this fake


class TelegramStage(Stage):
    """People on a fake Telegram: a group "amis" with everybody in it, and each one's private chat with the bot.

    `adapter` is there after `start`. In webhook mode the adapter says its public address is PUBLIC_URL; whoever
    runs the web application calls `connect` with the local address it listens on, before or after the adapter
    starts, and the fake posts there. In polling mode `connect` changes nothing.

    Args:
        language: the language that everybody's Telegram is set to, if any.
    """

    def __init__(self, mode: Literal["polling", "webhook"] = "polling", *, language: str | None = None) -> None:
        self.mode = mode
        self.telegram = FakeTelegram(privacy=False)
        self.group = self.telegram.group("amis")
        self._language = language
        self._people: dict[str, FakeUser] = {}
        self._last: dict[str, FakeMessage] = {}
        self._read = 0
        self._texts: dict[tuple[int, int], str] = {}

    async def start(self) -> None:
        """Start the fake and make the adapter for it."""
        await self.telegram.start()
        settings = TelegramSettings(
            token=SecretStr(self.telegram.token),
            mode=self.mode,
            webhook_secret=SecretStr(SECRET),
            public_url=PUBLIC_URL,
            base_url=self.telegram.base_url,
            tenant=TENANT,
        )
        self.adapter = TelegramAdapter(settings, limiter=RateLimiter(sleep=_at_once))

    async def connect(self, base_url: str | None) -> None:
        """Say where the application's web server listens, as "http://127.0.0.1:8080"; None if it has none."""
        if base_url is not None:
            self.telegram.resolve(PUBLIC_URL, base_url)

    async def stop(self) -> None:
        """Stop the fake."""
        await self.telegram.stop()

    def actor(self, who: str) -> Actor:
        """A person as the adapter tells of them."""
        user = self.user(who)
        return Actor(TelegramAdapter.name, TENANT, str(user.id), user.username, user.first_name, user.language_code)

    def user(self, who: str) -> FakeUser:
        """A person on the fake, made at first use: started the bot, is in the group."""
        if who not in self._people:
            self._people[who] = self.telegram.user(who, language_code=self._language)
            self.group.members.append(self._people[who])
        return self._people[who]

    async def say(self, who: str, text: str, *, private: bool = False, manner: Manner = Manner.FRESH) -> None:
        """Let a person write. Returns once the bot has confirmed the update."""
        user, chat = self.user(who), None if private else self.group
        match manner:
            case Manner.FRESH:
                self._last[who] = await user.say(chat, text)
            case Manner.AGAIN:
                self.telegram.redeliver_last(user, "message")
            case Manner.EDIT:
                await user.edit(self._last[who], text)
            case Manner.FORWARD:
                await user.forward(chat, text)
        await self.telegram.delivered()

    async def enter_pin(self, who: str, pin: str) -> None:
        """Tap the digits on the newest keypad of a person's private chat, each after the bot took the one before.

        Where no keypad stands any more, the PIN is typed as a private message, as people would.
        """
        try:
            prompt = self._newest_with(who, set(pin))
        except LookupError:
            await self.say(who, pin, private=True)
            return
        for digit in pin:
            await self._press(who, prompt, digit)

    async def press(self, who: str, label: str) -> FakePress:
        """Tap the newest button of that label in a person's private chat. Raises `LookupError` if there is none."""
        return await self._press(who, self._newest_with(who, {label}), label)

    async def _press(self, who: str, message: FakeMessage, label: str) -> FakePress:
        press = await self.user(who).press(message, label)
        await self.telegram.delivered()
        return press

    def _newest_with(self, who: str, labels: set[str]) -> FakeMessage:
        for message in reversed(self.user(who).sees()):
            if labels <= set(message.labels()):
                return message
        raise LookupError(f"{who} has no message with these buttons in private")

    def take_lines(self) -> list[Line]:
        """What the bot has said since the last call, oldest first."""
        fresh = self.telegram.history[self._read :]
        self._read += len(fresh)
        return [line for said in fresh if (line := self._line(said)) is not None]

    def _line(self, said: Said) -> Line | None:
        text, place = without_dots(said.text, bool(said.buttons)), (said.chat_id, said.message_id)
        if said.deed is Deed.DELETE or self._texts.get(place) == text:
            return None
        self._texts[place] = text
        is_public = said.chat_id == self.group.id
        return Line(None if is_public else self._who(said.chat_id), text)

    def _who(self, user_id: int) -> str:
        return next(who for who, user in self._people.items() if user.id == user_id)


def without_dots(text: str, has_buttons: bool) -> str:
    """The text without the last paragraph of a keypad, which shows by dots how much was entered."""
    said, _, dots = text.rpartition("\n\n")
    is_dots = bool(said and has_buttons) and not any(character.isalnum() for character in dots)
    return said if is_dots else text


async def _at_once(_: float) -> None:
    """Do not wait: the fake has no limits."""

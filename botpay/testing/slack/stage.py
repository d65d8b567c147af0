"""The stage for `.chat` scenarios on Slack."""

import re
import time
from collections.abc import Callable
from typing import Any, Literal

from botpay.adapters.slack import SlackAdapter, SlackSettings
from botpay.adapters.slack.blocks import DOTS, OPEN_KEYPAD
from botpay.adapters.slack.words import IN_PRIVATE
from botpay.message import Actor
from botpay.testing.slack.blockkit import buttons, unescape, visible_text
from botpay.testing.slack.fake import FakeSlack
from botpay.testing.slack.person import Person, newest_with_button
from botpay.testing.slack.rig import settings, unhurried
from botpay.testing.slack.world import Event, Message, View
from botpay.testing.stage import Line, Manner, Stage

COMMAND = re.compile(r"(/\w\S*)\s*(.*)", re.DOTALL)


class SlackStage(Stage):
    """People in the channel "amis" of a fake Slack, which the bot was invited to.

    In mode "http" start the application, then tell `connect` where it listens. What begins with "/" is given as a
    slash command; those cannot be edited. A forward is a shared message.

    Attributes:
        changed: settings of the adapter that are others than usual.

    Args:
        clock: by which the adapter keeps to Slack's limits, in seconds.
    """

    def __init__(
        self,
        *,
        mode: Literal["http", "socket"] = "http",
        bot_name: str = "botpay",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._mode: Literal["http", "socket"] = mode
        self._clock = clock
        self.changed: dict[str, Any] = {}
        self.fake = FakeSlack(bot_name=bot_name, transport=mode)
        self.channel = self.fake.channel("amis")
        self._last: dict[str, Message] = {}
        self._opened_from: dict[str, str] = {}
        self._lines = _Lines()

    async def start(self) -> None:
        """Start the fake and make the adapter for it."""
        await self.fake.start()
        self.adapter = SlackAdapter(settings(self.fake, mode=self._mode, **self.changed), pace=unhurried(self._clock))

    async def connect(self, base_url: str | None) -> None:
        """Tell Slack where the application's web server listens ("http://127.0.0.1:8080"); for mode "http".

        Call it once the web server listens, before anybody speaks; before or after the adapter starts.
        """
        if base_url is not None:
            self.fake.set_request_url(base_url.rstrip("/") + SlackSettings.model_fields["path"].default)

    async def stop(self) -> None:
        """Stop the fake."""
        await self.fake.stop()

    def actor(self, who: str) -> Actor:
        """Who "alice" is here: U0ALICE."""
        user = self._person(who).user
        return Actor("slack", user.team_id, user.id, handle=user.name, name=user.real_name, language=user.locale)

    async def say(self, who: str, text: str, *, private: bool = False, manner: Manner = Manner.FRESH) -> None:
        """Let a person write; what the bot refuses is brought again, as Slack does."""
        person = self._person(who)
        self._lines.forget(person.id)
        if manner is Manner.AGAIN:
            await self.fake.redeliver_last(person)
        elif manner is Manner.EDIT:
            if who in self._last:
                await person.edit(self._last[who], text)
        else:
            await self._say_new(person, text, private=private, shared=manner is Manner.FORWARD)
        await self.fake.settled()

    async def enter_pin(self, who: str, pin: str) -> None:
        """Press the open prompt's button, then the keys of its modal; where nothing is open, type it, as people do.

        Raises:
            LookupError: the modal lacks a key.
        """
        person = self._person(who)
        self._lines.forget(person.id)
        prompt = newest_with_button(self.fake.world.seen_by(person.id, person.direct), OPEN_KEYPAD)
        if prompt is None:
            return await self.say(who, pin, private=True)
        message, label = prompt
        if self._opened_from.get(who) != message.ts or not _has_keys(person.modal):
            await person.press(message, label)
            self._opened_from[who] = message.ts
        for digit in pin:
            if person.modal is None:
                raise LookupError("the keypad did not open")
            await person.press(person.modal, digit)
        return None

    def take_lines(self) -> list[Line]:
        """What the bot said in the channel, in direct messages, in answers to commands, and in modals."""
        lines = self._lines.read(self.fake.world.history)
        names = {user.id: user.name for user in self.fake.world.users.values()}
        return [Line(None if to is None else names[to], text) for to, text in lines]

    async def _say_new(self, person: Person, text: str, *, private: bool, shared: bool) -> None:
        where = None if private else self.channel
        command = COMMAND.fullmatch(text)
        self._last.pop(person.user.name, None)
        if shared:
            await person.share(where, text)
        elif command:
            await person.slash(command[1], command[2], where)
        else:
            self._last[person.user.name] = await person.say(where, text)

    def _person(self, who: str) -> Person:
        person = self.fake.user(who)
        self.channel.members.add(person.id)
        return person


def _has_keys(view: View | None) -> bool:
    return view is not None and any(buttons(view.blocks))


class _Lines:
    """Reads the history of the screens as lines.

    Where an answer is found, the Home tab, and a keypad's dots are not words: an edit that changes nothing else is no
    line. What is said both in a modal and in the prompt that it was opened from is one line.
    """

    def __init__(self) -> None:
        self._read = 0
        self._before: dict[tuple[str, str], str] = {}
        self._said_once: dict[str, dict[str, str]] = {}

    def forget(self, user_id: str) -> None:
        """The person acts anew: what the bot says from now on is not the echo of what it said before."""
        self._said_once.pop(user_id, None)

    def read(self, history: list[Event]) -> list[tuple[str | None, str]]:
        """The lines since the last call: to whom, and what."""
        fresh, self._read = history[self._read :], len(history)
        return [(event.only_for, text) for event in fresh if (text := self._line(event)) is not None]

    def _line(self, event: Event) -> str | None:
        if not event.by_bot or event.kind in ("delete", "close", "publish") or IN_PRIVATE in event.text:
            return None
        text = visible_text(event.blocks, without=DOTS) or unescape(event.text)
        place = (event.where, "" if event.kind in ("open", "update") else event.ref)
        before, self._before[place] = self._before.get(place), text
        if event.kind == "open" or (before == text and any(buttons(event.blocks))):
            return None
        return None if self._is_echo(event, text) else text

    def _is_echo(self, event: Event, text: str) -> bool:
        if event.only_for is None or event.kind == "post":
            return False
        said = self._said_once.setdefault(event.only_for, {})
        if said.get(text, event.kind) != event.kind:
            del said[text]
            return True
        said[text] = event.kind
        return False

"""The contract on the fake Slack, over HTTP and in Socket Mode."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from botpay.adapters.slack import SlackAdapter
from botpay.adapters.slack.blocks import DOTS, OPEN_KEYPAD
from botpay.testing.contract import AdapterContract
from botpay.testing.platform import SLOW_DOWN_SECONDS, Call, Platform, Shown, Trouble
from botpay.testing.slack.blockkit import buttons, unescape, visible_text
from botpay.testing.slack.delivery import Kind
from botpay.testing.slack.person import Person, newest_with_button
from botpay.testing.slack.stage import SlackStage
from botpay.testing.slack.world import Channel, Message, View

_FAULTS: Mapping[Trouble, tuple[str, int]] = {
    Trouble.SLOW_DOWN: ("ratelimited", 429),
    Trouble.AWAY: ("internal_error", 500),
    Trouble.LOST: ("internal_error", 500),
    Trouble.REFUSED: ("invalid_blocks", 200),
    Trouble.CLOSED: ("channel_not_found", 200),
    Trouble.REVOKED: ("token_revoked", 200),
}


class SlackPlatform(SlackStage, Platform):
    """Slack with alice, bob and their channel."""

    def __init__(self, mode: Literal["http", "socket"]) -> None:
        super().__init__(mode=mode)
        self.secrets = (self.fake.bot_token, self.fake.app_token, self.fake.signing_secret)
        self.fake.sockets.answer_seconds = 0.1
        for who in ("alice", "bob"):
            _ = self._person(who).direct

    async def deliver(self, payload: Any) -> None:
        """Bring an event until it is taken or given up; a command or a press once."""
        kind: Kind = "events_api"
        if payload.get("type") == "block_actions":
            kind = "interactive"
        elif "command" in payload:
            kind = "slash_commands"
        await self.fake.tell(kind, "U0ALICE", payload)
        await self.fake.settled()

    def screens(self) -> Mapping[str | None, Sequence[Shown]]:
        """What stands in the channel and in the direct messages."""
        people = [self.fake.user(who) for who in ("alice", "bob")]
        private: dict[str | None, list[Shown]] = {
            person.user.name: self._shown(person, person.direct) for person in people
        }
        return {None: self._shown(people[0], self.channel), **private}

    async def press(self, who: str, label: str) -> None:
        """Press a button of a direct message, or a key of the modal, which is opened if need be."""
        person = self.fake.user(who)
        seen = self.fake.world.seen_by(person.id, person.direct)
        opener = newest_with_button(seen, OPEN_KEYPAD)
        if opener is not None and self._with(person, label) is None:
            await person.press(*opener)
        await person.press(self._with(person, label) or seen[-1], label)

    def fail_next(self, trouble: Trouble) -> None:
        """Fail chat.postMessage."""
        error, status = _FAULTS[trouble]
        self.fake.fail_next(
            "chat.postMessage",
            error,
            status=status,
            retry_after=SLOW_DOWN_SECONDS if trouble is Trouble.SLOW_DOWN else None,
            after_effect=trouble is Trouble.LOST,
        )

    async def hang_up(self) -> None:
        """Ask for a new WebSocket and close the old one; over HTTP there is no connection."""
        if self.fake.transport == "http":
            await super().hang_up()
        await self.fake.sockets.refresh()

    def call(self, body: bytes, *, seconds_ago: float = 0) -> Call:
        """Signed over time and body."""
        text = body.decode("utf-8", "replace").encode()  # Slack itself signs nothing but UTF-8
        signed = self.fake.http.sign(text, timestamp=time.time() - seconds_ago)
        return Call("/slack/events", body, {"Content-Type": "application/json", **signed}, tuple(signed))

    def _with(self, person: Person, label: str) -> Message | View | None:
        seen: list[Message | View] = [*self.fake.world.seen_by(person.id, person.direct)]
        surfaces = [*seen, *([person.modal] if person.modal else [])]
        return next((surface for surface in reversed(surfaces) if label in _labels(surface)), None)

    def _shown(self, person: Person, channel: Channel) -> list[Shown]:
        return [
            Shown(
                ref=message.ts,
                text=visible_text(message.blocks, without=DOTS) or unescape(message.text),
                labels=_labels(message),
                by_bot=message.by_bot,
                preview=self._has_preview(message),
                urls={unescape(b["text"]["text"]): b["url"] for _, b in buttons(message.blocks) if "url" in b},
            )
            for message in self.fake.world.seen_by(person.id, channel)
        ]

    def _has_preview(self, message: Message) -> bool:
        said = [given for method, given in self.fake.calls if method == "chat.postMessage"]
        return any(given.get("unfurl_links") is not False for given in said if given.get("text") == message.text)


def _labels(surface: Message | View) -> list[str]:
    return [unescape(button["text"]["text"]) for _, button in buttons(surface.blocks)]


class SlackContract(AdapterContract):
    """Slack over HTTP."""

    platform = partial(SlackPlatform, "http")
    adapter = SlackAdapter
    payloads = Path(__file__).with_name("payloads.json")
    cannot: ClassVar[Mapping[str, str]] = {
        "connection": "each call is one of its own",
        "reply": "a thread does not say whom its replies mean",
        "ephemeral": "what is for one person goes into the direct messages",
        "delete_incoming": "a bot deletes its own messages only",
        "idempotent_send": "chat.postMessage has no key: what is sent after a lost answer stands there twice",
        "typed_pin": "typed, it would stay in the chat; keys are there",
        "via_bot": "Slack has no bots that write in a person's name",
    }


class SlackSocketContract(SlackContract):
    """Slack in Socket Mode."""

    platform = partial(SlackPlatform, "socket")
    cannot: ClassVar[Mapping[str, str]] = {
        **{name: reason for name, reason in SlackContract.cannot.items() if name != "connection"},
        **dict.fromkeys(("webhook", "signed_body", "stale_calls"), "we connect, nobody calls"),
    }

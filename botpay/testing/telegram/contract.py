"""The contract on the fake Telegram, by webhook and by polling."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from botpay.adapters.telegram import TelegramAdapter
from botpay.testing.contract import AdapterContract
from botpay.testing.platform import SLOW_DOWN_SECONDS, Call, Platform, Shown, Trouble
from botpay.testing.telegram.stage import SECRET, TelegramStage, without_dots
from botpay.testing.telegram.webhook import SECRET_HEADER
from botpay.testing.telegram.world import FakeMessage

_FAULTS = {
    Trouble.SLOW_DOWN: (429, "Too Many Requests: retry after 7"),
    Trouble.AWAY: (502, "Bad Gateway"),
    Trouble.REFUSED: (400, "Bad Request: message is too long"),
    Trouble.CLOSED: (403, "Forbidden: bot was blocked by the user"),
    Trouble.REVOKED: (401, "Unauthorized"),
}


class TelegramPlatform(TelegramStage, Platform):
    """Telegram with alice, bob and their group."""

    def __init__(self, mode: Literal["polling", "webhook"]) -> None:
        super().__init__(mode)
        self.secrets = (self.telegram.token, self.telegram.token.partition(":")[2], SECRET)
        for who in ("alice", "bob"):
            self.user(who)

    async def deliver(self, payload: Any) -> None:
        """Bring the update until it is confirmed, under the next update id, as Telegram numbers them."""
        for kind, content in payload.items():
            if kind != "update_id":
                self.telegram.push(kind, content)
        await self.telegram.delivered()

    def screens(self) -> Mapping[str | None, Sequence[Shown]]:
        """What stands in the group and in the private chats."""
        private: dict[str | None, list[Shown]] = {who: self._shown(user.sees()) for who, user in self._people.items()}
        return {None: self._shown(self.telegram.messages(self.group)), **private}

    def fail_next(self, trouble: Trouble) -> None:
        """Fail sendMessage."""
        if trouble is Trouble.LOST:
            return self.telegram.drop_next("sendMessage")
        code, words = _FAULTS[trouble]
        retry_after = SLOW_DOWN_SECONDS if trouble is Trouble.SLOW_DOWN else None
        return self.telegram.fail_next("sendMessage", code, words, retry_after=retry_after)

    async def hang_up(self) -> None:
        """Cut off the next answer to getUpdates; a webhook has no connection."""
        if self.mode == "webhook":
            await super().hang_up()
        self.telegram.drop_next("getUpdates")
        self.telegram.fail_next("getUpdates", 502, "Bad Gateway")

    def call(self, body: bytes, *, seconds_ago: float = 0) -> Call:  # noqa: ARG002 - see below
        """Telegram proves itself by the secret that setWebhook gave it, and says no time."""
        return Call("/telegram", body, {SECRET_HEADER: SECRET, "Content-Type": "application/json"}, (SECRET_HEADER,))

    def _shown(self, messages: Sequence[FakeMessage]) -> list[Shown]:
        return [
            Shown(
                ref=str(message.id),
                text=without_dots(message.text, bool(message.buttons)),
                labels=message.labels(),
                by_bot=message.is_bots,
                preview=self._has_preview(message),
                urls={button.label: button.url for row in message.buttons for button in row if button.url},
            )
            for message in messages
        ]

    def _has_preview(self, message: FakeMessage) -> bool:
        said = [values for name, values in self.telegram.calls if name == "sendmessage"]
        return any(
            json.loads(values.get("link_preview_options", "{}")).get("is_disabled") is not True
            for values in said
            if values.get("text") == message.text and "://" in message.text
        )


class TelegramContract(AdapterContract):
    """Telegram by webhook."""

    platform = partial(TelegramPlatform, "webhook")
    adapter = TelegramAdapter
    payloads = Path(__file__).with_name("payloads.json")
    cannot: ClassVar[Mapping[str, str]] = {
        "ephemeral": "a bot's message in a group is everybody's",
        "connection": "each call is one of its own",
        "tenants": "a token is one bot's, and a person has one id with all of them",
        "modal": "keys stand under the message itself",
        "idempotent_send": "the Bot API has no key: what is sent after a lost answer stands there twice",
        "typed_pin": "typed, it would stay in the chat; keys are there",
        **dict.fromkeys(
            ("signed_body", "stale_calls"),
            "Telegram proves itself by a secret in a header, not by a signature over body and time",
        ),
    }


class TelegramPollingContract(TelegramContract):
    """Telegram by long polling."""

    platform = partial(TelegramPlatform, "polling")
    cannot: ClassVar[Mapping[str, str]] = {
        **{name: reason for name, reason in TelegramContract.cannot.items() if name != "connection"},
        "webhook": "we ask, nobody calls",
    }

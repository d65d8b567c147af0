"""The contract on a platform that speaks signed webhooks."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from botpay.adapters.webhook import WebhookAdapter
from botpay.adapters.webhook.openapi import MESSAGES
from botpay.testing.contract import AdapterContract
from botpay.testing.platform import SLOW_DOWN_SECONDS, Absent, Call, Platform, Shown, Trouble
from botpay.testing.webhook import platform as fake
from botpay.testing.webhook.stage import WebhookStage, id_of

_ANSWERS: Mapping[Trouble, fake.Answer] = {
    Trouble.SLOW_DOWN: (429, {"Retry-After": str(SLOW_DOWN_SECONDS)}, {}),
    Trouble.AWAY: (502, {}, {}),
    Trouble.REFUSED: (400, {}, {}),
    Trouble.CLOSED: (404, {}, {"code": "unreachable"}),
    Trouble.REVOKED: (401, {}, {}),
}


class WebhookPlatform(WebhookStage, Platform):
    """A chat with alice, bob and the group "amis"; the id of a recorded payload is a digest of it."""

    secrets = (fake.SECRET, fake.ELSEWHERE)

    async def deliver(self, payload: Any) -> None:
        """Bring a deed until it is taken or refused; one of another tenant's as that tenant signs."""
        if isinstance(payload, dict) and "elsewhere" in payload:
            body = fake.written(payload["elsewhere"])
            await self.platform.post(body, fake.FakePlatform(fake.ELSEWHERE).sign(_id_of(body), body))
            return
        await self.platform.tell(payload, _id_of(fake.written(payload)))

    def screens(self) -> Mapping[str | None, Sequence[Shown]]:
        """What stands in the group and in the private chats."""
        shown: dict[str | None, list[Shown]] = {who: [] for who in (None, "alice", "bob")}
        for message in self.platform.now.values():
            who = None if message.to is None else message.to.removeprefix("u-")
            shown.setdefault(who, []).append(_shown(message))
        return shown

    async def press(self, who: str, label: str) -> None:
        """Press the newest button of a label."""
        found = [shown for shown in self.platform.seen_by(id_of(who)) if label in shown.tokens()]
        if not found:
            raise Absent(f"{who} has no button {label!r}")
        await self.tap(who, found[-1], found[-1].tokens()[label])

    def fail_next(self, trouble: Trouble) -> None:
        """Answer the next call so."""
        if trouble is Trouble.LOST:
            self.platform.loses += 1
        else:
            self.platform.answers.append(_ANSWERS[trouble])

    def call(self, body: bytes, *, seconds_ago: float = 0) -> Call:
        """Signed over id, time and body."""
        proofs = self.platform.sign(_id_of(body), body, at=time.time() - seconds_ago)
        return Call(MESSAGES, body, {"Content-Type": "application/json", **proofs}, tuple(proofs))


def _id_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _shown(message: fake.Shown) -> Shown:
    urls = {button["label"]: button["url"] for row in message.buttons for button in row if "url" in button}
    fetched = "https://" in message.text  # many a client does
    return Shown(message.ref, message.text, list(message.tokens()), message.by_bot, fetched, urls)


class WebhookContract(AdapterContract):
    """Signed webhooks."""

    platform = WebhookPlatform
    adapter = WebhookAdapter
    payloads = Path(__file__).with_name("payloads.json")
    cannot: ClassVar[Mapping[str, str]] = {
        "connection": "each call is one of its own",
        "ephemeral": "what is for one person goes to that person alone",
        "modal": "keys come with their message; where the client shows them is up to it",
        "suppress_previews": "whether links are fetched is up to the client",
        "typed_pin": "typed, it would stay in the chat; keys are there",
    }

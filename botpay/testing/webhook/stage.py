"""`WebhookStage`: the scenarios of botpay on a platform that speaks signed webhooks."""

import re
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from botpay.adapters.webhook import Tenant, WebhookAdapter, WebhookSettings
from botpay.message import Actor
from botpay.testing.mischief import Mischief
from botpay.testing.stage import Line, Manner, Stage
from botpay.testing.webhook.platform import ELSEWHERE, FakePlatform, Shown

TENANT, GROUP = "main", "amis"
_MENTION = re.compile(r"@(\w+)")


class WebhookStage(Stage):
    """People on a fake platform: a chat "amis" that all can read, and each one's private chat with the bot.

    Args:
        mischief: what goes wrong on the way, both ways.
    """

    def __init__(self, *, mischief: Mischief | None = None) -> None:
        self.platform = FakePlatform(mischief=mischief)
        self._people: set[str] = set()
        self._last: dict[str, tuple[str, dict[str, Any]]] = {}
        self._read = 0
        self._texts: dict[str, str] = {}

    async def start(self) -> None:
        """Start the platform and make the adapter for it."""
        await self.platform.__aenter__()
        tenant = Tenant(url=self.platform.url, secrets=(SecretStr(self.platform.secret),))
        other = Tenant(url=self.platform.url, secrets=(SecretStr(ELSEWHERE),))
        self.adapter = WebhookAdapter(WebhookSettings(tenants={TENANT: tenant, "elsewhere": other}))

    async def connect(self, base_url: str | None) -> None:
        """Say where the application's web server listens; before anybody speaks."""
        self.platform.connect(base_url or "")

    async def stop(self) -> None:
        """Stop the platform."""
        await self.platform.__aexit__()

    def actor(self, who: str) -> Actor:
        """A person as the adapter tells of them."""
        self._people.add(who)
        return Actor(WebhookAdapter.name, TENANT, id_of(who), handle=who)

    async def say(self, who: str, text: str, *, private: bool = False, manner: Manner = Manner.FRESH) -> None:
        """Let a person write. Returns once the bot has taken it."""
        self.actor(who)
        id_, message = self.platform.new_id(), self._message(who, text, private=private)
        if manner is Manner.AGAIN:
            id_, message = self._last[who]
        elif manner is not Manner.FRESH:
            message["flags"] = ["edited" if manner is Manner.EDIT else "forwarded"]
        else:
            self._last[who] = id_, message
            if private:
                self.platform.show(id_, id_of(who), text)
        await self._tell(message, id_)

    async def enter_pin(self, who: str, pin: str) -> None:
        """Press the keys of the newest keypad on a person's screen; where there is none, type it, as people would."""
        asked = [shown for shown in self.platform.seen_by(id_of(who)) if shown.keypad]
        if not asked:
            return await self.say(who, pin, private=True)
        for digit in pin:
            await self.tap(who, asked[-1], asked[-1].tokens()[digit])
        return None

    async def tap(self, who: str, shown: Shown, token: str) -> None:
        """Let a person press what stands behind a button of a message."""
        deed = self._deed(who, private=shown.to is not None)
        await self._tell({**deed, "type": "press", "token": token, "message": shown.ref}, self.platform.new_id())

    def take_lines(self) -> list[Line]:
        """What the bot has said since the last call; new dots of a keypad are no line."""
        fresh, self._read = self.platform.history[self._read :], len(self.platform.history)
        return [line for shown in fresh if (line := self._line(shown)) is not None]

    def _line(self, shown: Shown) -> Line | None:
        before, self._texts[shown.ref] = self._texts.get(shown.ref), shown.text
        if before == shown.text:
            return None
        return Line(None if shown.to is None else shown.to.removeprefix("u-"), shown.text)

    def _message(self, who: str, text: str, *, private: bool) -> dict[str, Any]:
        known = [match for match in _MENTION.finditer(text) if match[1] in self._people]
        spans = [{"kind": "mention", "start": m.start(), "end": m.end(), "id": id_of(m[1])} for m in known]
        return {**self._deed(who, private=private), "type": "message", "text": text, "spans": spans}

    def _deed(self, who: str, *, private: bool) -> dict[str, Any]:
        chat = {"id": id_of(who), "visibility": "private"} if private else {"id": GROUP, "visibility": "public"}
        return {"author": {"id": id_of(who), "handle": who}, "chat": chat, "said_at": datetime.now(UTC).isoformat()}

    async def _tell(self, deed: dict[str, Any], id_: str) -> None:
        status, answer = await self.platform.tell(deed, id_)
        if status != 200:
            raise AssertionError(f"the bot answered {status}: {answer}")


def id_of(who: str) -> str:
    """The platform's id of a person."""
    return f"u-{who}"

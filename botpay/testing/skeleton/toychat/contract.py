"""A fake Toychat, and the contract of the adapter on it.

Put your platform's ways here where (*) stands: the real payloads into payloads.json, the real calls into `_said`.
"""

import hashlib
import hmac
import html
import itertools
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
from aiohttp import web
from pydantic import SecretStr

from botpay.message import Actor
from botpay.testing.contract import AdapterContract
from botpay.testing.platform import SLOW_DOWN_SECONDS, Call, Platform, Shown, Trouble
from botpay.testing.stage import Manner
from toychat.adapter import ToychatAdapter, ToychatSettings

TOKEN, SECRET = "token-of-a-toy", "secret-of-a-toy"
GROUP = "room"
LONGEST = 2000
STATUSES = {
    Trouble.SLOW_DOWN: 429,
    Trouble.AWAY: 502,
    Trouble.LOST: 502,
    Trouble.REFUSED: 400,
    Trouble.CLOSED: 403,
    Trouble.REVOKED: 401,
}


class ToychatPlatform(Platform):
    """Toychat on 127.0.0.1, with alice, bob and whoever else speaks."""

    secrets = (TOKEN, SECRET)

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[str, dict[str, dict[str, Any]]] = {GROUP: {}, "id-alice": {}, "id-bob": {}}
        self._keys: dict[str, str] = {}
        self._troubles: list[Trouble] = []
        self._numbers = itertools.count(1)
        self._last: dict[str, Any] = {}
        self._base_url = ""

    async def start(self) -> None:
        """Listen, and make the adapter."""
        app = web.Application()
        app.add_routes([web.post("/say", self._on_say)])
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.adapter = ToychatAdapter(
            ToychatSettings(token=SecretStr(TOKEN), signing_secret=SecretStr(SECRET), base_url=f"http://{host}:{port}")
        )

    async def stop(self) -> None:
        """Close."""
        await self._runner.cleanup()

    async def connect(self, base_url: str | None) -> None:
        """Learn where to call the adapter."""
        self._base_url = str(base_url)

    # What people do

    def actor(self, who: str) -> Actor:
        """As the adapter tells of them."""
        self._places.setdefault(f"id-{who}", {})
        return Actor("toychat", "main", f"id-{who}", handle=who, name=who.title())

    async def say(self, who: str, text: str, *, private: bool = False, manner: Manner = Manner.FRESH) -> None:
        """Let a person write: a new event, the last one again, an edit, or somebody else's words."""
        if manner is not Manner.AGAIN:
            flags = {Manner.EDIT: ["edited"], Manner.FORWARD: ["forwarded"]}.get(manner, [])
            self._last = self._event(who, private, text=text, flags=flags)
        await self.deliver(self._last)

    async def press(self, who: str, label: str) -> None:
        """Press the newest button of that label."""
        place = self._places[f"id-{who}"]
        for ref, message in reversed(place.items()):
            for button in message["buttons"]:
                if button["label"] == label:
                    return await self.deliver(self._event(who, True, kind="press", message=ref, token=button["token"]))
        raise LookupError(f"{who} sees no button {label!r}")

    async def deliver(self, payload: Any) -> None:
        """Call the adapter until it answers 2xx, or 4xx, or for the fourth time anything else (*)."""
        call = self.call(json.dumps(payload).encode())
        async with aiohttp.ClientSession() as session:
            for _ in range(4):
                async with session.post(self._base_url + call.path, data=call.body, headers=call.headers) as answer:
                    if answer.status < 500:
                        return

    def call(self, body: bytes, *, seconds_ago: float = 0) -> Call:
        """Signed over time and body (*)."""
        stamp = str(int(time.time() - seconds_ago))
        proof = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        return Call(
            "/toychat", body, {"Toychat-Time": stamp, "Toychat-Signature": proof}, ("Toychat-Time", "Toychat-Signature")
        )

    def _event(self, who: str, private: bool, **more: Any) -> dict[str, Any]:
        """As payloads.json has them (*)."""
        number = f"m{next(self._numbers)}"
        actor = self.actor(who)
        room = {"id": actor.id if private else GROUP, "private": private}
        by = {"id": actor.id, "handle": actor.handle, "name": actor.name, "bot": False}
        event = {"kind": "message", "id": f"e-{number}", "at": 1767600000, "room": room, "by": by, "message": number}
        return event | {"text": "", "marks": [], "answers": None, "flags": [], "token": None} | more

    # What the bot does

    def fail_next(self, trouble: Trouble) -> None:
        """Fail the next call."""
        self._troubles.append(trouble)

    def screens(self) -> Mapping[str | None, Sequence[Shown]]:
        """What stands in the room and in the private chats."""
        shown = {place: self._shown(messages) for place, messages in self._places.items()}
        return {None: shown.pop(GROUP), **{place.removeprefix("id-"): lines for place, lines in shown.items()}}

    async def _on_say(self, request: web.Request) -> web.Response:
        content = await request.json()
        trouble = self._troubles.pop(0) if self._troubles else None
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            trouble = Trouble.REVOKED
        if trouble is not None and trouble is not Trouble.LOST:
            return web.Response(status=STATUSES[trouble], headers={"Retry-After": str(SLOW_DOWN_SECONDS)})
        where = content.get("person") or content.get("room")
        place = self._places.get(where)
        if place is None or ("person" in content) == (where == GROUP) or len(html.unescape(content["text"])) > LONGEST:
            return web.Response(status=404)
        ref = self._said(place, content)
        return web.Response(status=502) if trouble else web.json_response({"message": ref})

    def _said(self, place: dict[str, dict[str, Any]], content: dict[str, Any]) -> str | None:
        """Say, change or take back: what Toychat does with a call (*)."""
        if content["deletes"] is not None:
            place.pop(content["deletes"], None)
            return None
        ref = content["replaces"] if content["replaces"] in place else None
        ref = ref or self._keys.setdefault(content["key"], f"b{next(self._numbers)}")
        buttons = [button for row in content["buttons"] for button in row]
        place[ref] = {"text": html.unescape(content["text"]), "buttons": buttons, "order": next(self._numbers)}
        return ref

    def _shown(self, messages: Mapping[str, dict[str, Any]]) -> list[Shown]:
        return [
            Shown(
                ref,
                message["text"],
                order=message["order"],
                labels=[button["label"] for button in message["buttons"]],
                urls={button["label"]: button["url"] for button in message["buttons"] if button["url"]},
            )
            for ref, message in messages.items()
        ]


class ToychatContract(AdapterContract):
    """All that botpay relies on. What your platform cannot goes into `cannot`, each with its reason (*)."""

    adapter = ToychatAdapter
    platform = ToychatPlatform
    payloads = Path(__file__).with_name("payloads.json")
    cannot: ClassVar[Mapping[str, str]] = {
        "ephemeral": "what is for one person is said in private",
        "modal": "keys stand under the message",
        "delete_incoming": "people delete their own messages",
        "typed_pin": "typed, it would stay in the chat; keys are there",
        "connection": "each call is one of its own",
        "tenants": "there is one Toychat",
        "via_bot": "nobody writes in somebody else's name",
        "automatic": "nothing is sent without a person",
    }

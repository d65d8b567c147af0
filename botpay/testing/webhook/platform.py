"""The platform: takes what the bot says, as an operator's own chat would, and tells it what people do."""

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Self

import aiohttp
from aiohttp import web

from botpay.testing.mischief import Harm, Mischief

SECRET = "whsec_" + base64.b64encode(b"a secret for tests, 32 bytes long").decode()
ELSEWHERE = "whsec_" + base64.b64encode(b"the secret of another tenant, 32").decode()
_PATIENCE_TRIES = 20
_WINDOW_SECONDS = 300
_FIELDS = {
    "message": {"type", "visibility", "to", "chat", "text", "keypad", "buttons", "replaces"},
    "delete": {"type", "message"},
    "ping": {"type"},
}

Answer = tuple[int, dict[str, str], dict[str, Any]]
"""Status, headers and JSON body of an answer."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Something on a screen: in a person's private chat (`to`), or in a chat that all can read."""

    ref: str
    to: str | None
    chat: str | None
    text: str
    keypad: dict[str, Any] | None = None
    buttons: tuple[tuple[dict[str, Any], ...], ...] = ()
    by_bot: bool = True

    def tokens(self) -> dict[str, str]:
        """The tokens of its keys and buttons, by their labels."""
        rows = [*(self.keypad or {}).get("rows", ()), *self.buttons]
        return {button["label"]: button["token"] for row in rows for button in row if "token" in button}


class FakePlatform:
    """A chat platform with one secret for both ways; `async with FakePlatform() as platform`.

    Attributes:
        history: what was shown and replaced, oldest first.
        now: what is on the screens, by ref.
        ids: the webhook-id of every call, also of those that were harmed.
        answers: what the next calls get instead of being taken, one each.
        loses: how many of the next answers get lost after the call was taken.
        holding: calls wait for it, if it is given.
        unreachable: people whom the bot cannot write to.
    """

    def __init__(self, secret: str = SECRET, *, names_refs: bool = True, mischief: Mischief | None = None) -> None:
        self.secret, self._names_refs, self._mischief = secret, names_refs, mischief
        self.history: list[Shown] = []
        self.now: dict[str, Shown] = {}
        self.deleted: list[str] = []
        self.ids: list[str] = []
        self.answers: list[Answer] = []
        self.loses = 0
        self.holding: asyncio.Event | None = None
        self.unreachable: set[str] = set()
        self._taken: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)
        self._base_url = ""

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_post("/botpay", self._take)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/botpay"
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        await self._runner.cleanup()

    def connect(self, base_url: str) -> None:
        """Say where botpay's web server listens."""
        self._base_url = base_url

    # What people do

    def new_id(self) -> str:
        """A webhook-id that was never used."""
        return f"wh-{next(self._numbers)}"

    def sign(self, id_: str, body: bytes, *, at: float | None = None) -> dict[str, str]:
        """The headers of a signed delivery."""
        timestamp = str(int(time.time() if at is None else at))
        return {
            "webhook-id": id_,
            "webhook-timestamp": timestamp,
            "webhook-signature": mac_of(self.secret, id_, timestamp, body),
        }

    async def post(self, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """One delivery, as it stands: the status and body of the answer."""
        given = {"Content-Type": "application/json"} | headers
        async with self._session.post(f"{self._base_url}/webhook/messages", data=body, headers=given) as response:
            return response.status, await response.json()

    async def tell(self, deed: dict[str, Any], id_: str | None = None) -> tuple[int, dict[str, Any]]:
        """Deliver what a person did until it is taken or refused; twice or late where mischief has it so."""
        id_, body = id_ or self.new_id(), written(deed)
        copies = self._mischief.copies() if self._mischief else 1
        answers = await asyncio.gather(*(self._deliver(id_, body) for _ in range(copies)))
        return answers[0]

    async def _deliver(self, id_: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if self._mischief:
            await asyncio.sleep(self._mischief.delay_seconds())
        for _ in range(_PATIENCE_TRIES):
            status, answer = await self.post(body, self.sign(id_, body))
            if status != HTTPStatus.SERVICE_UNAVAILABLE:
                return status, answer
            await asyncio.sleep(0.05)
        raise TimeoutError("botpay never took it")

    def show(self, id_: str, person: str, text: str) -> None:
        """Let what a person wrote stand in their private chat with the bot."""
        self.now[id_] = Shown(id_, person, None, text, by_bot=False)

    # What the bot says

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        id_ = self._verified(request, body)
        self.ids.append(id_)
        if self.holding is not None:
            await self.holding.wait()
        if self.answers:
            status, headers, said = self.answers.pop(0)
            return web.json_response(said, status=status, headers=headers)
        harm = self._mischief.of_call() if self._mischief else None
        if harm is Harm.TOO_FAST:
            return web.Response(status=429, headers={"Retry-After": "0"})
        if harm is Harm.BROKEN:
            return web.Response(status=502)
        if id_ not in self._taken:
            said = json.loads(body)
            _check(said)
            if said.get("to", "u-") in self.unreachable or not said.get("to", "u-").startswith("u-"):
                return web.json_response({"code": "unreachable"}, status=404)
            self._taken[id_] = self._do(id_, said)
        lost, self.loses = harm is Harm.LOST or self.loses > 0, max(self.loses - 1, 0)
        return web.Response(status=500) if lost else web.json_response(self._taken[id_])

    def _verified(self, request: web.Request, body: bytes) -> str:
        keys = (self.secret, ELSEWHERE)
        id_, timestamp, given = (request.headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
        if abs(time.time() - int(timestamp)) > _WINDOW_SECONDS or not any(
            mac_of(key, id_, timestamp, body) in given.split() for key in keys
        ):
            raise web.HTTPUnauthorized
        return id_

    def _do(self, id_: str, said: dict[str, Any]) -> dict[str, Any]:
        if said["type"] == "delete":
            self.deleted.append(said["message"])
            self.now.pop(said["message"], None)
            return {}
        if said["type"] == "ping":
            return {}
        ref = said.get("replaces") or (f"n{next(self._numbers)}" if self._names_refs else id_)
        buttons = tuple(tuple(row) for row in said.get("buttons", ()))
        shown = Shown(ref, said.get("to"), said.get("chat"), said["text"], said.get("keypad"), buttons)
        if (before := self.now.get(ref)) and (before.to, before.chat) != (shown.to, shown.chat):
            raise AssertionError("something private took the place of something public, or the reverse")
        self.history.append(shown)
        self.now.pop(ref, None)
        self.now[ref] = replace(shown)
        return {"ref": ref} if self._names_refs else {}

    def seen_by(self, person: str) -> Sequence[Shown]:
        """What stands in a person's private chat now, the last changed last."""
        return [shown for shown in self.now.values() if shown.to == person]


def mac_of(secret: str, id_: str, timestamp: str, body: bytes) -> str:
    """The signature of a body with a secret."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()


def written(deed: Any) -> bytes:
    """The body in which this platform tells of a deed."""
    return json.dumps(deed).encode()


def _check(said: dict[str, Any]) -> None:
    """What a client may rely on: only known fields, and one place, which goes with the visibility."""
    unknown = set(said) - _FIELDS[said["type"]]
    if unknown:
        raise AssertionError(f"unknown fields: {sorted(unknown)}")
    if said["type"] == "message" and {"to", "chat"} & set(said) != {
        "to" if said["visibility"] == "private" else "chat"
    }:
        raise AssertionError("a message names the one place that goes with its visibility")

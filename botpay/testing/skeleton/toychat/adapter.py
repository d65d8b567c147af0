"""Toychat as botpay sees it. What is marked (*) is Toychat's own way: put your platform's there."""

import html
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from pydantic import SecretStr

from botpay import message as m
from botpay.adapters import base, http
from botpay.adapters.offsets import from_utf16


class ToychatSettings(base.AdapterSettings):
    """The section [adapters.toychat] of botpay.toml; what must stay secret is a `SecretStr`."""

    token: SecretStr
    signing_secret: SecretStr
    base_url: str = "https://api.toychat.example"


class ToychatAdapter(base.Adapter):
    """Toychat calls us for what people do, and we call it for what the bot says."""

    contract = 1
    name = "toychat"
    Settings = ToychatSettings
    capabilities = m.Capabilities(  # (*)
        edit=True, delete_own=True, buttons=True, url_buttons=True, suppress_previews=True,
        idempotent_send=True, mention_by_id=True, redelivers=True, max_text=2000,
    )  # fmt: skip

    def __init__(self, settings: ToychatSettings) -> None:
        is_genuine = http.Signed(settings.signing_secret, time="Toychat-Time", signature="Toychat-Signature")  # (*)
        self._hook = http.Hook("/toychat", is_genuine, translate)
        self._api = http.Client(settings.base_url, {"Authorization": f"Bearer {settings.token.get_secret_value()}"})

    def routes(self) -> Sequence[web.RouteDef]:
        """Where Toychat calls us."""
        return self._hook.routes()

    async def start(self, receive: base.Receive) -> None:
        """Connect, and let Toychat in."""
        await self._api.open()
        self._hook.open(receive)

    async def stop(self) -> None:
        """Let nobody in any more, finish what is under way, hang up."""
        await self._hook.close()
        await self._api.close()

    async def send(self, outbound: m.Outbound) -> m.Receipt:
        """Say, change or take back a message (*). Private words go to a person, never to a room."""
        is_private = outbound.visibility is m.Visibility.PRIVATE
        said = {
            "key": outbound.id,
            "person" if is_private else "room": outbound.to if is_private else outbound.chat,
            "text": html.escape(outbound.text, quote=False),  # Toychat reads mark-up: a payee's name must have none
            "footer": outbound.keypad.shown if outbound.keypad else "",
            "buttons": [[{"label": b.label, "token": b.token, "url": b.url} for b in row] for row in outbound.rows],
            "replaces": outbound.replaces,
            "deletes": outbound.deletes,
        }
        return m.Receipt((await self._api.post("/say", said))["message"])


def translate(event: dict[str, Any]) -> m.Inbound | None:
    """What a person did, or None for all else (*). Pure; nonsense raises what it likes, and is answered 400."""
    if event["kind"] not in ("message", "press"):
        return None
    text, room = str(event["text"]), event["room"]
    return m.Inbound(
        adapter="toychat",
        tenant="main",
        event_id=str(event["id"]),  # the same for each delivery of the same thing, and another for an edit
        chat=m.Chat(str(room["id"]), m.Visibility.PRIVATE if room["private"] is True else m.Visibility.PUBLIC),
        author=person(event["by"]),
        said_at=datetime.fromtimestamp(event["at"], UTC),
        text=m.SecretText(text),
        spans=tuple(span(text, mark) for mark in event["marks"]),
        reply_to=person(event["answers"]),
        flags=frozenset(map(m.Flag, event["flags"])),
        press=m.Press(str(event["token"]), str(event["message"])) if event["kind"] == "press" else None,
        me=("toybot",),
        message_ref=str(event["message"]),
    )


def person(who: dict[str, Any] | None) -> m.Actor | None:
    """By the id that never changes: handle and name are labels. Nobody, for bots and for who is not named (*)."""
    return m.Actor("toychat", "main", str(who["id"]), who["handle"], who["name"]) if who and not who["bot"] else None


def span(text: str, mark: dict[str, Any]) -> m.Span:
    """A mention, code, quote or link; Toychat counts UTF-16 units (*)."""
    return m.Span(m.SpanKind(mark["kind"]), from_utf16(text, mark["start"]), from_utf16(text, mark["end"]), mark["id"])

"""How Slack brings what happened to an app: signed requests, or envelopes on a WebSocket."""

import asyncio
import itertools
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from slack_sdk.signature import SignatureVerifier

Kind = Literal["events_api", "slash_commands", "interactive", "url_verification"]

ANSWER_SECONDS = 3.0
MAX_ATTEMPTS = 4  # the first, and three retries
REASONS = {0: "http_timeout"}


@dataclass
class Delivery:
    """Something that the app is told, and how often it was tried.

    Attributes:
        by: the person whose doing it tells.
        statuses: the HTTP status of each attempt; 0 where nobody answered in time. A WebSocket's
            acknowledgement counts as 200.
        answer: what the last answer held, as JSON.
    """

    kind: Kind
    by: str
    payload: Mapping[str, Any]
    statuses: list[int] = field(default_factory=list)
    answer: Any = None
    no_retry: bool = False

    @property
    def is_acknowledged(self) -> bool:
        """Whether the last attempt was taken."""
        return bool(self.statuses) and 200 <= self.statuses[-1] < 300

    @property
    def is_waiting(self) -> bool:
        """Whether Slack will try again: events only, up to three times."""
        tried_out = len(self.statuses) >= MAX_ATTEMPTS or self.no_retry
        return self.kind == "events_api" and not self.is_acknowledged and not tried_out

    @property
    def retry_reason(self) -> str:
        """Why it is tried again, as Slack calls it."""
        return REASONS.get(self.statuses[-1], "http_error") if self.statuses else ""


class Carrier(Protocol):
    """One way to the app."""

    async def carry(self, delivery: Delivery) -> None:
        """Try once, and note the outcome in the delivery."""


class HttpCarrier:
    """Signed requests to the app's Request URL (https://docs.slack.dev/apis/events-api)."""

    def __init__(self, signing_secret: str) -> None:
        self.url: str | None = None
        self._verifier = SignatureVerifier(signing_secret)
        self._session: aiohttp.ClientSession | None = None

    async def carry(self, delivery: Delivery) -> None:
        """Post it, within three seconds."""
        body, content_type = encode(delivery)
        headers = {"Content-Type": content_type, **self.sign(body)}
        if delivery.statuses:
            headers |= {"X-Slack-Retry-Num": str(len(delivery.statuses)), "X-Slack-Retry-Reason": delivery.retry_reason}
        try:
            async with self._client().post(str(self.url), data=body, headers=headers) as answer:
                delivery.answer = await answer.json() if answer.content_type == "application/json" else None
                delivery.no_retry = answer.headers.get("X-Slack-No-Retry") == "1"
                delivery.statuses.append(answer.status)
        except (aiohttp.ClientError, TimeoutError):
            delivery.statuses.append(0)

    def sign(self, body: bytes, timestamp: float | None = None) -> dict[str, str]:
        """The headers that prove to the app that a body is Slack's."""
        at = str(int(time.time() if timestamp is None else timestamp))
        signature = self._verifier.generate_signature(timestamp=at, body=body)
        return {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": str(signature)}

    async def close(self) -> None:
        """Close the connections to the app."""
        if self._session is not None:
            await self._session.close()

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS))
        return self._session


def encode(delivery: Delivery) -> tuple[bytes, str]:
    """The body and its content type: JSON for events, a form for commands, JSON in a form for presses."""
    if delivery.kind in ("events_api", "url_verification"):
        return json.dumps(delivery.payload).encode(), "application/json"
    form = delivery.payload if delivery.kind == "slash_commands" else {"payload": json.dumps(delivery.payload)}
    return urlencode(form).encode(), "application/x-www-form-urlencoded"


class SocketCarrier:
    """Envelopes over the app's WebSockets (https://docs.slack.dev/apis/events-api/using-socket-mode).

    Attributes:
        answer_seconds: how long an envelope waits for its acknowledgement.
    """

    def __init__(self, app_id: str) -> None:
        self.answer_seconds = ANSWER_SECONDS
        self.connected = asyncio.Event()
        self._renewed = asyncio.Event()
        self._app_id = app_id
        self._sockets: list[web.WebSocketResponse] = []
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._turns = self._take_turns()

    async def carry(self, delivery: Delivery) -> None:
        """Send it to one connection after the other, and wait for its acknowledgement."""
        envelope_id = f"envelope-{next(self._numbers)}"
        answered = self._waiting[envelope_id] = asyncio.get_running_loop().create_future()
        envelope = {
            "envelope_id": envelope_id,
            "type": delivery.kind,
            "payload": delivery.payload,
            "accepts_response_payload": delivery.kind != "events_api",
        }
        if delivery.kind == "events_api":
            reason = "timeout" if delivery.statuses else ""
            envelope |= {"retry_attempt": len(delivery.statuses), "retry_reason": reason}
        try:
            async with asyncio.timeout(self.answer_seconds):
                await self.connected.wait()
                await next(self._turns).send_json(envelope)
                delivery.answer = await answered
            delivery.statuses.append(200)
        except (TimeoutError, ConnectionError):
            delivery.statuses.append(0)
        finally:
            del self._waiting[envelope_id]

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One connection, until it closes."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        info = {"app_id": self._app_id}
        await socket.send_json({"type": "hello", "num_connections": len(self._sockets) + 1, "connection_info": info})
        self._sockets.append(socket)
        self.connected.set()
        self._renewed.set()
        try:
            async for message in socket:
                self._acknowledge(message.json())
        finally:
            self._sockets.remove(socket)
            if not self._sockets:
                self.connected.clear()
        return socket

    async def refresh(self) -> None:
        """Ask every connection to be renewed, as Slack does now and then, and return once one was."""
        self._renewed.clear()
        for socket in list(self._sockets):
            await socket.send_json({"type": "disconnect", "reason": "refresh_requested"})
        async with asyncio.timeout(self.answer_seconds):
            await self._renewed.wait()

    async def close(self) -> None:
        """Close every connection."""
        for socket in list(self._sockets):
            await socket.close()

    def _take_turns(self) -> Iterator[web.WebSocketResponse]:
        for number in itertools.count():
            yield self._sockets[number % len(self._sockets)]

    def _acknowledge(self, answer: Mapping[str, Any]) -> None:
        waiting = self._waiting.get(str(answer.get("envelope_id")))
        if waiting is not None and not waiting.done():
            waiting.set_result(answer.get("payload"))

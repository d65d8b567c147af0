"""Calls of the homeserver, by matrix-nio, with its errors as ours. No text of the server's is kept: it may quote us."""

import asyncio
import json
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import nio

from botpay.adapters.matrix.settings import MatrixSettings
from botpay.errors import DeliveryError, Forbidden, Permanent, RetryAfter, Transient

SYNC_SECONDS = 30
PAGE = 100
_V3 = "/_matrix/client/v3"
_WAIT_IF_UNTOLD_SECONDS = 5.0
_AGAIN_AFTER_SECONDS = (0.05, 0.2)
_QUICK_SECONDS = 1.0
_OUR_RIGHTS = frozenset({"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED", "M_USER_SUSPENDED"})

# Only what is read; a page of each room's timeline, so that gaps are rare, and no presence or receipts.
_FILTER = {
    "presence": {"types": []},
    "account_data": {"types": []},
    "room": {
        "account_data": {"types": []},
        "ephemeral": {"types": []},
        "state": {"types": ["m.room.member"], "lazy_load_members": True},
        "timeline": {"limit": PAGE},
    },
}
_NOTHING_OLD = {**_FILTER, "room": {"timeline": {"limit": 1}, "state": {"types": []}}}

Event = Mapping[str, Any]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class RoomNews:
    """What is new in a room: its timeline, from where to ask for what it leaves out, and whether its state changed."""

    events: Sequence[Event]
    gap_before: str | None
    changed: bool


@dataclass(frozen=True, slots=True)
class News:
    """An answer of `/sync`: the rooms the bot is in, and the invitations with what is told of their rooms."""

    next_batch: str
    joined: Mapping[str, RoomNews]
    invited: Mapping[str, Sequence[Event]]


class MatrixFault(Permanent):
    """The homeserver refused this call and will again; `code` is its own name for the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the homeserver refuses this: {code}")
        self.code = code


class MatrixApi:
    """The homeserver with one token. `open` it before, `close` it after; every call raises `DeliveryError`s.

    It takes up to three look-ups to know where a letter goes, and one to take a message. One that fails fast is made
    again at once: else a homeserver that fails a fifth of its calls would fail more than half of all letters. One that
    is slow to fail, or asks for a longer rest, is left in peace; and to send what people see again is for the outbox.
    """

    def __init__(self, settings: MatrixSettings) -> None:
        self._settings = settings
        self._client: nio.AsyncClient | None = None
        self._changing_direct = asyncio.Lock()
        self.user_id = ""

    async def open(self) -> None:
        """Learn whose token it is."""
        logging.getLogger("nio").setLevel(logging.CRITICAL + 1)  # it logs answers, which hold what people write
        config = nio.AsyncClientConfig(
            max_limit_exceeded=0, max_timeouts=0, request_timeout=self._settings.timeout_seconds
        )
        client = self._client = _QuietClient(self._settings.homeserver, config=config)
        client.access_token = self._settings.access_token.get_secret_value()
        me = await self._answer(client.whoami)
        self.user_id = me.user_id
        client.restore_login(me.user_id, me.device_id or "", self._settings.access_token.get_secret_value())

    async def close(self) -> None:
        """Hang up."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def sync(self, since: str | None) -> News:
        """What is new; waits for it if there is a `since`, else says from where to begin, with nothing old."""
        wanted = json.dumps(_FILTER if since else _NOTHING_OLD, separators=(",", ":"))
        query = {"filter": wanted, "set_presence": "offline"}
        if since:
            query |= {"since": since, "timeout": str(SYNC_SECONDS * 1000)}
        seconds = SYNC_SECONDS + self._settings.timeout_seconds
        return news_of(await self._raw("GET", f"sync?{urlencode(query)}", seconds=seconds))

    async def state(self, room_id: str) -> Sequence[Event]:
        """The state of a room, each event as it is."""
        events: Sequence[Event] = (await self._answer(lambda: self._ready().room_get_state(room_id))).events
        return events

    async def send(self, room_id: str, content: Mapping[str, Any], key: str) -> str:
        """Send a message; the same key again is the same message. Returns its id."""
        sent = await self._once(self._ready().room_send(room_id, "m.room.message", dict(content), tx_id=key))
        return str(sent.event_id)

    async def redact(self, room_id: str, event_id: str, key: str) -> None:
        """Take an event's content away."""
        await self._once(self._ready().room_redact(room_id, event_id, tx_id=key))

    async def event(self, room_id: str, event_id: str) -> Event | None:
        """An event, as it is; None if there is no such event, or it was redacted."""
        try:
            found = await self._read(_path("rooms", room_id, "event", event_id))
        except MatrixFault:
            return None
        return found if found.get("content") else None

    async def gap(self, room_id: str, start: str, since: str) -> Sequence[Event]:
        """What stands between `since` and `start`, newest first; pages until there is no more."""
        found: list[Event] = []
        at: object = start
        while isinstance(at, str):
            query = {"from": at, "to": since, "dir": "b", "limit": str(PAGE)}
            page = await self._read(_path("rooms", room_id, "messages"), query)
            found += dicts(page.get("chunk"))
            at = page.get("end") if page.get("chunk") and page.get("end") != at else None
        return found

    async def join(self, room_id: str) -> None:
        """Enter a room."""
        await self._answer(lambda: self._ready().join(room_id))

    async def leave(self, room_id: str) -> None:
        """Leave a room, or decline the invitation to it."""
        await self._answer(lambda: self._ready().room_leave(room_id))

    async def create_direct(self, user_id: str) -> str:
        """A new room for somebody and us alone: not encrypted, and nobody can read what was said before they came."""
        visible = {"type": "m.room.history_visibility", "state_key": "", "content": {"history_visibility": "invited"}}
        created = await self._once(
            self._ready().room_create(
                preset=nio.RoomPreset.private_chat, is_direct=True, invite=[user_id], initial_state=[visible]
            )
        )
        return str(created.room_id)

    async def direct_rooms(self) -> dict[str, list[str]]:
        """The rooms that the bot's account knows as direct ones, by person (m.direct)."""
        try:
            found = (await self._answer(lambda: self._ready().list_direct_rooms())).rooms
        except MatrixFault:
            return {}
        return {user: [*map(str, rooms)] for user, rooms in found.items() if isinstance(rooms, list)}

    async def put_first(self, user_id: str, room_id: str) -> None:
        """Have `direct_rooms` give this room as somebody's first. Of two changes at once none undoes the other."""
        async with self._changing_direct:
            known = await self.direct_rooms()
            of_user = known.get(user_id, [])
            if of_user[:1] != [room_id]:
                rooms = {**known, user_id: [room_id, *(one for one in of_user if one != room_id)]}
                path = _path("user", self.user_id, "account_data", "m.direct")
                await _quickly(lambda: self._raw("PUT", path, json.dumps(rooms)))

    async def _read(self, path: str, query: Mapping[str, str] | None = None) -> Event:
        return await _quickly(lambda: self._raw("GET", path + (f"?{urlencode(query)}" if query else "")))

    async def _raw(self, method: str, path: str, body: str | None = None, seconds: float | None = None) -> Event:
        """An answer as it is. What holds other people's events is read so: one odd event makes matrix-nio raise."""
        client = self._ready()
        headers = {"Authorization": f"Bearer {self._settings.access_token.get_secret_value()}"}
        try:
            answer = await client.send(method, f"{_V3}/{path}", body, headers, timeout=seconds)
            said = _object(await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            fault: DeliveryError = _away(error)
        else:
            if answer.status == HTTPStatus.OK:
                return said
            fault = _fault(answer.status, said.get("errcode"), said.get("retry_after_ms"))
        raise fault

    def _ready(self) -> nio.AsyncClient:
        if self._client is None:
            raise Transient("the adapter is not started")
        return self._client

    async def _answer(self, call: Callable[[], Awaitable[Answer | nio.ErrorResponse]]) -> Answer:
        return await _quickly(lambda: self._once(call()))

    async def _once(self, call: Awaitable[Answer | nio.ErrorResponse]) -> Answer:
        fault: DeliveryError
        try:
            answer = await call
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            fault = _away(error)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            fault = Transient(f"the homeserver's answer makes no sense ({type(error).__name__})")
        else:
            if not isinstance(answer, nio.ErrorResponse):
                return answer
            status = answer.transport_response.status if answer.transport_response is not None else 0
            fault = _fault(status, answer.status_code, answer.retry_after_ms)
        raise fault


async def _quickly(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """What a call that can be made twice answers, made again where it failed fast."""
    until = time.monotonic() + _QUICK_SECONDS
    for most in _AGAIN_AFTER_SECONDS:
        try:
            return await call()
        except (Transient, RetryAfter) as error:
            asked_for = error.seconds if isinstance(error, RetryAfter) else 0
            pause = max(asked_for, random.uniform(most / 2, most))  # noqa: S311 - jitter, not a secret
            if time.monotonic() + pause > until:
                raise
        await asyncio.sleep(pause)
    return await call()


class _QuietClient(nio.AsyncClient):  # type: ignore[misc] # matrix-nio ships no types
    """A client whose repr does not show its token."""

    def __repr__(self) -> str:
        return "<AsyncClient>"


def news_of(answer: Event) -> News:
    """What an answer of `/sync` holds, as far as it makes sense."""
    rooms = _dict(answer.get("rooms"))
    next_batch = answer.get("next_batch")
    if not isinstance(next_batch, str):
        raise Transient("the homeserver's answer makes no sense")
    joined = {room_id: _joined(_dict(info)) for room_id, info in _dict(rooms.get("join")).items()}
    invited = {
        room_id: dicts(_dict(_dict(info).get("invite_state")).get("events"))
        for room_id, info in _dict(rooms.get("invite")).items()
    }
    return News(next_batch, joined, invited)


def dicts(value: object) -> list[Event]:
    """Those of a list that are objects."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _joined(info: Event) -> RoomNews:
    timeline = _dict(info.get("timeline"))
    prev_batch = timeline.get("prev_batch")
    before = prev_batch if timeline.get("limited") is True and isinstance(prev_batch, str) else None
    changed = bool(dicts(_dict(info.get("state")).get("events")))
    return RoomNews(dicts(timeline.get("events")), before, changed)


def _dict(value: object) -> Event:
    return value if isinstance(value, dict) else {}


def _path(*parts: str) -> str:
    return "/".join(quote(part, safe="") for part in parts)


def _object(body: bytes) -> Event:
    try:
        return _dict(json.loads(body))
    except (ValueError, RecursionError):
        return {}


def _away(error: BaseException) -> Transient:
    return Transient(f"the homeserver could not be reached ({type(error).__name__})")


def _fault(status: int, code: object, retry_after_ms: object) -> DeliveryError:
    """Our error for the homeserver's (https://spec.matrix.org/latest/client-server-api/#standard-error-response)."""
    if code == "M_LIMIT_EXCEEDED" or status == HTTPStatus.TOO_MANY_REQUESTS:
        seconds = retry_after_ms / 1000 if isinstance(retry_after_ms, int) else _WAIT_IF_UNTOLD_SECONDS
        return RetryAfter(seconds, everywhere=True)  # Matrix counts by account
    if code in _OUR_RIGHTS:
        return Forbidden("the homeserver does not take the bot's access token any more")
    if not isinstance(code, str) or not HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Transient(f"the homeserver answered {status}")
    return MatrixFault(code)

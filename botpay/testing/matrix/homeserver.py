"""The homeserver over HTTP: the calls that matrix-nio makes for a bot, as strict as the specification has them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

from botpay.testing.matrix.world import SERVER, Event, Refused, Room, World
from botpay.testing.mischief import Harm, Mischief

BOT = f"@botpay:{SERVER}"
TOKEN = "syt_a-token-of-a-fake"  # noqa: S105 - opens nothing but this fake
_V3 = "/_matrix/client/v3"
_LONGEST_BODY = 65_536

Json = dict[str, Any] | list[Any]
Handler = Callable[[web.Request, str], Awaitable[Json]]


@dataclass(frozen=True, slots=True)
class Fault:
    """How the next message that is sent goes wrong; `lost`: it is sent, and the answer is not this one's."""

    status: int
    code: str
    retry_after_ms: int | None = None
    lost: bool = False


class FakeHomeserver:
    """A homeserver with one bot on it; `async with FakeHomeserver() as homeserver`.

    Attributes:
        world: its rooms; people act there directly.
        faults: what the next calls of `send` get, one each.
        sync_faults: what the next calls of `sync` get, one each.
        other_faults: what the bot's next calls get that show nothing to anybody, one each; None lets one pass.
        heard: how far in the stream the bot has acknowledged what it was told.
    """

    def __init__(self, *, mischief: Mischief | None = None) -> None:
        self.world = World()
        self.faults: list[Fault | None] = []
        self.sync_faults: list[Fault | None] = []
        self.other_faults: list[Fault | None] = []
        self.heard = 0
        self._mischief = mischief
        self._tokens = {TOKEN: BOT}
        self._done: dict[tuple[str, str], Json] = {}
        self._account_data: dict[tuple[str, str], Json] = {}
        self._told: dict[str, int] = {}
        self.world.names[BOT] = "botpay"

    def user(self, name: str) -> str:
        """Somebody, who follows every invitation; their id."""
        user_id = f"@{name}:{SERVER}"
        self.world.names.setdefault(user_id, name.title())
        self.world.accepting.add(user_id)
        return user_id

    def token(self, user_id: str) -> str:
        """An access token for somebody who shall call over HTTP."""
        self._tokens[f"syt_{user_id}"] = user_id
        return f"syt_{user_id}"

    async def __aenter__(self) -> Self:
        application = web.Application(middlewares=[_as_errors])
        for method, path, handler in self._routes():
            application.router.add_route(method, _V3 + path, self._with_token(handler))
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def wake(self) -> None:
        """Tell those who wait that there is news."""
        async with self.world.moved:
            self.world.moved.notify_all()

    async def delivered(self) -> None:
        """Wait until the bot has acknowledged all that happened so far."""
        await self.wake()
        async with self.world.moved:
            until = self.world.at
            await self.world.moved.wait_for(lambda: self.heard >= until)

    def _routes(self) -> list[tuple[str, str, Handler]]:
        return [
            ("GET", "/account/whoami", self._whoami),
            ("GET", "/sync", self._sync),
            ("GET", "/rooms/{room}/state", self._state),
            ("GET", "/rooms/{room}/event/{event}", self._event),
            ("GET", "/rooms/{room}/messages", self._messages),
            ("PUT", "/rooms/{room}/send/{kind}/{txn}", self._send),
            ("PUT", "/rooms/{room}/redact/{event}/{txn}", self._redact),
            ("POST", "/rooms/{room}/invite", self._invite),
            ("POST", "/rooms/{room}/leave", self._leave),
            ("POST", "/join/{room}", self._join),
            ("POST", "/createRoom", self._create),
            ("GET", "/user/{user}/account_data/{kind}", self._account),
            ("PUT", "/user/{user}/account_data/{kind}", self._set_account),
        ]

    def _with_token(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            if "access_token" in request.query:
                raise Refused(401, "M_MISSING_TOKEN")  # as Synapse does where both ways of giving it are mixed
            given = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if not given:
                raise Refused(401, "M_MISSING_TOKEN")
            if given not in self._tokens:
                raise Refused(401, "M_UNKNOWN_TOKEN")
            return await self._harmed(request, handler, self._tokens[given])

        return handle

    async def _harmed(self, request: web.Request, handler: Handler, user_id: str) -> web.Response:
        """Answer, unless mischief or a fault that was asked for is in the way."""
        asked_for = self._asked_for(request.path, user_id)
        fault = asked_for.pop(0) if asked_for else self._random_fault(request, user_id)
        if fault is not None and not fault.lost:
            return _error(fault.status, fault.code, fault.retry_after_ms)
        answer = await handler(request, user_id)
        await self.wake()
        return _error(fault.status, fault.code) if fault else web.json_response(answer)

    def _asked_for(self, path: str, user_id: str) -> list[Fault | None]:
        """What the next calls like this one get."""
        if "/send/" in path:
            return self.faults
        if user_id != BOT or path.endswith("/whoami"):
            return []
        return self.sync_faults if path.endswith("/sync") else self.other_faults

    def _random_fault(self, request: web.Request, user_id: str) -> Fault | None:
        waits = request.path.endswith(("/sync", "/whoami"))
        harm = self._mischief.of_call() if self._mischief and user_id == BOT and not waits else None
        if harm is None:
            return None
        return {
            Harm.TOO_FAST: Fault(429, "M_LIMIT_EXCEEDED", 1),
            Harm.BROKEN: Fault(502, "M_UNKNOWN"),
            Harm.LOST: Fault(500, "M_UNKNOWN", lost=True),
        }[harm]

    async def _whoami(self, _: web.Request, user_id: str) -> Json:
        return {"user_id": user_id, "device_id": "FAKE", "is_guest": False}

    async def _sync(self, request: web.Request, user_id: str) -> Json:
        since = _place(request.query.get("since"))
        wanted = json.loads(request.query.get("filter", "{}")).get("room", {}).get("timeline", {}).get("limit", 10)
        if since is not None and user_id == BOT:
            await self._hear(since)
            since = self._told_again(user_id, since)
        try:
            async with asyncio.timeout(int(request.query.get("timeout", "0")) / 1000), self.world.moved:
                await self.world.moved.wait_for(lambda: since is None or self._has_news(user_id, since))
        except TimeoutError:
            pass
        return self._news(user_id, since, wanted)

    async def _hear(self, since: int) -> None:
        async with self.world.moved:
            self.heard = max(self.heard, since)
            self.world.moved.notify_all()

    def _told_again(self, user_id: str, since: int) -> int:
        """Where to begin: before what was told last, where mischief has it repeated."""
        before, self._told[user_id] = self._told.get(user_id, since), since
        return before if self._mischief and self._mischief.copies() > 1 else since

    def _has_news(self, user_id: str, since: int) -> bool:
        rooms = [room for room in self.world.rooms.values() if room.membership(user_id) in ("join", "invite")]
        return any(room.events[-1][0] > since for room in rooms) or self.world.at > since

    def _news(self, user_id: str, since: int | None, limit: int) -> Json:
        joined, invited = {}, {}
        for room in self.world.rooms.values():
            fresh = [event for at, event in room.events if since is None or at > since]
            if room.membership(user_id) == "join" and fresh:
                joined[room.id] = _timeline(room, user_id, since, limit)
            elif room.membership(user_id) == "invite" and fresh:
                invited[room.id] = {"invite_state": {"events": [*map(_stripped, room.state.values())]}}
        rooms = {"join": joined, "invite": invited, "leave": {}}
        return {"next_batch": f"s{self.world.at}", "rooms": rooms, "account_data": {"events": []}}

    async def _state(self, request: web.Request, user_id: str) -> Json:
        return [*self._room(request, user_id).state.values()]

    async def _event(self, request: web.Request, user_id: str) -> Json:
        room = self._room(request, user_id)
        event = room.event(request.match_info["event"])
        if event is None:
            raise Refused(404, "M_NOT_FOUND")
        return {**room.as_read(event), "room_id": room.id}

    async def _messages(self, request: web.Request, user_id: str) -> Json:
        room = self._room(request, user_id)
        start, end = _place(request.query.get("from")), _place(request.query.get("to"))
        between = [(at, e) for at, e in room.events if (start is None or at <= start) and (end is None or at > end)]
        page = between[::-1][: int(request.query.get("limit", "10"))]
        more = len(between) > len(page)
        rest = {"end": f"t{page[-1][0] - 1}"} if more else {}
        chunk = [{**room.as_read(event), "room_id": room.id} for _, event in page]
        return {"chunk": chunk, "start": str(request.query.get("from")), **rest}

    async def _send(self, request: web.Request, user_id: str) -> Json:
        room, content = self._room(request, user_id), await _body(request)
        return self._once(request, user_id, lambda: self.world.say(room, user_id, content, request.match_info["kind"]))

    async def _redact(self, request: web.Request, user_id: str) -> Json:
        room, event_id = self._room(request, user_id), request.match_info["event"]
        await _body(request)
        return self._once(request, user_id, lambda: self.world.redact(room, user_id, event_id))

    def _once(self, request: web.Request, user_id: str, do: Callable[[], Event]) -> Json:
        """A transaction id of a token, on one path, is done once."""
        key = (user_id, request.path)
        if key not in self._done:
            self._done[key] = {"event_id": do()["event_id"]}
        return self._done[key]

    async def _invite(self, request: web.Request, user_id: str) -> Json:
        self.world.invite(self._room(request, user_id), user_id, (await _body(request))["user_id"])
        return {}

    async def _join(self, request: web.Request, user_id: str) -> Json:
        room = self.world.rooms.get(request.match_info["room"])
        if room is None:
            raise Refused(404, "M_UNKNOWN")  # as Synapse says
        self.world.join(room, user_id)
        return {"room_id": room.id}

    async def _leave(self, request: web.Request, user_id: str) -> Json:
        room = self.world.rooms.get(request.match_info["room"])
        if room is None:
            raise Refused(404, "M_NOT_FOUND")
        self.world.leave(room, user_id)
        return {}

    async def _create(self, request: web.Request, user_id: str) -> Json:
        return {"room_id": self.world.create(user_id, await _body(request)).id}

    async def _account(self, request: web.Request, user_id: str) -> Json:
        found = self._account_data.get((user_id, request.match_info["kind"]))
        if request.match_info["user"] != user_id or found is None:
            raise Refused(404, "M_NOT_FOUND")
        return found

    async def _set_account(self, request: web.Request, user_id: str) -> Json:
        if request.match_info["user"] != user_id:
            raise Refused(403, "M_FORBIDDEN")
        self._account_data[user_id, request.match_info["kind"]] = await _body(request)
        return {}

    def _room(self, request: web.Request, user_id: str) -> Room:
        room = self.world.rooms.get(request.match_info["room"])
        if room is None or room.membership(user_id) != "join":
            raise Refused(403, "M_FORBIDDEN")
        return room


def _timeline(room: Room, user_id: str, since: int | None, limit: int) -> dict[str, Any]:
    """What happened in a room; of one that was joined meanwhile, also what stands before that."""
    came = room.state["m.room.member", user_id]
    came_at = next(at for at, event in room.events if event is came)
    begin = since if since is not None and came_at <= since else 0
    fresh = [(at, event) for at, event in room.events if at > begin]
    shown = fresh[-limit:]
    timeline = {
        "events": [room.as_read(event) for _, event in shown],
        "limited": len(fresh) > len(shown),
        "prev_batch": f"t{shown[0][0] - 1}",
    }
    return {"timeline": timeline, "state": {"events": []}, "ephemeral": {"events": []}, "account_data": {"events": []}}


def _stripped(event: Event) -> Mapping[str, Any]:
    return {name: event[name] for name in ("type", "sender", "content", "state_key")}


def _place(token: str | None) -> int | None:
    return None if token is None else int(token[1:])


async def _body(request: web.Request) -> dict[str, Any]:
    raw = await request.read()
    if len(raw) > _LONGEST_BODY:
        raise Refused(413, "M_TOO_LARGE")
    try:
        body = json.loads(raw)
    except ValueError:
        raise Refused(400, "M_NOT_JSON") from None
    if not isinstance(body, dict):
        raise Refused(400, "M_BAD_JSON")
    return body


def _error(status: int, code: str, retry_after_ms: int | None = None) -> web.Response:
    wait = {} if retry_after_ms is None else {"retry_after_ms": retry_after_ms}
    return web.json_response({"errcode": code, "error": "as the fake was told", **wait}, status=status)


@web.middleware
async def _as_errors(request: web.Request, handler: Callable[[web.Request], Awaitable[Any]]) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except Refused as refused:
        return _error(refused.status, refused.code)
    except web.HTTPException as other:
        return _error(other.status, "M_UNRECOGNIZED")
    return response

"""Somebody who calls a homeserver over HTTP, a fake one or a real one, as a client does."""

from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import quote

import aiohttp

_V3 = "/_matrix/client/v3"


class Caller:
    """One person's client; `async with Caller(url, token) as alice`."""

    def __init__(self, url: str, token: str | None = None, user_id: str = "") -> None:
        self._url, self._token, self.user_id = url, token, user_id
        self._session = aiohttp.ClientSession()
        self._sent = 0
        self._since: str | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def call(
        self, method: str, *path: str, body: object = None, **query: str
    ) -> tuple[int, dict[str, Any] | list[Any]]:
        """Status and body of an answer."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        url = "/".join((self._url + _V3, *(quote(part, safe="") for part in path)))
        async with self._session.request(method, url, json=body, headers=headers, params=query) as answer:
            return answer.status, await answer.json()

    async def ask(self, method: str, *path: str, body: object = None, **query: str) -> Any:
        """The body of an answer that must be good."""
        status, answer = await self.call(method, *path, body=body, **query)
        if status != 200:
            raise AssertionError(f"{method} {'/'.join(path)}: {status} {answer}")
        return answer

    async def say(self, room_id: str, content: Mapping[str, Any], kind: str = "m.room.message") -> str:
        """Send an event; its id."""
        self._sent += 1
        path = ("rooms", room_id, "send", kind, f"t{self._sent}-{id(self)}")
        return str((await self.ask("PUT", *path, body=content))["event_id"])

    async def invitations(self) -> list[str]:
        """The rooms that they were invited to since they asked last. Synapse answers the same `since` from a cache."""
        since = {"since": self._since} if self._since else {}
        news = await self.ask("GET", "sync", timeout="0", **since)
        self._since = str(news["next_batch"])
        return list(news.get("rooms", {}).get("invite", {}))

    async def joined(self) -> list[str]:
        """The rooms that they are in."""
        return list((await self.ask("GET", "joined_rooms"))["joined_rooms"])

    async def members(self, room_id: str) -> set[str]:
        """Who is in a room or is invited."""
        state = await self.ask("GET", "rooms", room_id, "state")
        here = [event for event in state if event["type"] == "m.room.member"]
        return {event["state_key"] for event in here if event["content"]["membership"] in ("join", "invite")}

    async def reads(self, room_id: str) -> list[tuple[str, str]]:
        """What stands in a room, oldest first: sender and text, edits as they read now, without what was redacted."""
        page = await self.ask("GET", "rooms", room_id, "messages", dir="b", limit="100")
        said: dict[str, tuple[str, str]] = {}
        for event in reversed(page["chunk"]):
            content = event["content"]
            if event["type"] == "m.room.message" and "body" in content:
                new = content.get("m.new_content", content)
                ref = content.get("m.relates_to", {}).get("event_id") if "m.new_content" in content else None
                said[ref or event["event_id"]] = event["sender"], new["body"]
        return list(said.values())

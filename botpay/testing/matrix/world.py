"""Rooms, members and events, as a homeserver keeps them (https://spec.matrix.org/latest/client-server-api/)."""

import asyncio
import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SERVER = "fake.example"
Event = dict[str, Any]


class Refused(Exception):
    """The homeserver refuses a call."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


@dataclass
class Room:
    """A room: what stands now, and all that happened, each with its place in the one stream of events."""

    id: str
    state: dict[tuple[str, str], Event] = field(default_factory=dict)
    events: list[tuple[int, Event]] = field(default_factory=list)
    redacted: set[str] = field(default_factory=set)

    def membership(self, user_id: str) -> str:
        """What somebody is to this room now: "join", "invite", "leave", "ban"."""
        event = self.state.get(("m.room.member", user_id))
        return str(event["content"].get("membership")) if event else "leave"

    def members(self, *kinds: str) -> set[str]:
        """Those who are to this room what is asked for."""
        return {key for kind, key in self.state if kind == "m.room.member" and self.membership(key) in kinds}

    def power(self, user_id: str) -> int:
        """What somebody may do here."""
        levels = self.state[("m.room.power_levels", "")]["content"]
        return int(levels.get("users", {}).get(user_id, 0))

    def event(self, event_id: str) -> Event | None:
        """An event by its id."""
        return next((event for _, event in self.events if event.get("event_id") == event_id), None)

    def as_read(self, event: Event) -> Event:
        """An event as it is given out: without its content if it was redacted."""
        return {**event, "content": {}} if str(event.get("event_id")) in self.redacted else event

    def says(self, name: str, what: str) -> str | None:
        """A value of the state, such as the join_rule of m.room.join_rules."""
        event = self.state.get((name, ""))
        return event["content"].get(what) if event else None


class World:
    """All rooms of one homeserver. `moved` wakes whoever waits for news."""

    def __init__(self) -> None:
        self.rooms: dict[str, Room] = {}
        self.names: dict[str, str] = {}
        self.accepting: set[str] = set()
        self.at = 0
        self.moved = asyncio.Condition()
        self._numbers = itertools.count(1)

    def create(self, creator: str, options: Mapping[str, Any]) -> Room:
        """createRoom, with the presets of the specification."""
        room = Room(f"!r{next(self._numbers)}:{SERVER}")
        self.rooms[room.id] = room
        public = options.get("preset", "private_chat") == "public_chat"
        self.put(room, creator, "m.room.create", {"room_version": "10"}, "")
        self.put(room, creator, "m.room.member", self._member("join", creator), creator)
        trusted = options.get("invite", ()) if options.get("preset") == "trusted_private_chat" else ()
        self.put(room, creator, "m.room.power_levels", {"users": dict.fromkeys((creator, *trusted), 100)}, "")
        self.put(room, creator, "m.room.join_rules", {"join_rule": "public" if public else "invite"}, "")
        self.put(room, creator, "m.room.history_visibility", {"history_visibility": "shared"}, "")
        for state in options.get("initial_state", ()):
            self.put(room, creator, state["type"], state["content"], state.get("state_key", ""))
        for user_id in options.get("invite", ()):
            self.invite(room, creator, user_id, is_direct=bool(options.get("is_direct")))
        return room

    def invite(self, room: Room, by: str, user_id: str, *, is_direct: bool = False) -> None:
        """Ask somebody in. People who are `accepting` come at once."""
        if room.membership(by) != "join":
            raise Refused(403, "M_FORBIDDEN")
        if room.membership(user_id) in ("join", "ban"):
            raise Refused(403, "M_FORBIDDEN")
        direct = {"is_direct": True} if is_direct else {}
        self.put(room, by, "m.room.member", self._member("invite", user_id) | direct, user_id)
        if user_id in self.accepting:
            self.join(room, user_id)

    def join(self, room: Room, user_id: str) -> None:
        """Enter, if one may."""
        if room.membership(user_id) == "join":
            return
        invited = room.membership(user_id) == "invite"
        if not invited and room.says("m.room.join_rules", "join_rule") != "public":
            raise Refused(403, "M_FORBIDDEN")
        self.put(room, user_id, "m.room.member", self._member("join", user_id), user_id)

    def leave(self, room: Room, user_id: str) -> None:
        """Leave, or decline."""
        if room.membership(user_id) not in ("join", "invite"):
            raise Refused(403, "M_FORBIDDEN")
        self.put(room, user_id, "m.room.member", {"membership": "leave"}, user_id)

    def say(self, room: Room, sender: str, content: Mapping[str, Any], kind: str = "m.room.message") -> Event:
        """Send an event that is no state."""
        if room.membership(sender) != "join":
            raise Refused(403, "M_FORBIDDEN")
        return self.put(room, sender, kind, content)

    def redact(self, room: Room, sender: str, event_id: str) -> Event:
        """Take away what an event said: one's own, or as a moderator."""
        event = room.event(event_id)
        if room.membership(sender) != "join" or (event and event["sender"] != sender and room.power(sender) < 50):
            raise Refused(403, "M_FORBIDDEN")
        if event is None:
            raise Refused(404, "M_NOT_FOUND")
        room.redacted.add(event_id)
        return self.put(room, sender, "m.room.redaction", {"redacts": event_id})

    def put(self, room: Room, sender: str, kind: str, content: Mapping[str, Any], key: str | None = None) -> Event:
        """Append an event; with a key it is state."""
        number = next(self._numbers)
        event: Event = {
            "type": kind,
            "sender": sender,
            "content": dict(content),
            "event_id": f"${number}:{SERVER}",
            "origin_server_ts": int(time.time() * 1000),
            "unsigned": {},
        }
        if key is not None:
            before = room.state.get((kind, key))
            event["state_key"] = key
            event["unsigned"] = {"prev_content": before["content"]} if before else {}
            room.state[kind, key] = event
        self.append(room, event)
        return event

    def append(self, room: Room, event: Event) -> None:
        """Let an event be the newest in the stream, as it is."""
        self.at += 1
        room.events.append((self.at, event))

    def seen_by(self, user_id: str) -> Sequence[Room]:
        """The rooms that somebody is in."""
        return [room for room in self.rooms.values() if room.membership(user_id) == "join"]

    def _member(self, membership: str, user_id: str) -> dict[str, Any]:
        return {"membership": membership, "displayname": self.names.get(user_id, user_id)}

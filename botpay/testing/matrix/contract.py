"""The contract on the fake homeserver."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from botpay.adapters.matrix import MatrixAdapter
from botpay.testing.contract import AdapterContract
from botpay.testing.matrix.homeserver import BOT, TOKEN, Fault
from botpay.testing.matrix.stage import MatrixStage
from botpay.testing.matrix.world import SERVER, Room
from botpay.testing.platform import SLOW_DOWN_SECONDS, Absent, Platform, Shown, Trouble

_FAULTS: Mapping[Trouble, Fault] = {
    Trouble.SLOW_DOWN: Fault(429, "M_LIMIT_EXCEEDED", SLOW_DOWN_SECONDS * 1000),
    Trouble.AWAY: Fault(502, "M_UNKNOWN"),
    Trouble.LOST: Fault(500, "M_UNKNOWN", lost=True),
    Trouble.REFUSED: Fault(413, "M_TOO_LARGE"),
    Trouble.CLOSED: Fault(403, "M_FORBIDDEN"),
    Trouble.REVOKED: Fault(401, "M_UNKNOWN_TOKEN"),
}
_BOBS_WORDS = {
    "type": "m.room.message",
    "sender": f"@bob:{SERVER}",
    "event_id": f"$bobs-words:{SERVER}",
    "origin_server_ts": 1767600000000,
    "content": {"msgtype": "m.text", "body": "bonjour", "m.mentions": {}},
    "unsigned": {},
}


class MatrixPlatform(MatrixStage, Platform):
    """A room of alice, bob and the bot, in which bob said bonjour."""

    secrets = (TOKEN,)

    async def start(self) -> None:
        """Let them be there before the bot is."""
        await super().start()
        for who in ("alice", "bob"):
            self.user(who)
        self.homeserver.world.append(self.group, copy.deepcopy(_BOBS_WORDS))

    async def deliver(self, payload: Any) -> None:
        """Let a recorded event be the newest in its room, until the bot has acknowledged it."""
        room, event = payload.get("room"), payload.get("event")
        if room not in ("group", "alice", "bob") or not isinstance(event, dict):
            raise Absent("a homeserver knows the room of an event")
        where = self.group if room == "group" else await self.direct(room)
        self.homeserver.world.append(where, copy.deepcopy(event))
        await self.homeserver.delivered()

    def screens(self) -> Mapping[str | None, Sequence[Shown]]:
        """What stands in the room and in the direct rooms."""
        shown: dict[str | None, Sequence[Shown]] = {None: self._shown(self.group)}
        for room in self.homeserver.world.rooms.values():
            if room is not self.group and BOT in room.members("join"):
                shown[self.name_of(room)] = self._shown(room)
        return shown

    def fail_next(self, trouble: Trouble) -> None:
        """Fail the next message that is sent."""
        self.homeserver.faults.append(_FAULTS[trouble])

    async def hang_up(self) -> None:
        """Fail the next question for news."""
        self.homeserver.sync_faults.append(_FAULTS[Trouble.AWAY])

    def _shown(self, room: Room) -> list[Shown]:
        """The messages with their edits, without those that were redacted."""
        said: dict[str, Shown] = {}
        for _, event in room.events:
            content = room.as_read(event).get("content") if event.get("event_id") else None
            if event.get("type") != "m.room.message" or not content:
                continue
            edited = content.get("m.relates_to", {}).get("event_id") if "m.new_content" in content else None
            ref = edited or event["event_id"]
            body = content.get("m.new_content", content).get("body")
            said[ref] = Shown(ref, str(body), by_bot=event.get("sender") == BOT, preview="https://" in str(body))
        return list(said.values())


class MatrixContract(AdapterContract):
    """Matrix."""

    platform = MatrixPlatform
    adapter = MatrixAdapter
    payloads = Path(__file__).with_name("payloads.json")
    cannot: ClassVar[Mapping[str, str]] = {
        "ephemeral": "what is for one person goes into the direct room",
        "buttons": "Matrix has none: PINs are entered on the page, or typed if the operator allows it",
        "url_buttons": "the same: addresses are written out",
        "modal": "the same",
        "suppress_previews": "homeservers and clients fetch links as they like; a GET changes nothing at ours",
        "forwarded": "Matrix does not mark what is passed on; clients quote it, and quotations are no commands",
        "via_bot": "nobody writes in another's name but who holds their token",
        "automatic": "Matrix does not mark what a timer sent",
        "anonymous": "every event names its sender",
        "webhook": "we ask, nobody calls",
        "signed_body": "the same",
        "stale_calls": "the same",
    }

"""What `/sync` brings -> the core, in order; done only when all of it is committed."""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from itertools import islice

from botpay.adapters.base import Receive
from botpay.adapters.matrix.api import Event, MatrixApi, MatrixFault, News, RoomNews
from botpay.adapters.matrix.rooms import Room, room_of
from botpay.adapters.matrix.settings import MatrixSettings
from botpay.adapters.matrix.translate import Here, answered_event, is_message, translate
from botpay.message import Visibility

log = logging.getLogger(__name__)

MOST_ROOMS = 1000
CANNOT_READ = (
    "This room is encrypted and I cannot read it: nothing was done. Please start a new direct chat with me, without "
    "encryption. / Ce salon est chiffré et je ne peux pas le lire : rien n’a été fait. Ouvrez une nouvelle "
    "conversation avec moi, sans chiffrement."
)


class Intake:
    """Takes answers of `/sync`, one after the other."""

    def __init__(self, api: MatrixApi, receive: Receive, settings: MatrixSettings, here: Here) -> None:
        self._api, self._receive, self._settings, self._here = api, receive, settings, here
        self._rooms: dict[str, Room] = {}

    async def take(self, news: News, since: str | None) -> None:
        """Returns once everything in it is committed. Raises the first fault, after all rooms were tried."""
        for room_id, state in news.invited.items():
            await self._invited(room_id, state)
        rooms = news.joined.items() if since else ()
        taken = [self._take_room(room_id, room, since or "") for room_id, room in rooms]
        for outcome in await asyncio.gather(*taken, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _take_room(self, room_id: str, news: RoomNews, since: str) -> None:
        events = list(news.events)
        first_seen = _our_join(events, self._here.user_id)
        if news.changed or news.gap_before is not None:
            self._rooms.pop(room_id, None)
        if news.gap_before is not None and first_seen is None:
            events = [*reversed(await self._api.gap(room_id, news.gap_before, since)), *events]
            first_seen = _our_join(events, self._here.user_id)
        for event in islice(events, first_seen or 0, None):  # what was said before we came was not said to us
            await self._take_event(room_id, event)

    async def _take_event(self, room_id: str, event: Event) -> None:
        if "state_key" in event:
            self._rooms.pop(room_id, None)
        elif event.get("sender") == self._here.user_id:
            return
        elif event.get("type") == "m.room.encrypted":
            await self._say_that_we_cannot_read(room_id)
        elif is_message(event):
            await self._take_message(room_id, event)

    async def _take_message(self, room_id: str, event: Event) -> None:
        room = await self._room(room_id)
        inbound = translate(event, room_id, room, self._here, await self._answered(room_id, event))
        if inbound is None:
            return
        if inbound.chat.visibility is Visibility.PRIVATE and inbound.author is not None:
            await self._api.put_first(inbound.author.id, room_id)  # there they are answered
        await self._receive(inbound)

    async def _invited(self, room_id: str, state: Sequence[Event]) -> None:
        """Come if who invites is welcome, else decline. What the homeserver refuses is not asked again."""
        ours = [event for event in state if event.get("state_key") == self._here.user_id]
        inviter = str(ours[-1].get("sender")) if ours else ""
        welcome = self._settings.welcomes(inviter)
        try:
            await (self._api.join(room_id) if welcome else self._api.leave(room_id))
        except MatrixFault as fault:
            log.warning("matrix invitation not answered: %s", fault.code)
            return
        content = ours[-1].get("content") if ours else None
        if welcome and isinstance(content, dict) and content.get("is_direct") is True:
            await self._api.put_first(inviter, room_id)

    async def _room(self, room_id: str) -> Room:
        if room_id not in self._rooms:
            if len(self._rooms) >= MOST_ROOMS:
                self._rooms.clear()
            try:
                self._rooms[room_id] = room_of(await self._api.state(room_id))
            except MatrixFault:  # we were put out meanwhile; what was said is taken as said in public
                return Room()
        return self._rooms[room_id]

    async def _answered(self, room_id: str, event: Event) -> str | None:
        """Who wrote what a message answers."""
        answered = answered_event(event)
        found = await self._api.event(room_id, answered) if answered else None
        sender = found.get("sender") if found else None
        return sender if isinstance(sender, str) else None

    async def _say_that_we_cannot_read(self, room_id: str) -> None:
        """Once in each room: the homeserver takes the same key for the same message."""
        key = f"cannot-read-{hashlib.sha256(room_id.encode()).hexdigest()[:16]}"
        try:
            await self._api.send(room_id, {"msgtype": "m.notice", "body": CANNOT_READ, "m.mentions": {}}, key)
        except MatrixFault as fault:
            log.info("matrix room not told that it cannot be read: %s", fault.code)


def _our_join(events: Sequence[Event], me: str) -> int | None:
    """Where in a timeline we came into the room, if it is in there; the last time, if several."""
    places = [number for number, event in enumerate(events) if _is_our_join(event, me)]
    return places[-1] if places else None


def _is_our_join(event: Event, me: str) -> bool:
    """A join that was none before: a change of our name is a join event too."""
    if event.get("type") != "m.room.member" or event.get("state_key") != me:
        return False
    content, before = event.get("content"), event.get("unsigned")
    earlier = before.get("prev_content") if isinstance(before, dict) else None
    joined_before = isinstance(earlier, dict) and earlier.get("membership") == "join"
    return isinstance(content, dict) and content.get("membership") == "join" and not joined_before

"""An outbound -> calls of the homeserver. Private words go only where nobody but their person can read."""

from typing import Any

from botpay.adapters.matrix.api import MatrixApi, MatrixFault
from botpay.adapters.matrix.rooms import room_of
from botpay.adapters.matrix.translate import is_user_id
from botpay.errors import Permanent, Unreachable
from botpay.message import Outbound, Receipt, Visibility

MAX_TEXT = 4096


class Sender:
    """Delivers outbounds. It keeps nothing: each process may send for the same people."""

    def __init__(self, api: MatrixApi) -> None:
        self._api = api

    async def send(self, outbound: Outbound) -> Receipt:
        """Deliver one outbound. Raises a `DeliveryError`."""
        if outbound.deletes is not None:
            return await self._delete(outbound.deletes, outbound.id)
        if len(outbound.text) > MAX_TEXT:
            raise Permanent(f"longer than {MAX_TEXT} characters")
        if outbound.visibility is Visibility.PUBLIC:
            return await self._write(outbound, str(outbound.chat))
        try:
            return await self._write(outbound, await self._direct_room(str(outbound.to)))
        except MatrixFault as fault:
            if fault.code == "M_FORBIDDEN":
                raise Unreachable("the homeserver does not let the bot write to this person") from None
            raise

    async def _write(self, outbound: Outbound, room_id: str) -> Receipt:
        """Edit what is to be replaced if it stands in this very room, else write anew."""
        written_in, _, event_id = (outbound.replaces or "").partition(" ")
        if written_in == room_id and event_id and await self._api.event(room_id, event_id) is not None:
            await self._api.send(room_id, _edit(self._content(outbound), event_id), outbound.id)
            return Receipt(outbound.replaces)
        return Receipt(f"{room_id} {await self._api.send(room_id, self._content(outbound), outbound.id)}")

    async def _delete(self, ref: str, key: str) -> Receipt:
        """Take away what may be taken away; elsewhere that is no error."""
        room_id, _, event_id = ref.partition(" ")
        if room_id and event_id:
            try:
                await self._api.redact(room_id, event_id, key)
            except MatrixFault:
                return Receipt()
        return Receipt()

    async def _direct_room(self, user_id: str) -> str:
        """A room that only this person and the bot can read, now; a new one if there never was one.

        Who left theirs is not invited again: they open the next.
        """
        if not is_user_id(user_id):
            raise Permanent("a private outbound is for a person, and this is none")
        known = await self._api.direct_rooms()
        was_left = False
        for room_id in known.get(user_id, ()):
            try:
                room = room_of(await self._api.state(room_id))
            except MatrixFault:  # the bot is not there any more
                continue
            if room.is_private(self._api.user_id, user_id) and not room.encrypted:
                return room_id
            was_left = was_left or user_id not in room.members
        if was_left:
            raise Unreachable("this person left the direct room with the bot")
        room_id = await self._api.create_direct(user_id)
        await self._api.put_first(user_id, room_id)
        return room_id

    def _content(self, outbound: Outbound) -> dict[str, Any]:
        """Plain text, mentioning nobody; a notice in public, which no other bot answers to and no phone rings for."""
        text = outbound.text
        if any(button.token is None and button.url is None for row in outbound.buttons for button in row):
            text = f"{text}\nhttps://matrix.to/#/{self._api.user_id}"
        private = outbound.visibility is Visibility.PRIVATE
        return {"msgtype": "m.text" if private else "m.notice", "body": text, "m.mentions": {}}


def _edit(content: dict[str, Any], event_id: str) -> dict[str, Any]:
    relation = {"rel_type": "m.replace", "event_id": event_id}
    return {**content, "body": f"* {content['body']}", "m.new_content": content, "m.relates_to": relation}

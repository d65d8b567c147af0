"""Who can read a room: by its state, and by nothing that a client claims of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from botpay.adapters.matrix.api import Event

_HERE = ("join", "invite")
_CLOSED = ("invite", "knock", "private")


@dataclass(frozen=True, slots=True)
class Room:
    """A room as it stands.

    Attributes:
        members: those who are there or are invited, with their display names.
        closed: nobody can come in, or read, without an invitation.
    """

    members: Mapping[str, str | None] = field(default_factory=dict)
    encrypted: bool = False
    closed: bool = False

    def is_private(self, me: str, person: str) -> bool:
        """Whether nobody but this person and the bot can read here."""
        return set(self.members) == {me, person} and self.closed


def room_of(state: Iterable[Event]) -> Room:
    """A room from its state; what is not said, or makes no sense, is taken for the worse.

    Whoever holds an invitation by e-mail comes in by it whenever they like, so a room where one is open is not closed.
    """
    members: dict[str, str | None] = {}
    rules: dict[str, object] = {}
    encrypted = by_mail = False
    for event in state:
        kind, content = event.get("type"), event.get("content")
        if not isinstance(content, dict):
            continue
        if kind == "m.room.member" and content.get("membership") in _HERE:
            name = content.get("displayname")
            members[str(event.get("state_key"))] = name if isinstance(name, str) else None
        elif kind in ("m.room.join_rules", "m.room.history_visibility"):
            rules.update(content)
        encrypted = encrypted or kind == "m.room.encryption"
        by_mail = by_mail or (kind == "m.room.third_party_invite" and bool(content))  # one taken back is empty
    closed = rules.get("join_rule") in _CLOSED and rules.get("history_visibility") != "world_readable"
    return Room(members, encrypted, closed and not by_mail)

"""The head of the chain, exported to somewhere else: with it a chain whose last links were cut off does not verify."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from botpay.audit.chain import Head
from botpay.audit.store import links
from botpay.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Heads:
    """Where each lane ended when it was exported, and when its newest link was made."""

    lanes: tuple[Head, ...]
    at: datetime

    def to_json(self) -> str:
        """One object: {"lanes": [{"lane", "place", "mac" (hexadecimal)}, ...], "at" (ISO 8601, UTC)}."""
        lanes = [{"lane": head.lane, "place": head.place, "mac": head.mac.hex()} for head in self.lanes]
        return json.dumps({"lanes": lanes, "at": self.at.isoformat()})


def read_heads(text: str) -> Heads:
    """Heads as `to_json` wrote them. Raises `ConfigError` if it is something else."""
    try:
        found = json.loads(text)
        lanes = tuple(Head(int(h["lane"]), int(h["place"]), bytes.fromhex(h["mac"])) for h in found["lanes"])
        return Heads(lanes, datetime.fromisoformat(found["at"]))
    except (ValueError, KeyError, TypeError):
        raise ConfigError("that is no exported head: `botpay ledger head --out FILE` writes one") from None


def load_heads(connection: Connection) -> Heads | None:
    """The last link of each lane; None in an installation where nothing has happened."""
    last = select(links.c.lane, func.max(links.c.place).label("place")).group_by(links.c.lane).subquery()
    ends = (links.c.lane == last.c.lane) & (links.c.place == last.c.place)
    rows = connection.execute(select(links).join(last, ends).order_by(links.c.lane)).all()
    if not rows:
        return None
    return Heads(tuple(Head(row.lane, row.place, row.mac) for row in rows), max(row.at for row in rows))

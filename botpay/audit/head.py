"""The head of the chain, exported to somewhere else: with it a chain whose last links were cut off does not verify."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from botpay.audit.store import links
from botpay.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Head:
    """The last link as it was when it was exported: its number, its MAC and its time."""

    seq: int
    mac: bytes
    at: datetime

    def to_json(self) -> str:
        """One object: {"seq", "mac" (hexadecimal), "at" (ISO 8601, UTC)}."""
        return json.dumps({"seq": self.seq, "mac": self.mac.hex(), "at": self.at.isoformat()})


def read_head(text: str) -> Head:
    """A head as `to_json` wrote it. Raises `ConfigError` if it is none."""
    try:
        found = json.loads(text)
        return Head(int(found["seq"]), bytes.fromhex(found["mac"]), datetime.fromisoformat(found["at"]))
    except (ValueError, KeyError, TypeError):
        raise ConfigError("that is no exported head: `botpay ledger head --out FILE` writes one") from None


def load_head(connection: Connection) -> Head | None:
    """The last link there is; None in an installation where nothing has happened."""
    row = connection.execute(select(links).order_by(links.c.seq.desc()).limit(1)).first()
    return Head(row.seq, row.mac, row.at) if row else None

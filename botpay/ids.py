"""Identifiers: 128 bits in the layout of UUID version 7 (RFC 9562), so that they sort by time.

Those derived from a message are the same whenever the message is delivered: a retry cannot make a second one.
"""

import hashlib
import secrets
from datetime import UTC, datetime


def derived(at: datetime, name: str) -> str:
    """The id of what `name` gave rise to at `at`: always the same for the same two."""
    return _version_7(at, int.from_bytes(hashlib.sha256(name.encode()).digest()[:10]))


def fresh(at: datetime) -> str:
    """A new id that nobody can guess."""
    return _version_7(at, secrets.randbits(80))


def made_at(id_: str) -> datetime:
    """When an id was made, to the millisecond."""
    return datetime.fromtimestamp(int(id_.replace("-", "")[:12], 16) / 1000, UTC)


def reference(transfer_id: str) -> str:
    """What people quote: the last eight hexadecimal digits, in capitals."""
    return transfer_id[-8:].upper()


def _version_7(at: datetime, noise: int) -> str:
    milliseconds = int(at.timestamp() * 1000) & (2**48 - 1)
    value = milliseconds << 80 | noise & (2**80 - 1)
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

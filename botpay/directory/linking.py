"""Two identities become one person's: the one-time code that one chat gives and the other takes. Pure.

A code is ten consonants, 43 bits, kept as a MAC alone; its person has one at most, for ten minutes. It is worth nothing
without the PIN of the account that it leads to. It is made from the message that asked for it, so that message asks
for the same one whenever it is decided again.
"""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from botpay.directory.people import Identity, IdentityKey

LIVES = timedelta(minutes=10)
TRIES_PER_IDENTITY = 5
TRIES_OF_ALL = 100
"""Codes that are taken in an hour: from one identity, and from all together."""

EVERYBODY = "link"
"""What all tries at codes are counted under."""
_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels: no words; no digits: nothing looks alike
_LETTERS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCode:
    """The code by which another identity may become this person's. `used`: its row goes in this commit."""

    person_id: str
    mac: bytes
    expires_at: datetime
    used: bool = False


def make(secret: bytes, source: str, now: datetime) -> str:
    """The code that one message is given."""
    number = int.from_bytes(hmac.digest(secret, f"code|{source}|{now.isoformat()}".encode(), "sha256"))
    letters = []
    for _ in range(_LETTERS):
        number, at = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[at])
    return "".join(letters)


def grouped(code: str) -> str:
    """A code as people copy it best: "BCDFG HJKLM"."""
    return f"{code[: _LETTERS // 2]} {code[_LETTERS // 2 :]}"


def mac(secret: bytes, code: str) -> bytes:
    """What is kept of a code."""
    return hmac.digest(secret, f"kept|{code}".encode(errors="replace"), "sha256")


def tries_of(key: IdentityKey) -> str:
    """What the tries of one identity are counted under."""
    return f"link:{':'.join(key)}"


def joined(identity: Identity, person_id: str, now: datetime) -> Identity:
    """An identity that is this person's from now on."""
    return replace(identity, person_id=person_id, since=now)


def parted(identity: Identity, now: datetime) -> Identity:
    """An identity that is nobody's from now on."""
    return replace(identity, person_id=None, since=now)

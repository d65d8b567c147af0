"""One-time codes over a second channel: what is sent, how often, how long it counts. Pure.

A code is kept nowhere. It is a MAC over the dialogue, the address and the number of its sending, under a key that is
not in the database; whoever has the key can make it again, and nobody else can. So the same event that is decided
twice sends the same code, and a copy of the database holds nothing to guess at.
"""

import hmac
from datetime import timedelta

TRIES = 5
SENDINGS = 3
"""Of one dialogue; each code has tries of its own."""
SENDINGS_A_DAY = 5
"""To an address that strangers name, to an account holder's own, and for one identity: no mailbox is filled."""
LIVES = timedelta(minutes=10)
PAUSE = timedelta(minutes=1)
"""Between two sendings."""
DIGITS = 6


def code(secret: bytes, dialogue_id: str, address: str, sending: int) -> str:
    """The six digits of one sending."""
    found = hmac.digest(secret, f"code|{dialogue_id}|{sending}|{address}".encode(), "sha256")
    return f"{int.from_bytes(found[:8]) % 10**DIGITS:0{DIGITS}}"


def is_right(expected: str, said: str) -> bool:
    """Whether these are the digits, compared in constant time; people may group them."""
    return hmac.compare_digest(expected.encode(), digits_of(said).encode(errors="replace"))


def digits_of(said: str) -> str:
    """What was typed, without the spaces and hyphens with which mail shows a code."""
    return said.replace(" ", "").replace("-", "").replace("\u00a0", "").replace("\u202f", "")


def mark(secret: bytes, kind: str, what: str) -> str:
    """What an address or an identity is counted by and found by: a keyed digest that does not tell it."""
    return hmac.digest(secret, f"mark|{kind}|{what}".encode(errors="replace"), "sha256").hex()[:32]


def mark_of_address(secret: bytes, address: str) -> str:
    """The mark of an address; mailboxes differ in capitals on paper alone (RFC 5321, 2.4)."""
    return mark(secret, "address", address.casefold())


def mark_of_person(secret: bytes, person_id: str) -> str:
    """The mark of an account holder, under which the codes for their own account are counted."""
    return mark(secret, "person", person_id)


def mark_of_identity(secret: bytes, key: tuple[str, str, str]) -> str:
    """The mark of an identity."""
    return mark(secret, "identity", ":".join(key))

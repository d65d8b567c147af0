"""The keys under a prompt: opaque tokens stand behind them, so neither a digit nor a PIN travels in a button's data.

A token names what it is about, a transfer or a dialogue, and proves, by a MAC over that and the key, that we made it.
What was entered so far stays with us, sealed. 39 characters, below the 64 bytes of the strictest platform (Telegram's
callback_data).
"""

import base64
import hmac
import uuid
from collections.abc import Iterable

from botpay.message import Button, Keypad

PIN_DIGITS = 6
ERASE = "erase"
CANCEL = "cancel"
CLEAR = "clear"
KEYS = (*"0123456789", ERASE, CANCEL, CLEAR)
_MAC_CHARACTERS = 16  # 96 bits in base64url


def keypad(
    secret: bytes, about: str, entered: int, labels: dict[str, str], scope: str = "", *, shuffled: bool = False
) -> Keypad:
    """The keys for one transfer or dialogue, with a dot for each digit entered.

    Args:
        labels: the words for "title", "open", "erase" and "cancel" in the person's language.
        scope: before the name of each key, where several keypads are about the same.
        shuffled: with the digits in an order of its own, the same for all taps: who sees only where the fingers go
            learns nothing. It is made from the key, so that no process has to remember it.
    """

    def key(name: str) -> Button:
        return Button(labels.get(name, name), token(secret, about, scope + name))

    digits = _shuffled(secret, about, scope) if shuffled else "1234567890"
    rows = (
        *(tuple(map(key, digits[start : start + 3])) for start in (0, 3, 6)),
        (key(ERASE), key(digits[9]), key(CANCEL)),
    )
    shown = "●" * entered + "○" * (PIN_DIGITS - entered)
    return Keypad(
        title=labels["title"],
        open_label=labels["open"],
        rows=rows,
        shown=shown,
        clear_token=token(secret, about, scope + CLEAR),
    )


def token(secret: bytes, about: str, key: str) -> str:
    """What stands behind a key."""
    name = base64.urlsafe_b64encode(uuid.UUID(about).bytes).rstrip(b"=").decode()
    return f"{name}.{_mac(secret, about, key)}"


def named_in(token: str) -> str | None:
    """The transfer or dialogue that a token names, unproven; None if it is none of ours."""
    try:
        return str(uuid.UUID(bytes=base64.urlsafe_b64decode(token.partition(".")[0] + "==")))
    except ValueError:
        return None


def key_of(secret: bytes, about: str, token: str, keys: Iterable[str] = KEYS) -> str | None:
    """Which key a token stands for; None if it is forged. Every key is compared, each in constant time."""
    given = token.partition(".")[2].encode(errors="replace")
    found = [key for key in keys if hmac.compare_digest(_mac(secret, about, key).encode(), given)]
    return found[0] if found else None


def _shuffled(secret: bytes, about: str, scope: str) -> str:
    def place(digit: str) -> bytes:
        return hmac.digest(secret, f"layout|{about}|{scope}{digit}".encode(), "sha256")

    return "".join(sorted("1234567890", key=place))


def _mac(secret: bytes, about: str, key: str) -> str:
    digest = hmac.digest(secret, f"keypad|{about}|{key}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode()[:_MAC_CHARACTERS]

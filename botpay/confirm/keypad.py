"""The keys under a prompt: opaque tokens stand behind them, so neither a digit nor a PIN travels in a button's data.

A token names its transfer and proves, by a MAC over transfer and key, that we made it. What was entered so far stays
with us, sealed. 39 characters, below the 64 bytes of the strictest platform (Telegram's callback_data).
"""

import base64
import hmac
import uuid

from botpay.message import Button, Keypad

PIN_DIGITS = 6
ERASE = "erase"
CANCEL = "cancel"
CLEAR = "clear"
_KEYS = (*"0123456789", ERASE, CANCEL, CLEAR)
_MAC_CHARACTERS = 16  # 96 bits in base64url


def keypad(secret: bytes, transfer_id: str, entered: int, labels: dict[str, str]) -> Keypad:
    """The keys for one transfer, with a dot for each digit entered.

    Args:
        labels: the words for "title", "open", "erase" and "cancel" in the person's language.
    """

    def key(name: str) -> Button:
        return Button(labels.get(name, name), token(secret, transfer_id, name))

    rows = (
        *(tuple(key(digit) for digit in digits) for digits in ("123", "456", "789")),
        (key(ERASE), key("0"), key(CANCEL)),
    )
    shown = "●" * entered + "○" * (PIN_DIGITS - entered)
    return Keypad(
        title=labels["title"],
        open_label=labels["open"],
        rows=rows,
        shown=shown,
        clear_token=token(secret, transfer_id, CLEAR),
    )


def token(secret: bytes, transfer_id: str, key: str) -> str:
    """What stands behind a key."""
    name = base64.urlsafe_b64encode(uuid.UUID(transfer_id).bytes).rstrip(b"=").decode()
    return f"{name}.{_mac(secret, transfer_id, key)}"


def transfer_of(token: str) -> str | None:
    """The transfer that a token names, unproven; None if it is none of ours."""
    try:
        return str(uuid.UUID(bytes=base64.urlsafe_b64decode(token.partition(".")[0] + "==")))
    except ValueError:
        return None


def key_of(secret: bytes, transfer_id: str, token: str) -> str | None:
    """Which key a token stands for; None if it is forged. Every key is compared, each in constant time."""
    given = token.partition(".")[2].encode(errors="replace")
    found = [key for key in _KEYS if hmac.compare_digest(_mac(secret, transfer_id, key).encode(), given)]
    return found[0] if found else None


def _mac(secret: bytes, transfer_id: str, key: str) -> str:
    digest = hmac.digest(secret, f"keypad|{transfer_id}|{key}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode()[:_MAC_CHARACTERS]

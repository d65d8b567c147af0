"""Sealing: what must not be readable in a copy of the database (AES-256-GCM, NIST SP 800-38D).

Each sealed value is bound to its place ("table|row|column"), so that it cannot be moved to another row.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from botpay.errors import LedgerFault

_NONCE_BYTES = 12


def seal(key: bytes, place: str, text: str) -> bytes:
    """The sealed form of a text: a fresh nonce of 96 bits, then ciphertext and tag."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, text.encode(), place.encode())


def unseal(key: bytes, place: str, sealed: bytes) -> str:
    """The text again. Raises `LedgerFault` if it was changed, moved, or sealed with another key."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode()).decode()
    except (InvalidTag, ValueError):
        raise LedgerFault(f"the sealed value at {place} cannot be opened with this key") from None

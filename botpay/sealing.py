"""Sealing: what must not be readable in a copy of the database (AES-256-GCM, NIST SP 800-38D).

Each sealed value is bound to its place (table, row, column), so that it cannot be moved to another, and begins with
the id of its key, so that keys can be changed while their values live on::

    key id (4 bytes) | nonce (12 bytes, random) | ciphertext and tag

A random nonce of 96 bits serves 2**32 values of one key (SP 800-38D, 8.3); `botpay keys rotate` comes long before.
"""

import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from botpay.config import Keys
from botpay.errors import LedgerFault

ID_BYTES = 4
_NONCE_BYTES = 12
_DIGEST_HEX = 32


@dataclass(frozen=True, kw_only=True)
class Keyring:
    """The keys of an installation's data, and what is derived from one that is never changed.

    Attributes:
        data: what is sealed from now on is sealed with this one.
        old: others that can still open what was sealed with them.
        index: keys digests of what must be found again without being readable: digests outlive a change of `data`.
    """

    data: bytes = field(repr=False)
    index: bytes = field(repr=False)
    old: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, keys: Keys) -> "Keyring":
        """The keyring of an installation's settings."""
        data, audit, *old = (
            bytes.fromhex(key.get_secret_value()) for key in (keys.data, keys.audit, *keys.old_data.values())
        )
        return cls(data=data, old=tuple(old), index=hmac.digest(audit, b"botpay index", "sha256"))

    @cached_property
    def current(self) -> bytes:
        """The id of the key that seals."""
        return key_id(self.data)

    @property
    def ids(self) -> frozenset[bytes]:
        """The ids of all keys that are here."""
        return frozenset(self._ciphers)

    def seal(self, place: str, text: str) -> bytes:
        """The sealed form of a text: its key's id, a fresh nonce, then ciphertext and tag."""
        nonce = os.urandom(_NONCE_BYTES)
        return self.current + nonce + self._ciphers[self.current].encrypt(nonce, text.encode(), place.encode())

    def unseal(self, place: str, sealed: bytes) -> str:
        """The text again. Raises `LedgerFault` if it was changed, moved, or sealed with a key that is not here."""
        cipher = self._ciphers.get(sealed[:ID_BYTES])
        nonce, rest = sealed[ID_BYTES : ID_BYTES + _NONCE_BYTES], sealed[ID_BYTES + _NONCE_BYTES :]
        try:
            if cipher is not None:
                return cipher.decrypt(nonce, rest, place.encode()).decode()
        except (InvalidTag, ValueError):
            pass
        raise LedgerFault(f"the sealed value at {place} cannot be opened with the keys that are here") from None

    def digest(self, purpose: str, text: str) -> str:
        """What a text can be found by and told apart, and not be read from; another for each purpose."""
        return hmac.digest(self.secret(purpose), text.encode(errors="surrogatepass"), "sha256").hex()[:_DIGEST_HEX]

    def secret(self, purpose: str) -> bytes:
        """A key of its own for one purpose, the same in every process of the installation."""
        return hmac.digest(self.index, purpose.encode(), "sha256")

    @cached_property
    def _ciphers(self) -> Mapping[bytes, AESGCM]:
        return {key_id(key): AESGCM(key) for key in (*self.old, self.data)}


def key_id(key: bytes) -> bytes:
    """What a key is called beside the values that it seals; nothing can be learnt of the key from it."""
    return hmac.digest(key, b"botpay key id", "sha256")[:ID_BYTES]


def place(table: str, row: str | tuple[str, ...], column: str) -> str:
    """What a value is bound to: "table|row|column". Parts of a row's name are quoted: none runs into the next."""
    parts = (row,) if isinstance(row, str) else row
    return f"{table}|{':'.join(quote(part, safe='-') for part in parts)}|{column}"

"""PINs: which are too easily guessed, and how they are kept.

Argon2id (RFC 9106) over an HMAC with a pepper that is not in the database: six digits alone fall within hours to
anybody who has a copy of the hashes, whatever the hash costs; without the pepper they do not fall at all.
"""

import hmac
import re
from collections.abc import Sequence

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from botpay.errors import Busy, ConfigError
from botpay.message import SecretText

PIN = re.compile(r"[0-9]{6}", re.ASCII)
_PIN_ALONE = re.compile(
    r"((?:(?:pour|for|pin|code|mon|my|avec|with|le|is)\W+)*)[0-9]{3} ?[0-9]{3}\W*", re.ASCII | re.IGNORECASE
)

_LIKE_A_PIN = re.compile(r"(?<!\d)\d{3}[ -]?\d{3}(?!\d)")
_COMMON = frozenset(
    {"123321", "112233", "123654", "147258", "159753", "159357", "258456", "420420", "696969", "102030"}
)
_RISING, _FALLING = "01234567890", "09876543210"


def is_pin(text: str) -> bool:
    """Whether a text has the form of a PIN: six ASCII digits and nothing else."""
    return PIN.fullmatch(text) is not None


def without_pin(memo: str) -> str:
    """A memo that is nothing but a PIN, with dots for it: who writes theirs behind a payment must not tell the payee.

    Six digits among other words ("facture 202611") stay as written.
    """
    found = _PIN_ALONE.fullmatch(memo.strip())
    return f"{found[1]}••••••" if found else memo


def without_pins(text: str) -> str:
    """A text with dots for all that could be a PIN, whatever stands beside it; for what nobody needs to read."""
    return _LIKE_A_PIN.sub("••••••", text)


def is_weak(pin: str) -> bool:
    """Whether a PIN is among the first that anybody would try: repeats, sequences, dates, and the usual ones."""
    repeated = any(pin == pin[:n] * (6 // n) for n in (1, 2, 3))
    return repeated or pin in _RISING or pin in _FALLING or pin in _COMMON or _is_date(pin)


def _is_date(pin: str) -> bool:
    a, b, c = int(pin[:2]), int(pin[2:4]), int(pin[4:])
    day_first, month_first, year_first = (
        (1 <= a <= 31 and 1 <= b <= 12),
        (1 <= a <= 12 and 1 <= b <= 31),
        (1 <= b <= 12 and 1 <= c <= 31),
    )
    return day_first or month_first or year_first


PEPPER_ID_CHARACTERS = 8


class PinHasher:
    """Hashes and checks PINs. Slow on purpose: call it from a worker thread.

    What is kept begins with the name of its pepper, "1f3c9a7b$argon2id$v=19$...": a name is a MAC under the pepper, so
    that one that was changed by mistake is seen as such, and not as everybody's wrong PIN.

    Args:
        pepper: 32 bytes kept outside the database.
        memory_kib, passes: the cost of Argon2id, with one lane.
        old_peppers: earlier ones, with which PINs are still checked, and no longer hashed.
    """

    def __init__(self, pepper: bytes, *, memory_kib: int, passes: int, old_peppers: Sequence[bytes] = ()) -> None:
        self._current = pepper_id(pepper)
        self._peppers = {pepper_id(known): known for known in (pepper, *old_peppers)}
        self._argon2 = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._nobodys = self._argon2.hash(b"")

    def hash(self, person_id: str, pin: SecretText) -> str:
        """What is kept of a person's PIN."""
        return f"{self._current}{self._argon2.hash(self._peppered(self._current, person_id, pin))}"

    def verify(self, hash_: str, person_id: str, pin: SecretText) -> bool:
        """Whether this is the PIN that `hash_` was made from, for this person. It costs the same where there is none.

        Raises `ConfigError` if its pepper is not known here, and `Busy` if it could not be checked at all, as when
        memory is short: neither is a wrong PIN.
        """
        name, kept = hash_[:PEPPER_ID_CHARACTERS], hash_[PEPPER_ID_CHARACTERS:]
        if not _is_hash(kept):
            return self._matches(self._nobodys, self._peppered(self._current, person_id, pin)) and False
        if name not in self._peppers:
            raise ConfigError(f"a PIN was hashed with pepper {name}, which is none of [keys]: put it in old_peppers")
        return self._matches(kept, self._peppered(name, person_id, pin))

    def renewed(self, hash_: str, person_id: str, pin: SecretText) -> str | None:
        """A hash to keep instead of that of a right PIN, if its pepper or its cost is not the one of today."""
        name, kept = hash_[:PEPPER_ID_CHARACTERS], hash_[PEPPER_ID_CHARACTERS:]
        if not _is_hash(kept) or (name == self._current and not self._argon2.check_needs_rehash(kept)):
            return None
        return self.hash(person_id, pin)

    def _matches(self, kept: str, peppered: bytes) -> bool:
        try:
            return self._argon2.verify(kept, peppered)
        except VerifyMismatchError:
            return False
        except VerificationError:
            raise Busy("the PIN could not be checked now") from None

    def _peppered(self, name: str, person_id: str, pin: SecretText) -> bytes:
        return hmac.digest(self._peppers[name], f"{person_id}|{pin.reveal()}".encode(), "sha256")


def pepper_id(pepper: bytes) -> str:
    """What a pepper is called in the hashes made with it."""
    return hmac.digest(pepper, b"name of a pepper", "sha256").hex()[:PEPPER_ID_CHARACTERS]


def _is_hash(kept: str) -> bool:
    try:
        extract_parameters(kept)
    except InvalidHashError:
        return False
    return True

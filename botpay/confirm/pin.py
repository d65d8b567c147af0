"""PINs: which are too easily guessed, and how they are kept.

Argon2id (RFC 9106) over an HMAC with a pepper that is not in the database: six digits alone fall within hours to
anybody who has a copy of the hashes, whatever the hash costs; without the pepper they do not fall at all.
"""

import hmac
import re

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from botpay.errors import Busy
from botpay.message import SecretText

PIN = re.compile(r"[0-9]{6}", re.ASCII)
_PIN_ALONE = re.compile(
    r"((?:(?:pour|for|pin|code|mon|my|avec|with|le|is)\W+)*)[0-9]{3} ?[0-9]{3}\W*", re.ASCII | re.IGNORECASE
)

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


class PinHasher:
    """Hashes and checks PINs. Slow on purpose: call it from a worker thread.

    Args:
        pepper: 32 bytes kept outside the database.
        memory_kib, passes: the cost of Argon2id, with one lane.
    """

    def __init__(self, pepper: bytes, *, memory_kib: int, passes: int) -> None:
        self._pepper = pepper
        self._argon2 = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)

    def hash(self, person_id: str, pin: SecretText) -> str:
        """What is kept of a person's PIN."""
        return self._argon2.hash(self._peppered(person_id, pin))

    def verify(self, hash_: str, person_id: str, pin: SecretText) -> bool:
        """Whether this is the PIN that `hash_` was made from, for this person.

        Raises `Busy` if it could not be checked at all, as when memory is short: that is no wrong PIN.
        """
        try:
            extract_parameters(hash_)
            return self._argon2.verify(hash_, self._peppered(person_id, pin))
        except (VerifyMismatchError, InvalidHashError):
            return False
        except VerificationError:
            raise Busy("the PIN could not be checked now") from None

    def _peppered(self, person_id: str, pin: SecretText) -> bytes:
        return hmac.digest(self._pepper, f"{person_id}|{pin.reveal()}".encode(), "sha256")

"""Checking PINs off the loop: a bounded pool, since each check takes tens of milliseconds and megabytes.

Whether there is room is asked before a try is counted; a try that was counted is checked, whatever else came meanwhile.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from botpay.confirm.challenge import Renewed
from botpay.message import SecretText


@dataclass(frozen=True, slots=True, kw_only=True)
class PinCheck:
    """A try that was counted and committed, and now is to be checked.

    Attributes:
        surface: where the PIN was entered, for an answer in place.
    """

    transfer_id: str
    person_id: str
    number: int
    pin: SecretText
    hash: str = field(repr=False)
    surface: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PinVerdict:
    """What came of a try; it enters by the same door as messages do.

    Attributes:
        renewed: to be kept with it, where a right PIN was hashed with an older pepper or for less.
    """

    transfer_id: str
    person_id: str
    number: int
    right: bool
    surface: str | None = None
    renewed: Renewed | None = None

    @property
    def source(self) -> str:
        """What is done once only: the verdict on this try."""
        return f"verdict:{self.transfer_id}:{self.number}"


Verify = Callable[[str, str, SecretText], bool]
"""(hash, person id, PIN) -> whether it is right; slow."""

Renew = Callable[[str, str, SecretText], str | None]
"""(hash, person id, its PIN) -> a hash to keep instead, if it is to be renewed; slow if it is."""


class Checker:
    """Runs checks, at most `workers` at a time, with room for `waiting` in line."""

    def __init__(self, verify: Verify, renew: Renew, *, workers: int, waiting: int) -> None:
        self._verify, self._renew = verify, renew
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="pin")
        self._most, self._under_way = workers + waiting, 0

    def room(self) -> int:
        """How many more PINs can be taken without having to wait too long; asked before their tries are counted."""
        return self._most - self._under_way

    async def check(self, check: PinCheck) -> PinVerdict:
        """The verdict on a try that was counted."""
        self._under_way += 1
        try:
            right, renewed = await asyncio.get_running_loop().run_in_executor(self._pool, self._judge, check)
        finally:
            self._under_way -= 1
        return PinVerdict(
            transfer_id=check.transfer_id,
            person_id=check.person_id,
            number=check.number,
            right=right,
            surface=check.surface,
            renewed=renewed,
        )

    def close(self) -> None:
        """Wait for the checks under way."""
        self._pool.shutdown()

    def _judge(self, check: PinCheck) -> tuple[bool, Renewed | None]:
        about = (check.hash, check.person_id, check.pin)
        if not self._verify(*about):
            return False, None
        new = self._renew(*about)
        return True, Renewed(check.hash, new) if new else None

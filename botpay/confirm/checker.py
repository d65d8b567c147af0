"""Checking PINs off the loop: a bounded pool, since each check takes tens of milliseconds and megabytes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from botpay.errors import Busy
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
    hash: str
    surface: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PinVerdict:
    """What came of a try; it enters by the same door as messages do."""

    transfer_id: str
    person_id: str
    number: int
    right: bool
    surface: str | None = None

    @property
    def source(self) -> str:
        """What is done once only: the verdict on this try."""
        return f"verdict:{self.transfer_id}:{self.number}"


Verify = Callable[[str, str, SecretText], bool]
"""(hash, person id, PIN) -> whether it is right; slow."""


class Checker:
    """Runs checks, at most `workers` at a time and `waiting` in line."""

    def __init__(self, verify: Verify, *, workers: int, waiting: int) -> None:
        self._verify = verify
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="pin")
        self._room = workers + waiting

    @property
    def full(self) -> bool:
        """Whether another PIN would have to wait too long; asked before its try is counted."""
        return self._room <= 0

    async def check(self, check: PinCheck) -> PinVerdict:
        """The verdict on a try. Raises `Busy` if the line is full."""
        if self.full:
            raise Busy("too many PINs are being checked")
        self._room -= 1
        try:
            loop = asyncio.get_running_loop()
            right = await loop.run_in_executor(self._pool, self._verify, check.hash, check.person_id, check.pin)
        finally:
            self._room += 1
        return PinVerdict(
            transfer_id=check.transfer_id,
            person_id=check.person_id,
            number=check.number,
            right=right,
            surface=check.surface,
        )

    def close(self) -> None:
        """Wait for the checks under way."""
        self._pool.shutdown()

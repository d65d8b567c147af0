"""Slow work on PINs off the loop: a bounded pool, since each hash takes tens of milliseconds and megabytes.

Whether there is room is asked before a try is counted; a try that was counted is checked, whatever else came meanwhile.
What came of it enters by the same door as messages do.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from botpay.confirm.challenge import Renewed
from botpay.message import SecretText

T = TypeVar("T")


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
    tried_at: datetime
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
    tried_at: datetime
    surface: str | None = None
    renewed: Renewed | None = None

    @property
    def source(self) -> str:
        """What is done once only: the verdict on this try."""
        return f"verdict:{self.transfer_id}:{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerCheck:
    """A try in a dialogue that was counted and committed: whether it is the account's owner who writes.

    Attributes:
        number: of the work within its dialogue.
    """

    dialogue_id: str
    person_id: str
    number: int
    pin: SecretText
    hash: str = field(repr=False)
    tried_at: datetime
    surface: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerVerdict:
    """What came of a try in a dialogue."""

    dialogue_id: str
    person_id: str
    number: int
    right: bool
    tried_at: datetime
    surface: str | None = None
    renewed: Renewed | None = None

    @property
    def source(self) -> str:
        """What is done once only: the verdict on this try."""
        return f"owner:{self.dialogue_id}:{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PinChoice:
    """A PIN that somebody chose in a dialogue, entered twice alike; now to be hashed for a person."""

    dialogue_id: str
    person_id: str
    number: int
    pin: SecretText
    surface: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PinHashed:
    """The hash of a PIN that was chosen."""

    dialogue_id: str
    person_id: str
    number: int
    hash: str = field(repr=False)
    surface: str | None = None

    @property
    def source(self) -> str:
        """What is done once only: the hash for this choice."""
        return f"hashed:{self.dialogue_id}:{self.number}"


Work = OwnerCheck | PinChoice
"""Slow work that a dialogue waits for."""
Verify = Callable[[str, str, SecretText], bool]
"""(hash, person id, PIN) -> whether it is right; slow."""
MakeHash = Callable[[str, SecretText], str]
"""(person id, PIN) -> what is kept of it; slow."""

Renew = Callable[[str, str, SecretText], str | None]
"""(hash, person id, its PIN) -> a hash to keep instead, if it is to be renewed; slow if it is."""


class Checker:
    """Runs checks and hashes, at most `workers` at a time, with room for `waiting` in line."""

    def __init__(self, verify: Verify, renew: Renew, make_hash: MakeHash, *, workers: int, waiting: int) -> None:
        self._verify, self._renew, self._make_hash = verify, renew, make_hash
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="pin")
        self._most, self._under_way = workers + waiting, 0

    def room(self) -> int:
        """How many more PINs can be taken without having to wait too long; asked before their tries are counted."""
        return self._most - self._under_way

    async def check(self, check: PinCheck) -> PinVerdict:
        """The verdict on a try that was counted."""
        right, renewed = await self._run(lambda: self._judge(check))
        return PinVerdict(
            transfer_id=check.transfer_id,
            person_id=check.person_id,
            number=check.number,
            right=right,
            tried_at=check.tried_at,
            surface=check.surface,
            renewed=renewed,
        )

    async def work(self, work: Work) -> OwnerVerdict | PinHashed:
        """What comes of slow work for a dialogue."""
        about = {"dialogue_id": work.dialogue_id, "person_id": work.person_id}
        if isinstance(work, OwnerCheck):
            right, renewed = await self._run(lambda: self._judge(work))
            return OwnerVerdict(
                **about,
                number=work.number,
                right=right,
                tried_at=work.tried_at,
                surface=work.surface,
                renewed=renewed,
            )
        made = await self._run(lambda: self._make_hash(work.person_id, work.pin))
        return PinHashed(**about, number=work.number, hash=made, surface=work.surface)

    async def _run(self, slow: Callable[[], T]) -> T:
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, slow)
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """Wait for the checks under way."""
        self._pool.shutdown()

    def _judge(self, check: PinCheck | OwnerCheck) -> tuple[bool, Renewed | None]:
        about = (check.hash, check.person_id, check.pin)
        if not self._verify(*about):
            return False, None
        new = self._renew(*about)
        return True, Renewed(check.hash, new) if new else None

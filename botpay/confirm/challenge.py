"""The rules of a challenge: who may try, how often, until when. Pure: no SQL, no clock.

A try is counted, and the count committed, before the PIN is checked; so neither parallel tries nor a crash give one
more. Counts of tries never fall within a challenge; a right PIN alone resets a person's row of failures.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from botpay.clock import day_of
from botpay.errors import Code, Refusal
from botpay.message import SecretText

TRIES_PER_TRANSFER = 3
FAILURES_BEFORE_LOCK = 5  # Delegated Regulation (EU) 2018/389, article 4(3)(b)
_WAITS = {3: timedelta(seconds=5), 4: timedelta(seconds=30)}
_REPLACED_AFTER, _REPLACED_AT_LAST = timedelta(minutes=15), timedelta(hours=24)
_WAIT_AFTER_LOCK, _LONGEST_WAIT = timedelta(seconds=30), timedelta(minutes=16)
CHECK_WITHIN = timedelta(seconds=5)
"""After this long without a verdict the check is taken for lost (the process died), and the person may try again."""
NO_PIN = ""
"""In the place of a hash that there is none of: checking it costs what any check costs, and no PIN is right."""


class State(StrEnum):
    """A challenge begins open and ends once."""

    OPEN = "open"
    PASSED = "passed"
    FAILED = "failed"
    LOCKED = "locked"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


ENDED_AS = {
    State.PASSED: Code.ALREADY_POSTED,
    State.FAILED: Code.ALREADY_VOIDED,
    State.LOCKED: Code.ALREADY_VOIDED,
    State.CANCELLED: Code.ALREADY_VOIDED,
    State.EXPIRED: Code.ALREADY_EXPIRED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """The confirmation asked of a sender, bound to one transfer, its amount and its payee.

    Attributes:
        transfer_id: the reserve that it decides about.
        payee: the name and handle, or legal name, that the sender was shown.
        origin_*: where the command was written, and by which identity; `origin_card` if that is a card of ours.
        prompt_id: the outbound that shows it.
        asked_at: when the question was last put; a PIN typed before that answers another one.
        entry: digits of the PIN entered so far on a keypad; sealed at rest.
        checking_until: while a try is being checked no other is taken.
        link: the hash of the token of the page on which it can be answered; that of the newest prompt alone.
    """

    transfer_id: str
    person_id: str
    amount_minor: int
    currency: str
    payee_owner: str
    payee_kind: str
    payee: str
    memo: str | None = field(repr=False)
    language: str
    origin_adapter: str
    origin_tenant: str
    origin_actor: str
    origin_chat: str
    origin_public: bool
    prompt_id: str
    created_at: datetime
    asked_at: datetime
    expires_at: datetime
    state: State = State.OPEN
    tries: int = 0
    entry: SecretText = field(default_factory=SecretText)
    checking_until: datetime | None = None
    link: bytes | None = None
    origin_card: bool = False
    version: int = 0

    @property
    def tries_left(self) -> int:
        """How many PINs may still be tried for this payment."""
        return TRIES_PER_TRANSFER - self.tries

    def ended(self, state: State) -> "Challenge":
        """This challenge, over."""
        return self.changed(state=state, entry=SecretText(), checking_until=None)

    def changed(self, **what: object) -> "Challenge":
        """This challenge with some fields changed, one version later."""
        return replace(self, version=self.version + 1, **what)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A person's PIN: its hash, and the failures since it was last right.

    Attributes:
        locks: how often it was locked since it was last right: the more often, the longer each failure makes wait.
        again_at: after a failure no PIN is taken before.
        reset_at: when it was chosen without the one before, which was forgotten.
        wrong_day, wrong_today: the last day on which it was wrong, and how often it was then, right ones or not.
    """

    person_id: str
    hash: str = field(repr=False)
    failures: int = 0
    locked_at: datetime | None = None
    locks: int = 0
    again_at: datetime | None = None
    wrong_day: int = 0
    wrong_today: int = 0
    reset_at: datetime | None = None
    version: int = 0

    @property
    def locked(self) -> bool:
        """Whether no PIN is taken from this person until they are unlocked."""
        return self.locked_at is not None or self.failures >= FAILURES_BEFORE_LOCK

    def changed(self, **what: object) -> "Pin":
        """This PIN with some fields changed, one version later."""
        return replace(self, version=self.version + 1, **what)  # type: ignore[arg-type]

    def replaced(self, hash_: str, now: datetime) -> "Pin":
        """Another PIN of a person who proved who they are without this one: they may try again, and spend little."""
        return replace(self.unlocked(), hash=hash_, reset_at=now)

    def unlocked(self) -> "Pin":
        """This PIN with its row of failures and those of the day forgotten, as by an operator; how often it was locked
        stays known."""
        locks = self.locks + 1 if self.locked else self.locks
        return self.changed(failures=0, locked_at=None, locks=locks, again_at=None, wrong_today=0)


@dataclass(frozen=True, slots=True)
class Renewed:
    """A hash to keep in the place of an older one, made from the same PIN."""

    old: str = field(repr=False)
    new: str = field(repr=False)


def may_try(challenge: Challenge, now: datetime) -> Refusal | None:
    """Whether this payment takes a PIN now."""
    if challenge.state is not State.OPEN:
        return Refusal(ENDED_AS[challenge.state])
    if now >= challenge.expires_at:
        return Refusal(Code.ALREADY_EXPIRED)
    if challenge.checking_until is not None and now < challenge.checking_until:
        return Refusal(Code.STILL_CHECKING)
    if challenge.tries_left <= 0:
        return Refusal(Code.ALREADY_VOIDED)
    return None


def may_enter(pin: Pin | None, now: datetime, per_day: int) -> Refusal | None:
    """Whether a PIN is taken from this person now. Where there is none, or it is locked, it is: see `to_check`."""
    if pin is None or pin.locked:
        return None
    if pin.again_at is not None and now < pin.again_at:
        return Refusal.because(Code.TOO_SOON, wait=pin.again_at - now)
    return too_many_today(pin, now, per_day)


def too_many_today(pin: Pin, now: datetime, per_day: int) -> Refusal | None:
    """Whether it was wrong so often today that no more is taken, right or not."""
    return Refusal(Code.TOO_MANY_TODAY) if _wrong_on(pin, now) >= per_day else None


def may_replace(pin: Pin | None, now: datetime) -> Refusal | None:
    """Whether a code may be sent by which a PIN is replaced: not right after a lock, and the later, the more locks."""
    if pin is None or pin.locked_at is None:
        return None
    free_at = pin.locked_at + min(_REPLACED_AFTER * 4 ** min(pin.locks, 4), _REPLACED_AT_LAST)
    return Refusal.because(Code.REPLACED_LATER, wait=free_at - now) if now < free_at else None


def to_check(pin: Pin | None) -> str:
    """The hash that a PIN is checked against.

    Who has no PIN, or is locked, is answered after as long and in the same words as who got theirs wrong: nobody learns
    from an answer whether it was right, if it would not have counted.
    """
    return NO_PIN if pin is None or pin.locked else pin.hash


def count_try(challenge: Challenge, now: datetime) -> Challenge:
    """A challenge after one more try, as committed before the PIN is checked."""
    return challenge.changed(tries=challenge.tries + 1, entry=SecretText(), checking_until=now + CHECK_WITHIN)


def count_failure(pin: Pin, now: datetime) -> Pin:
    """A PIN after one more try, which counts as a failure until it turns out right. A locked one counts no more."""
    if pin.locked:
        return pin
    failures = pin.failures + 1
    wait, wrong_today = _wait(pin.locks, failures), _wrong_on(pin, now) + 1
    return pin.changed(
        failures=failures, again_at=now + wait if wait else None, wrong_day=day_of(now), wrong_today=wrong_today
    )


def right(pin: Pin, tried_at: datetime, renewed: Renewed | None = None) -> Pin:
    """A PIN that was right: its row of failures begins anew, and a renewed hash is kept if it is still this PIN's."""
    hash_ = renewed.new if renewed and renewed.old == pin.hash else pin.hash
    wrong_today = pin.wrong_today - 1 if pin.wrong_day == day_of(tried_at) else pin.wrong_today
    return pin.changed(hash=hash_, failures=0, locks=0, again_at=None, wrong_today=max(wrong_today, 0))


def wrong(challenge: Challenge, pin: Pin | None, now: datetime) -> tuple[Challenge, Pin | None]:
    """Both after a try that was wrong: open again, failed, or the person locked."""
    if pin is not None and pin.failures >= FAILURES_BEFORE_LOCK and pin.locked_at is None:
        return challenge.ended(State.LOCKED), pin.changed(locked_at=now)
    if challenge.tries_left <= 0:
        return challenge.ended(State.FAILED), pin
    return challenge.changed(checking_until=None), pin


def _wait(locks: int, failures: int) -> timedelta:
    """How long a failure makes wait: not at all the first two times; after each lock much more, from the first one."""
    if not locks:
        return _WAITS.get(failures, timedelta())
    longer: int = 4 ** (min(locks, 4) - 1)
    return min(_WAIT_AFTER_LOCK * failures * longer, _LONGEST_WAIT)


def _wrong_on(pin: Pin, now: datetime) -> int:
    return pin.wrong_today if pin.wrong_day == day_of(now) else 0

"""The rules of a challenge: who may try, how often, until when. Pure: no SQL, no clock.

A try is counted, and the count committed, before the PIN is checked; so neither parallel tries nor a crash give one
more. Counts of tries never fall within a challenge; a right PIN alone resets a person's row of failures.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from botpay.errors import Code, Refusal
from botpay.message import SecretText

TRIES_PER_TRANSFER = 3
FAILURES_BEFORE_LOCK = 5  # Delegated Regulation (EU) 2018/389, article 4(3)(b)
CHECK_WITHIN = timedelta(seconds=5)
"""After this long without a verdict the check is taken for lost (the process died), and the person may try again."""


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
        origin_*: where the command was written, and by which identity.
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
    memo: str | None
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
    """A person's PIN: its hash, and the failures since it was last right."""

    person_id: str
    hash: str = field(repr=False)
    failures: int = 0
    locked_at: datetime | None = None
    version: int = 0

    @property
    def locked(self) -> bool:
        """Whether no PIN is taken from this person until they are unlocked."""
        return self.locked_at is not None or self.failures >= FAILURES_BEFORE_LOCK


@dataclass(frozen=True, slots=True)
class Renewed:
    """A hash to keep in the place of an older one, made from the same PIN."""

    old: str = field(repr=False)
    new: str = field(repr=False)


def may_try(challenge: Challenge, pin: Pin, now: datetime) -> Refusal | None:
    """Whether a PIN may be tried now."""
    if challenge.state is not State.OPEN:
        return Refusal(ENDED_AS[challenge.state])
    if now >= challenge.expires_at:
        return Refusal(Code.ALREADY_EXPIRED)
    if challenge.checking_until is not None and now < challenge.checking_until:
        return Refusal(Code.STILL_CHECKING)  # asked before the lock: a fifth try that is being checked may be right
    if pin.locked:
        return Refusal(Code.PERSON_LOCKED)
    if challenge.tries_left <= 0:
        return Refusal(Code.ALREADY_VOIDED)
    return None


def count_try(challenge: Challenge, pin: Pin, now: datetime) -> tuple[Challenge, Pin]:
    """Both after one more try, as committed before the PIN is checked."""
    counted = challenge.changed(tries=challenge.tries + 1, entry=SecretText(), checking_until=now + CHECK_WITHIN)
    return counted, replace(pin, failures=pin.failures + 1, version=pin.version + 1)


def right(pin: Pin, renewed: Renewed | None = None) -> Pin:
    """A PIN that was right: its row of failures begins anew, and a renewed hash is kept if it is still this PIN's."""
    hash_ = renewed.new if renewed and renewed.old == pin.hash else pin.hash
    return replace(pin, hash=hash_, failures=0, version=pin.version + 1)


def wrong(challenge: Challenge, pin: Pin, now: datetime) -> tuple[Challenge, Pin]:
    """Both after a try that was wrong: open again, failed, or the person locked."""
    if pin.failures >= FAILURES_BEFORE_LOCK:
        return challenge.ended(State.LOCKED), replace(pin, locked_at=now, version=pin.version + 1)
    if challenge.tries_left <= 0:
        return challenge.ended(State.FAILED), pin
    return challenge.changed(checking_until=None), pin

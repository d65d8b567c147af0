"""What pages show, as read from the tables: nothing is locked and nothing is changed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, bindparam, select

from botpay.confirm.challenge import FAILURES_BEFORE_LOCK, TRIES_PER_TRANSFER, State
from botpay.confirm.store import challenges, open_memo, pins
from botpay.dialogues.store import find_dialogue
from botpay.handlers.dialogues import pin_question
from botpay.handlers.world import Terms, World
from botpay.ledger.schema import accounts
from botpay.money import Money
from botpay.sealing import Keyring


class Standing(StrEnum):
    """Where a payment stands, to whoever looks at its page."""

    ASKED = "asked"
    CHECKING = "checking"
    PASSED = "passed"
    FAILED = "failed"
    LOCKED = "locked"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A payment at one moment, as it was put to its sender.

    Attributes:
        link: the hash of the token in the newest link to it.
        left: what the sender can spend, the money of this payment not counted while it is held.
        tries: how many PINs were tried for it.
        failures: how many PINs of its sender were wrong in a row.
        time_left: until it expires; never below zero.
    """

    transfer_id: str
    person_id: str
    link: bytes = field(repr=False)
    standing: Standing
    kind: str
    amount: Money
    payee: str
    memo: str | None
    language: str
    left: Money
    tries: int
    failures: int
    expires_at: datetime
    time_left: timedelta

    @property
    def before_lock(self) -> int:
        """How many more wrong PINs lock the account."""
        return FAILURES_BEFORE_LOCK - self.failures

    @property
    def tries_left(self) -> int:
        """How many PINs this payment still takes."""
        return min(TRIES_PER_TRANSFER - self.tries, self.before_lock)


_COLUMNS = [column for column in challenges.c if column.name not in ("entry", "version")]
_payment = select(*_COLUMNS, pins.c.failures).outerjoin(pins, pins.c.person_id == challenges.c.person_id)
_free = select(accounts.c.credits_posted - accounts.c.debits_posted - accounts.c.debits_pending).where(
    accounts.c.owner == bindparam("owner"), accounts.c.currency == bindparam("currency")
)


def by_link(connection: Connection, keyring: Keyring, link: bytes, now: datetime) -> Shown | None:
    """The payment that a link leads to, by the hash of its token."""
    return _read(connection, keyring, challenges.c.link == link, now)


def by_transfer(connection: Connection, keyring: Keyring, transfer_id: str, now: datetime) -> Shown | None:
    """The payment of a transfer, if it can be answered on a page at all."""
    return _read(connection, keyring, challenges.c.transfer_id == transfer_id, now)


def _read(connection: Connection, keyring: Keyring, which: ColumnElement[bool], now: datetime) -> Shown | None:
    row = connection.execute(_payment.where(which, challenges.c.link.is_not(None))).one_or_none()
    if row is None:
        return None
    free = connection.execute(_free, {"owner": row.person_id, "currency": row.currency}).scalar_one()
    standing = _standing(State(row.state), row.expires_at, row.checking_until, now)
    still_held = row.state == State.OPEN and standing is Standing.EXPIRED  # the sweep that gives it back is coming
    return Shown(
        transfer_id=row.transfer_id,
        person_id=row.person_id,
        link=row.link,
        standing=standing,
        kind=row.payee_kind,
        amount=Money(row.amount_minor, row.currency),
        payee=row.payee,
        memo=open_memo(keyring, row.transfer_id, row.memo),
        language=row.language,
        left=Money(free + (row.amount_minor if still_held else 0), row.currency),
        tries=row.tries,
        failures=row.failures or 0,
        expires_at=row.expires_at,
        time_left=max(row.expires_at - now, timedelta()),
    )


def _standing(state: State, expires_at: datetime, checking_until: datetime | None, now: datetime) -> Standing:
    if state is not State.OPEN:
        return Standing(state.value)
    if now >= expires_at:
        return Standing.EXPIRED
    return Standing.CHECKING if checking_until is not None and now < checking_until else Standing.ASKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A dialogue's question for a PIN at one moment.

    Attributes:
        number: the version of the dialogue, which an answer names.
        why: what is said before the question, such as why the last answer was of no use.
        text: the question; None where the dialogue asks for no PIN now.
        at_work: the last answer is still being worked on.
    """

    dialogue_id: str
    actor_id: str
    language: str
    number: int
    why: str | None
    text: str | None
    at_work: bool
    time_left: timedelta


def asked_in(connection: Connection, keyring: Keyring, terms: Terms, dialogue_id: str, now: datetime) -> Asked | None:
    """What a dialogue asks; None if it is over."""
    dialogue = find_dialogue(connection, keyring, dialogue_id)
    if dialogue is None or dialogue.over or now >= dialogue.expires_at:
        return None
    return Asked(
        dialogue_id=dialogue.id,
        actor_id=dialogue.actor_id,
        language=dialogue.language,
        number=dialogue.version,
        why=dialogue.why,
        text=pin_question(World(now=now, terms=terms), dialogue),
        at_work=dialogue.is_at_work(now),
        time_left=dialogue.expires_at - now,
    )

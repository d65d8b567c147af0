"""What an operator does about letters that could not be delivered: see them, send them again, drop them.

Nobody reads what a letter says here, or whom it is for. Each change is one audited commit.
"""

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from botpay.audit.store import append
from botpay.clock import Clock
from botpay.confirm.challenge import Challenge, State
from botpay.confirm.keypad import named_in
from botpay.confirm.store import load_challenges
from botpay.database import Database
from botpay.dialogues.model import Dialogue
from botpay.dialogues.store import load_dialogues
from botpay.errors import ConfigError
from botpay.message import Visibility
from botpay.outbox.kept import Kept, load_kept, overtaken, queue_again, wipe
from botpay.outbox.model import Fate
from botpay.sealing import Keyring

_HERE = (Fate.QUEUED, Fate.DEAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A letter as the operator sees it.

    Attributes:
        kind: "person" or "chat"; None if no key that is here opens the letter.
        to: the digest of whom it is for: the same for all letters of one lane.
        error: the kind of the last error.
    """

    id: str
    where: str
    kind: str | None
    to: str
    fate: Fate
    tries: int
    age: timedelta
    error: str | None


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of dead letters that were to be sent again.

    Attributes:
        queued: they wait at the ends of their lanes.
        superseded: wiped; something later was said in their place, or what they ask is over.
        sealed: left as they are; no key that is here opens them.
    """

    queued: tuple[str, ...]
    superseded: tuple[str, ...]
    sealed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxDesk:
    """The outbox of one installation, from the operator's side."""

    database: Database
    clock: Clock
    keyring: Keyring
    audit_key: bytes = field(repr=False)

    def entries(self, fate: Fate | None = None, adapter: str | None = None, error: str | None = None) -> list[Entry]:
        """What waits and what is dead, the oldest first."""
        with self.database.read() as connection:
            now = self.database.now(connection, self.clock)
            kept = load_kept(connection, self.keyring, _HERE, lock=False)
        found = (_entry(letter, now) for letter in kept if adapter in (None, letter.adapter))
        return [entry for entry in found if fate in (None, entry.fate) and error in (None, entry.error)]

    def retry(self, letter_id: str) -> Retried:
        """Send a dead letter again, if what it says still holds. Raises `ConfigError` if there is none of this id."""
        wanted = _checked(letter_id)
        return self.database.transact(lambda connection: self._again(connection, [wanted], None))

    def retry_all(self, adapter: str | None = None) -> Retried:
        """Send all dead letters again, or those of one adapter, if what they say still holds."""
        return self.database.transact(lambda connection: self._again(connection, None, adapter))

    def drop(self, letter_id: str, reason: str) -> None:
        """Wipe a letter that waits or is dead. Raises `ConfigError` if there is none of this id.

        One that is being sent at this moment may still arrive.
        """
        wanted = _checked(letter_id)
        if not reason.strip():
            raise ConfigError("it needs a reason: whoever reads the audit later will ask (--reason)")

        def work(connection: Connection) -> None:
            _named(load_kept(connection, self.keyring, _HERE, [wanted]), "letter")
            wipe(connection, [wanted], Fate.DROPPED)
            self._audit(connection, [(wanted, f"{Fate.DROPPED}: {reason.strip()}")])

        self.database.transact(work)

    def _again(self, connection: Connection, ids: Collection[str] | None, adapter: str | None) -> Retried:
        dead = [x for x in load_kept(connection, self.keyring, [Fate.DEAD], ids) if adapter in (None, x.adapter)]
        if ids is not None:
            _named(dead, "dead letter")
        now = self.database.now(connection, self.clock)
        over = self._asked_in_vain(connection, dead, now) | overtaken(connection, dead)
        done = Retried(
            queued=tuple(x.id for x in dead if x.letter and x.id not in over),
            superseded=tuple(x.id for x in dead if x.letter and x.id in over),
            sealed=tuple(x.id for x in dead if x.letter is None),
        )
        queue_again(connection, done.queued, now)
        wipe(connection, done.superseded, Fate.SUPERSEDED)
        self._audit(
            connection,
            [*((x, "retried") for x in done.queued), *((x, Fate.SUPERSEDED.value) for x in done.superseded)],
        )
        return done

    def _asked_in_vain(self, connection: Connection, dead: Collection[Kept], now: datetime) -> set[str]:
        """Those that ask what is answered, out of time, or asked by a later prompt.

        The rows of what they ask about are locked: an answer comes before this, and is seen, or after it, and its
        letter stands behind those that are queued here.
        """
        about = {letter.id: found for letter in dead for found in _asks_about(letter)}
        ids = sorted(set(about.values()))
        questions: dict[str, Challenge | Dialogue] = {
            **{c.transfer_id: c for c in load_challenges(connection, self.keyring, ids=ids) if c.state is State.OPEN},
            **{d.id: d for d in load_dialogues(connection, self.keyring, ids=ids)},
        }
        standing = {
            letter.id
            for letter in dead
            if (question := questions.get(about.get(letter.id, "")))
            and question.expires_at > now
            and question.prompt_id in (letter.id, letter.replaces_letter)
        }
        return set(about) - standing

    def _audit(self, connection: Connection, told: list[tuple[str, str]]) -> None:
        if told:
            events = [(f"letter:{letter_id}", outcome) for letter_id, outcome in told]
            append(connection, self.audit_key, events, [], self.database.now(connection, self.clock))


def _asks_about(letter: Kept) -> Iterator[str]:
    """The payment or dialogue that the buttons of a letter are about."""
    for row in letter.letter.outbound.rows if letter.letter else ():
        for button in row:
            if button.token and (about := named_in(button.token)):
                yield about


def _entry(letter: Kept, now: datetime) -> Entry:
    private = letter.letter and letter.letter.outbound.visibility is Visibility.PRIVATE
    return Entry(
        id=letter.id,
        where=f"{letter.adapter}:{letter.tenant}",
        kind=None if private is None else ("person" if private else "chat"),
        to=letter.lane,
        fate=letter.fate,
        tries=letter.tries,
        age=now - letter.created_at,
        error=letter.reason,
    )


def _named(found: Collection[Kept], what: str) -> None:
    if not found:
        raise ConfigError(f"there is no {what} of this id: `botpay outbox list` shows all")


def _checked(letter_id: str) -> str:
    try:
        return str(uuid.UUID(letter_id))
    except ValueError:
        raise ConfigError(f"{letter_id!r} is no letter's id: `botpay outbox list` shows all") from None

"""What an operator does about people: see who is there, approve, lock, unlock, forget. Each in one audited commit."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, select

from botpay import ids, proof
from botpay.audit.store import append
from botpay.clock import Clock
from botpay.confirm.store import load_pins, pins, save_pins
from botpay.database import Database
from botpay.directory.linking import parted
from botpay.directory.people import Identity, Person, erased
from botpay.directory.store import (
    load_identities,
    load_people,
    people,
    save_identities,
    save_owner,
    save_standing,
)
from botpay.erasure import erase
from botpay.errors import ConfigError
from botpay.handlers.talk import place, private
from botpay.ledger.store import load_accounts
from botpay.outbox.model import Letter
from botpay.outbox.store import save_letters
from botpay.replies import sentence
from botpay.sealing import Keyring

Change = Callable[[Person, datetime], Person]


class Standing(StrEnum):
    """What keeps a person from paying, the first that holds; or nothing does."""

    FORGOTTEN = "forgotten"
    FROZEN = "frozen"
    LOCKED = "locked"
    AWAITING = "awaiting"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A person as the operator sees them: no address, no balance."""

    id: str
    name: str
    standing: Standing
    language: str
    country: str | None
    places: tuple[str, ...]
    enrolled_at: datetime
    approved_at: datetime | None
    terms: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """The people of one installation.

    Args:
        approves: nobody pays before the operator has approved them.
        language: of what is left of a name.
    """

    database: Database
    clock: Clock
    audit_key: bytes = field(repr=False)
    keyring: Keyring
    approves: bool
    language: str

    def entries(self, standing: Standing | None = None) -> list[Entry]:
        """Everybody, or those of one standing, the newest last."""
        with self.database.read() as connection:
            found = list(self._entries(connection))
        return [entry for entry in found if standing in (None, entry.standing)]

    def entry(self, person_id: str) -> Entry:
        """One person."""
        return next(entry for entry in self.entries() if entry.id == person_id)

    def approve(self, person_id: str, country: str | None, reason: str) -> bool:
        """Let a person pay, and tell them; False if that is so already.

        Args:
            country: of residence, where it is not known yet or wrong.
        """

        def change(person: Person, now: datetime) -> Person:
            return replace(person, approved_at=person.approved_at or now, country=country or person.country)

        return self._change(person_id, change, "approved", reason)

    def lock(self, person_id: str, reason: str) -> bool:
        """Let nothing be paid in a person's name; False if that is so already. Money still comes in."""
        return self._change(
            person_id, lambda person, now: replace(person, locked_at=person.locked_at or now), "locked", reason
        )

    def unlock(self, person_id: str, reason: str) -> bool:
        """Let a person that was locked by the operator pay again; False if they were not."""
        return self._change(person_id, lambda person, _: replace(person, locked_at=None), "unlocked", reason)

    def forget(self, person_id: str, reason: str) -> None:
        """Close an account and erase what is known of its person. Raises `ConfigError` while there is money in it."""

        def work(connection: Connection) -> None:
            person, now = self._locked(connection, person_id)
            known = load_identities(connection, people_ids=[person_id])
            after = erased(person, sentence("forget.name", self.language), now)
            states = [proof.state_of_person(after)]
            for pin in load_pins(connection, [person_id]):
                blank = pin.changed(hash="", failures=0, locked_at=None)
                save_pins(connection, {person_id: pin}, [blank])
                states.append(proof.state_of_pin(blank))
            for identity in known:
                gone = replace(parted(identity, now), handle=None, name=None)
                save_owner(connection, identity, gone)
                save_identities(connection, [gone])
                states.append(proof.state_of_identity(gone.key, None, now))
            append(connection, self.audit_key, [_told(person_id, "forgotten", reason)], [], now, states)
            erase(connection, self.keyring, after, [identity.key for identity in known], now)

        self.database.transact(work)

    def _locked(self, connection: Connection, person_id: str) -> tuple[Person, datetime]:
        """A person whose payments come before or after, not amid, if nothing is in their accounts."""
        held = [account for account in load_accounts(connection, owners=[person_id]) if account.balance_minor]
        if held:
            raise ConfigError("there is money in this account, or on its way: pay it out or cancel that first")
        (person,) = load_people(connection, [person_id])
        if person.forgotten_at is not None:
            raise ConfigError("this person is forgotten already")
        return person, self.database.now(connection, self.clock)

    def _change(self, person_id: str, change: Change, outcome: str, reason: str) -> bool:
        def work(connection: Connection) -> bool:
            load_accounts(connection, owners=[person_id])  # the lock: payments come before or after, not amid
            (person,) = load_people(connection, [person_id])
            now = self.database.now(connection, self.clock)
            after = change(person, now)
            if after == person or person.forgotten_at is not None:
                return False
            save_standing(connection, after)
            append(
                connection,
                self.audit_key,
                [_told(person_id, outcome, reason)],
                [],
                now,
                [proof.state_of_person(after)],
            )
            if outcome == "approved" and self.approves:
                save_letters(connection, self.keyring, self._news(connection, after, now), now)
            return True

        return self.database.transact(work)

    def _news(self, connection: Connection, person: Person, now: datetime) -> list[Letter]:
        text = sentence("approved", person.language)
        known = load_identities(connection, people_ids=[person.id])
        return [
            Letter(outbound=private(i.adapter, i.tenant, i.id, text)).numbered(
                ids.derived(now, f"approved:{':'.join(i.key)}")
            )
            for i in known
        ]

    def _entries(self, connection: Connection) -> Iterator[Entry]:
        created = {row.id: row.created_at for row in connection.execute(select(people.c.id, people.c.created_at))}
        locked = set(connection.execute(select(pins.c.person_id).where(pins.c.locked_at.is_not(None))).scalars())
        where: dict[str, list[Identity]] = {}
        for identity in load_identities(connection, people_ids=list(created)):
            where.setdefault(identity.person_id or "", []).append(identity)
        for person in sorted(load_people(connection, list(created)), key=lambda person: created[person.id]):
            yield Entry(
                id=person.id,
                name=person.name,
                standing=self._standing(person, person.id in locked),
                language=person.language,
                country=person.country,
                places=tuple(f"{place(i)} {':'.join(i.key)}" for i in where.get(person.id, [])),
                enrolled_at=created[person.id],
                approved_at=person.approved_at,
                terms=person.terms,
            )

    def _standing(self, person: Person, pin_locked: bool) -> Standing:
        holds = {
            Standing.FORGOTTEN: person.forgotten_at is not None,
            Standing.FROZEN: person.frozen,
            Standing.LOCKED: person.locked_at is not None or pin_locked,
            Standing.AWAITING: self.approves and person.approved_at is None,
            Standing.ACTIVE: True,
        }
        return next(standing for standing, is_so in holds.items() if is_so)


def _told(person_id: str, outcome: str, reason: str) -> tuple[str, str]:
    """What the audit is told: whom, and what happened with the operator's reason."""
    return f"person:{person_id}", f"{outcome}: {reason.strip()}" if reason.strip() else outcome

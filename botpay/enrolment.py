"""What an operator sets up: people with a first PIN, charities, and money that comes in. Each in one commit."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from botpay import ids, proof
from botpay.audit.store import append
from botpay.charities.model import Charity
from botpay.charities.review import checked_name
from botpay.charities.store import save_charity
from botpay.charities.tags import checked_tag
from botpay.charity_register import alone, require_room
from botpay.clock import Clock
from botpay.confirm.challenge import Pin
from botpay.confirm.pin import PinHasher, is_pin, is_weak
from botpay.confirm.store import add_pin
from botpay.database import Database
from botpay.directory.people import Person, Sighting, fold, identity_of
from botpay.directory.store import add_identity, load_identities, load_sightings, save_person, save_sightings
from botpay.errors import ConfigError, Refusal
from botpay.ledger.model import AccountKind, Transfer
from botpay.ledger.store import open_account
from botpay.message import Actor, SecretText
from botpay.money import Money
from botpay.operations import Operations
from botpay.parsing import normalise_tag, tags_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """Adds people and charities to one installation."""

    database: Database
    clock: Clock
    hasher: PinHasher
    audit_key: bytes = field(repr=False)

    def add_person(
        self,
        name: str,
        language: str,
        pin: SecretText,
        actors: Sequence[Actor],
        *,
        country: str | None = None,
        currency: str = "EUR",
    ) -> Person:
        """A person with an empty account, known by the identities of `actors`; the operator approves whom they add.

        Raises `ConfigError` if the name is empty, the PIN is not six digits or too easily guessed, or an identity or a
        handle is somebody's already.
        """
        if not name.strip():
            raise ConfigError("a person needs a name that payers can recognise")
        if not is_pin(pin.reveal()) or is_weak(pin.reveal()):
            raise ConfigError("a PIN is six digits, and not a sequence, a repetition or a date: choose another")
        now = self.clock()
        person = Person(id=ids.fresh(now), name=name, language=language, country=country, approved_at=now)
        kept = Pin(person_id=person.id, hash=self.hasher.hash(person.id, pin))
        with self.database.write() as connection:
            _require_free(connection, actors)
            save_person(connection, person, now)
            add_pin(connection, kept)
            for actor in actors:
                add_identity(connection, identity_of(actor), person.id)
            save_sightings(connection, [_sighting(actor, now) for actor in actors if actor.handle])
            account = open_account(connection, person.id, AccountKind.PERSON, currency)
            states = [
                proof.state_of_person(person),
                proof.state_of_pin(kept),
                *(proof.state_of_identity(actor.key, person.id) for actor in actors),
                proof.state_of_account(account),
            ]
            append(connection, self.audit_key, [(f"person:{person.id}", "enrolled")], [], now, states)
        return person

    def add_charity(self, name: str, tag: str, *, currency: str = "EUR") -> Charity:
        """A charity with an empty account, found by its hashtag.

        Raises `ConfigError` if the name cannot be shown, the hashtag is none, or leads to a charity or looks like one.
        """
        now = self.clock()
        if not tags_in(f"#{normalise_tag(tag)}") == {normalise_tag(tag)}:
            raise ConfigError(f"{tag!r} cannot be written as a hashtag: letters, digits and _ only")
        charity = Charity(id=ids.fresh(now), name=checked_name(name), tag=checked_tag(normalise_tag(tag)))
        with self.database.write() as connection:
            alone(connection)
            require_room(connection, charity.tag, now)
            leads = save_charity(connection, charity, now)
            account = open_account(connection, charity.id, AccountKind.CHARITY, currency)
            states = [proof.state_of_tag(leads, charity.name), proof.state_of_account(account)]
            append(connection, self.audit_key, [(f"charity:{charity.id}", "enrolled")], [], now, states)
        return charity

    def fund(self, owner: str, amount: Money, reason: str) -> Transfer:
        """Money that came in from outside, for the account of `owner`."""
        operations = Operations(database=self.database, clock=self.clock, audit_key=self.audit_key)
        booked = operations.fund(owner, amount, reason)
        if isinstance(booked, Refusal):
            raise ConfigError("a funding must be more than nothing")
        return booked.transfer


def _require_free(connection: Connection, actors: Sequence[Actor]) -> None:
    taken = [i for i in load_identities(connection, keys=[a.key for a in actors]) if i.person_id]
    if taken:
        raise ConfigError(f"{':'.join(taken[0].key)} belongs to somebody already")
    borne = load_sightings(connection, [(a.adapter, a.tenant, fold(a.handle)) for a in actors if a.handle])
    others = [s for s in borne if s.actor_id not in {a.id for a in actors}]
    if others:
        whose = f"{others[0].adapter}:{others[0].tenant}:{others[0].actor_id}"
        raise ConfigError(
            f"@{others[0].handle} is borne by {whose}: leave --handle out, the platform tells it by itself"
        )


def _sighting(actor: Actor, now: datetime) -> Sighting:
    handle = fold(actor.handle or "")
    return Sighting(
        adapter=actor.adapter, tenant=actor.tenant, handle=handle, actor_id=actor.id, first_seen=now, last_seen=now
    )

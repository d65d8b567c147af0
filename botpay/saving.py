"""Save: what a batch decided, one statement per table, ready for its one commit."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from sqlalchemy import Connection

from botpay import ids, proof
from botpay.audit.chain import State
from botpay.audit.store import append
from botpay.clock import day_of
from botpay.confirm.guesses import save_guesses
from botpay.confirm.store import add_pin, save_challenges, save_pins
from botpay.dialogues.sendings import save_sendings
from botpay.dialogues.store import save_dialogues
from botpay.directory.link_codes import save_link_codes
from botpay.directory.people import SETTLED_AFTER
from botpay.directory.store import (
    add_identity,
    save_identities,
    save_languages,
    save_owner,
    save_person,
    save_sightings,
)
from botpay.erasure import erase
from botpay.handlers.world import CURRENCY, Decision, Event, Unit, World
from botpay.inbox import Mark, digest_of, save_marks
from botpay.ledger.model import AccountKind
from botpay.ledger.spending import Spent, save_spending
from botpay.ledger.store import open_account, save_accounts, save_transfers
from botpay.message import Inbound
from botpay.outbox.model import Letter
from botpay.outbox.store import save_deliveries, save_letters
from botpay.receipts.store import save_receipt_links
from botpay.sealing import Keyring

K = TypeVar("K")
V = TypeVar("V")

_RENEW_SIGHTING_AFTER = SETTLED_AFTER / 30


def save(
    connection: Connection,
    before: World,
    world: World,
    decisions: Sequence[tuple[Unit, Decision]],
    *,
    audit_key: bytes,
    keyring: Keyring,
) -> None:
    """Write what changed. Raises `LedgerFault` if a row is not as it was read."""
    _save_labels(connection, before, world)
    save_deliveries(connection, [delivery for _, decision in decisions for delivery in decision.deliveries])
    done = [(unit.event, decision) for unit, decision in decisions if decision.has_effect]
    if not done:
        return
    save_marks(connection, [_mark(e, e.source, d, audit_key) for e, d in done if e.source is not None], world.now)
    transfers = [transfer for _, decision in done for transfer in decision.transfers]
    audited = [(_name(event), decision.outcome) for event, decision in done if not decision.deliveries]
    pins = _changed(before.pins, world.pins)
    save_accounts(connection, before.accounts, _changed(before.accounts, world.accounts))
    enrolled = [*_save_enrolled(connection, keyring, before, world), *_save_owners(connection, before, world)]
    save_receipt_links(connection, [found for _, decision in done for found in decision.receipt_links])
    save_link_codes(connection, _changed(before.link_codes, world.link_codes))
    save_pins(connection, before.pins, [pin for pin in pins if pin.person_id in before.pins])
    save_languages(connection, [p for p in _changed(before.people, world.people) if p.id in before.people])
    forgotten = [p for p in _changed(before.people, world.people) if p.forgotten_at and p.id in before.people]
    counted = {mark for _, decision in done for mark in decision.sendings}
    save_sendings(connection, {mark: world.sendings[mark] for mark in counted}, day_of(world.now))
    save_spending(connection, _spent(before, world))
    save_guesses(connection, [found for _, decision in done for found in decision.guesses], world.now)
    letters = [letter for event, decision in done for letter in _numbered(event, decision, world)]
    save_letters(connection, keyring, letters, world.now)
    if audited:  # late: from the link to the commit other processes wait
        states = [*enrolled, *map(proof.state_of_person, forgotten), *(proof.state_of_pin(pin) for pin in pins)]
        batch = append(connection, audit_key, audited, transfers, world.now, states)
        save_transfers(connection, transfers, batch)
    save_challenges(connection, keyring, before.challenges, _changed(before.challenges, world.challenges))
    save_dialogues(connection, keyring, before.dialogues, world.dialogues)
    for person in forgotten:  # last: what the lines above wrote of them goes too
        keys = [i.key for i in before.identities.values() if i.person_id == person.id]
        erase(connection, keyring, person, keys, world.now)


def _save_enrolled(connection: Connection, keyring: Keyring, before: World, world: World) -> list[State]:
    """People who are new, with their PINs, identities and an account each; what the audit holds of them.

    The account's number is the database's to give, so what a new person asks in the very same batch finds none: that
    fault makes the batch be tried again one by one, and then it does.
    """
    states: list[State] = []
    for person in (person for person in world.people.values() if person.id not in before.people):
        save_person(connection, person, world.now, keyring)
        add_pin(connection, world.pins[person.id])
        states.append(proof.state_of_person(person))
        for identity in world.identities_of(person.id):
            add_identity(connection, identity, person.id)
            states.append(proof.state_of_identity(identity.key, person.id))
        account = open_account(connection, person.id, AccountKind.PERSON, CURRENCY)
        states.append(proof.state_of_account(account))
    return states


def _save_owners(connection: Connection, before: World, world: World) -> list[State]:
    """Identities that were linked to people who are there, or parted from them; what the audit holds of them."""
    states = []
    for key, identity in world.identities.items():
        seen = before.identities.get(key) or replace(identity, person_id=None, since=None)
        enrolled = identity.person_id is not None and identity.person_id not in before.people
        if not enrolled and (identity.person_id, identity.since) != (seen.person_id, seen.since):
            save_owner(connection, seen, identity)
            states.append(proof.state_of_identity(key, identity.person_id, identity.since))
    return states


def _save_labels(connection: Connection, before: World, world: World) -> None:
    """Handles and names as seen now; an unchanged one is renewed about once a day."""
    save_identities(connection, _changed(before.identities, world.identities))
    stale = [
        seen
        for key, seen in world.sightings.items()
        if (known := before.sightings.get(key)) is None or seen.last_seen - known.last_seen >= _RENEW_SIGHTING_AFTER
    ]
    save_sightings(connection, stale)


def _spent(before: World, world: World) -> list[Spent]:
    """By how much the batch changed what each account spent on each day."""
    changed = ((id_, days) for id_, days in world.spent.items() if days is not before.spent.get(id_))
    return [
        Spent(id_, day, minor - before.spent.get(id_, {}).get(day, 0))
        for id_, days in changed
        for day, minor in days.items()
    ]


def _changed(before: dict[K, V], after: dict[K, V]) -> list[V]:
    return [row for key, row in after.items() if row is not before.get(key) and row != before.get(key)]


def _mark(event: Event, source: str, decision: Decision, key: bytes) -> Mark:
    return source, decision.outcome, digest_of(key, event.contents) if isinstance(event, Inbound) else None


def _numbered(event: Event, decision: Decision, world: World) -> list[Letter]:
    """Letters with ids that are the same whenever this event is decided again at this time."""
    return [
        letter if letter.outbound.id else letter.numbered(ids.derived(world.now, f"{_name(event)}#{number}"))
        for number, letter in enumerate(decision.letters)
    ]


def _name(event: Event) -> str:
    """What an event is called in the audit: its source, or what it is about."""
    about = next(
        filter(None, (getattr(event, name, None) for name in ("transfer_id", "letter_id", "dialogue_id"))), None
    )
    return event.source or f"{type(event).__name__.lower()}:{about}"

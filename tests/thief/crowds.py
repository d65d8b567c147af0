"""A town of as many people as a thief likes, on either database; their PINs are not hashed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from botpay import ids, migrations, proof
from botpay.audit.store import Chained, append
from botpay.confirm.challenge import Pin
from botpay.confirm.checker import PinCheck, PinVerdict
from botpay.confirm.store import add_pin
from botpay.database import Database
from botpay.directory.people import Person, identity_of
from botpay.directory.store import add_identity, save_person
from botpay.ledger.chart import SystemAccount
from botpay.ledger.engine import Engine
from botpay.ledger.model import AccountKind
from botpay.ledger.operations import Direct
from botpay.ledger.store import load_accounts, open_account
from botpay.money import Money
from botpay.pipeline import Result
from botpay.testing.clocks import FixedClock
from botpay.testing.postgres import migrated_database
from tests.conftest import AUDIT_KEY, Town, actor

DATABASES = ("sqlite", "postgresql")
PIN = "735194"
"""Of everybody in the crowd."""


@contextmanager
def town_on(database: str, folder: Path) -> Iterator[Town]:
    """Alice, Bob and Carol on a database of this kind."""
    clock = FixedClock()
    if database == "sqlite":
        opened = Database(f"sqlite:///{folder / 'thief.sqlite'}")
        migrations.upgrade(opened)
        yield Town.settled(opened, clock)
        opened.close()
        return
    with migrated_database() as url:
        opened = Database(url)
        yield Town.settled(opened, clock)
        opened.close()


def move_in(town: Town, count: int) -> list[str]:
    """So many more people with 10,00 EUR each and the same PIN; their names."""
    names = [f"n{number:04}" for number in range(count)]
    engine = Engine(database=town.database, links=Chained(AUDIT_KEY), clock=town.clock)
    with town.database.write() as connection:
        states = []
        for number, name in enumerate(names):
            person = Person(id=ids.derived(town.clock(), name), name=name.title(), language="en")
            pin = Pin(person_id=person.id, hash=f"of {number}")
            save_person(connection, person, town.clock())
            add_pin(connection, pin)
            add_identity(connection, identity_of(actor(name)), person.id)
            account = open_account(connection, person.id, AccountKind.PERSON, "EUR")
            states += [proof.state_of_person(person), proof.state_of_pin(pin), proof.state_of_account(account)]
            states.append(proof.state_of_identity(actor(name).key, person.id))
            town.people[name] = person
        append(connection, AUDIT_KEY, [("crowd", "enrolled")], [], town.clock(), states)
    with town.database.write() as connection:
        accounts = {a.owner: a.id for a in load_accounts(connection, owners=[town.people[n].id for n in names])}
        (outside,) = (a.id for a in load_accounts(connection, owners=[SystemAccount.CASH_IN]))
    gifts = [
        Direct(ids.fresh(town.clock()), outside, accounts[town.people[name].id], Money(10_00), "gift") for name in names
    ]
    engine.process(gifts)
    return names


def enter(town: Town, names: list[str], pin: str) -> list[Result]:
    """Everybody enters the same PIN at once, and their verdicts come back."""
    results = town.process(*(town.says(name, pin, private=True) for name in names))
    checks = [check for result in results for check in result.checks]
    if checks:
        town.process(*(verdict(check) for check in checks))
    return results


def verdict(check: PinCheck) -> PinVerdict:
    """What the slow check would find for one of the crowd."""
    return PinVerdict(
        transfer_id=check.transfer_id,
        person_id=check.person_id,
        number=check.number,
        right=bool(check.hash) and check.pin.reveal() == PIN,
        tried_at=check.tried_at,
    )


def with_terms(town: Town, **changed: object) -> None:
    """Let the town have other terms."""
    town.pipeline = replace(town.pipeline, terms=replace(town.pipeline.terms, **changed))  # type: ignore[arg-type]

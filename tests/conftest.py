"""What many tests start from: a town of three people and a charity, with the real pipeline over a real database."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from botpay import migrations, proof
from botpay.audit import verify as audit
from botpay.charities.model import Charity
from botpay.config import Keys
from botpay.confirm.challenge import NO_PIN
from botpay.confirm.checker import PinCheck, PinVerdict
from botpay.confirm.pin import PinHasher
from botpay.database import Database
from botpay.directory.people import Person
from botpay.enrolment import Enrolment
from botpay.handlers.world import Event, Terms
from botpay.ledger import verify as ledger
from botpay.message import Actor, Capabilities, Chat, Inbound, SecretText, Visibility
from botpay.money import Money
from botpay.outbox.model import Letter
from botpay.outbox.store import load_queued, outbound
from botpay.pipeline import Pipeline, Result
from botpay.policy import Caps
from botpay.sealing import Keyring
from botpay.testing.clocks import FixedClock
from botpay.testing.postgres import migrated_database

PINS = {"alice": "482915", "bob": "739164", "carol": "571936"}
FUNDS = Money(300_00)
AUDIT_KEY, DATA_KEY, PEPPER = b"a" * 32, b"d" * 32, b"p" * 32
KEYS = Keys.model_validate({"pepper": PEPPER.hex(), "audit": AUDIT_KEY.hex(), "data": DATA_KEY.hex()})
KEYRING = Keyring.of(KEYS)
ADAPTER, TENANT, GROUP = "console", "local", "group"
TERMS = Terms(
    caps=Caps(person=Money(250_00), charity=Money(500_00), confirm_within=timedelta(minutes=5)),
    language="en",
    keypad_secret=DATA_KEY,
    capabilities={ADAPTER: Capabilities(typed_pin=True)},
)
HASHER = PinHasher(PEPPER, memory_kib=8, passes=1)  # cheap: what a hash costs is not what is tested


def actor(who: str) -> Actor:
    """The identity of a person here: the id is the name, the handle too."""
    return Actor(ADAPTER, TENANT, who, handle=who, name=who.title(), language="en")


@dataclass(slots=True)
class Town:
    """Alice, Bob and Carol with 300,00 EUR each, the charity #eaupourtous, and the pipeline; PINs are not hashed."""

    clock: FixedClock
    database: Database
    enrolment: Enrolment
    pipeline: Pipeline
    people: dict[str, Person]
    charity: Charity
    said: int = 0

    @classmethod
    def founded(cls, path: Path, clock: FixedClock) -> "Town":
        """A new town in a new file."""
        database = Database(f"sqlite:///{path}")
        migrations.upgrade(database)
        return cls.settled(database, clock)

    @classmethod
    def settled(cls, database: Database, clock: FixedClock) -> "Town":
        """A new town in a database that has its schema and nothing else."""
        enrolment = Enrolment(database=database, clock=clock, hasher=HASHER, audit_key=AUDIT_KEY)
        people = {who: enrolment.add_person(who.title(), "en", SecretText(PINS[who]), [actor(who)]) for who in PINS}
        for person in people.values():
            enrolment.fund(person.id, FUNDS, "gift")
        charity = enrolment.add_charity("Eau pour tous", "#EauPourTous")
        pipeline = Pipeline(database=database, clock=clock, terms=TERMS, audit_key=AUDIT_KEY, keyring=KEYRING)
        return cls(clock, database, enrolment, pipeline, people, charity)

    def moved_to(self, path: Path, clock: FixedClock) -> "Town":
        """The same town on a copy of its file."""
        database = Database(f"sqlite:///{path}")
        enrolment = replace(self.enrolment, database=database, clock=clock)
        pipeline = replace(self.pipeline, database=database, clock=clock)
        return replace(self, clock=clock, database=database, enrolment=enrolment, pipeline=pipeline)

    def says(self, who: str, words: str, *, private: bool = False, event_id: str | None = None) -> Inbound:
        """What somebody writes, each time another message unless `event_id` says which."""
        self.said += 1
        return self.message(who, words, event_id or str(self.said), self.clock, private=private)

    @staticmethod
    def message(who: str, words: str, event_id: str, clock: FixedClock, *, private: bool = False) -> Inbound:
        """What somebody writes."""
        return Inbound(
            adapter=ADAPTER,
            tenant=TENANT,
            event_id=event_id,
            chat=Chat(who, Visibility.PRIVATE) if private else Chat(GROUP, Visibility.PUBLIC),
            author=actor(who),
            said_at=clock(),
            text=SecretText(words),
            me=("botpay",),
        )

    def process(self, *events: Event) -> list[Result]:
        """One batch, one commit."""
        return self.pipeline.process(events)

    def do(self, event: Event) -> Result:
        """A batch of one."""
        return self.process(event)[0]

    def types_pin(self, who: str, pin: str | None = None) -> PinCheck:
        """Somebody types a PIN, their own unless another is given; the check that is then to be made."""
        (check,) = self.do(self.says(who, pin or PINS[who], private=True)).checks
        return check

    def verdict(self, check: PinCheck) -> PinVerdict:
        """What the slow check would find: against nothing it is wrong, as for who is locked."""
        (who,) = [who for who, person in self.people.items() if person.id == check.person_id]
        right = check.hash != NO_PIN and check.pin.reveal() == PINS[who]
        return PinVerdict(
            transfer_id=check.transfer_id,
            person_id=check.person_id,
            number=check.number,
            right=right,
            tried_at=check.tried_at,
        )

    def pays(self, who: str, words: str) -> str:
        """A payment from command to post; returns the outcome of the verdict."""
        self.do(self.says(who, words))
        return self.do(self.verdict(self.types_pin(who))).outcome

    def rows(self, sql: str, **values: object) -> list[Any]:
        """Rows of a plain query."""
        with self.database.read() as connection:
            return list(connection.execute(text(sql), values).all())

    def letters(self) -> list[Letter]:
        """What waits in the outbox, in order, opened."""
        with self.database.read() as connection:
            names = connection.execute(select(outbound.c.adapter).distinct()).scalars().all()
            queued = load_queued(connection, KEYRING, names, self.clock() + timedelta(days=1), 10_000)
            order = connection.execute(select(outbound.c.id).order_by(outbound.c.seq)).scalars().all()
        found = {q.id: q.letter for q in queued if q.letter}
        return [found[id_] for id_ in order if id_ in found]

    def counters(self, who: str) -> tuple[int, int]:
        """Balance and held of a person, or of the charity by its tag, in minor units."""
        owner = self.people[who].id if who in self.people else self.charity.id
        ((balance, held),) = self.rows(
            "select credits_posted - debits_posted, debits_pending from accounts where owner = :owner", owner=owner
        )
        return balance, held

    def problems(self) -> list[str]:
        """What ledger and audit find wrong."""
        with self.database.read() as connection:
            return [*ledger.problems(connection), *audit.problems(connection, AUDIT_KEY)]


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A town to copy from; founding one takes longer than copying its file."""
    town = Town.founded(tmp_path_factory.mktemp("town") / "town.sqlite", FixedClock())
    town.database.close()
    return town


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands still."""
    return FixedClock()


@pytest.fixture
def town(founded: Town, tmp_path: Path, clock: FixedClock) -> Iterator[Town]:
    """A town of one's own."""
    path = tmp_path / "town.sqlite"
    shutil.copy(str(founded.database.engine.url.database), path)
    town = founded.moved_to(path, clock)
    yield town
    town.database.close()


@pytest.fixture
def city(clock: FixedClock) -> Iterator[Town]:
    """The town on PostgreSQL; whatever a test did, all of it must verify afterwards."""
    with migrated_database() as url:
        database = Database(url)
        yield Town.settled(database, clock)
        with database.read() as connection:
            problems = [problem for _, step in proof.steps(connection, AUDIT_KEY) for problem in step]
        database.close()
        assert problems == []

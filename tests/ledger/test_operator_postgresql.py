"""The operator's side on PostgreSQL: the same proof, limits, statements and bookings, with writers in parallel."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from botpay import migrations, proof
from botpay.account_statement import load_statement
from botpay.database import Database
from botpay.enrolment import Enrolment
from botpay.ledger.trial import trial_balance
from botpay.message import SecretText
from botpay.money import Money
from botpay.operations import Booked, Operations
from botpay.pipeline import Pipeline
from botpay.policy import Period
from botpay.testing.clocks import FixedClock
from botpay.testing.postgres import scratch_database, server_url
from tests.conftest import AUDIT_KEY, FUNDS, HASHER, KEYRING, PINS, TERMS, Town, actor

TERMS_WITH_LIMIT = replace(TERMS, limits={Period.DAY: Money(100_00)})


@pytest.fixture
def city(clock: FixedClock) -> Iterator[Town]:
    """The town on PostgreSQL, with 100,00 EUR a day."""
    with scratch_database(server_url()) as url:
        database = Database(url.render_as_string(hide_password=False))
        migrations.upgrade(database)
        enrolment = Enrolment(database=database, clock=clock, hasher=HASHER, audit_key=AUDIT_KEY)
        people = {who: enrolment.add_person(who.title(), "en", SecretText(PINS[who]), [actor(who)]) for who in PINS}
        for person in people.values():
            enrolment.fund(person.id, FUNDS, "gift")
        charity = enrolment.add_charity("Eau pour tous", "eaupourtous")
        pipeline = Pipeline(
            database=database, clock=clock, terms=TERMS_WITH_LIMIT, audit_key=AUDIT_KEY, keyring=KEYRING
        )
        yield Town(clock, database, enrolment, pipeline, people, charity)
        database.close()


def problems(town: Town) -> list[str]:
    """What `botpay ledger verify` finds."""
    with town.database.read() as connection:
        return [problem for _, step in proof.steps(connection, AUDIT_KEY) for problem in step]


def operations(town: Town) -> Operations:
    """The operator's side of a town."""
    return Operations(database=town.database, clock=town.clock, audit_key=AUDIT_KEY)


def together(*work: object) -> None:
    """Run some functions at the same time, each on a thread of its own."""
    start = threading.Barrier(len(work))

    def one(what: object) -> None:
        start.wait()
        assert callable(what)
        what()

    threads = [threading.Thread(target=one, args=(what,)) for what in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_of_ten_at_the_same_time_one_is_within_the_limit(city: Town) -> None:
    """Ten writers, each its own transaction: cap 100, ten concurrent 60s, one is reserved."""
    outcomes: list[str] = []
    messages = [city.says("alice", "#send 60 euros @bob") for _ in range(10)]
    together(*(lambda m=message: outcomes.append(city.do(m).outcome) for message in messages))
    assert sorted(outcomes) == ["limit_exceeded"] * 9 + ["reserved"]
    assert city.counters("alice") == (300_00, 60_00)
    city.do(city.says("alice", "#cancel"))
    assert city.rows("select amount_minor from spending") == [(0,)]
    assert problems(city) == []


def test_a_booking_that_is_sent_twice_at_once_is_booked_once(city: Town) -> None:
    """Five equal commands with one id, at the same time: one books, four are told that it stands."""
    done: list[bool] = []

    def book() -> None:
        booked = operations(city).withdraw(city.people["alice"].id, Money(7_00), "paid out", "7")
        assert isinstance(booked, Booked)
        done.append(booked.again)

    together(*[book] * 5)
    assert sorted(done) == [False, True, True, True, True]
    assert city.counters("alice") == (293_00, 0)
    assert problems(city) == []


def test_statement_and_trial_balance_say_the_same(city: Town) -> None:
    """Statements and the trial balance add up on PostgreSQL as on SQLite."""
    assert city.pays("alice", "#send 10.50 euros @bob") == "posted"
    operations(city).adjust(city.people["alice"].id, Money(1), "miscounted", up=False)
    city.do(city.says("alice", "#send 1 euro @bob"))
    with city.database.read() as connection:
        found = load_statement(connection, KEYRING, city.people["alice"].id, "Alice", "EUR", None, None)
        lines = trial_balance(connection)
    assert [line.amount_minor for line in found.lines] == [300_00, -10_50, -1]
    assert found.closing_minor == city.counters("alice")[0]
    assert sum(line.debit_minor for line in lines) == sum(line.credit_minor for line in lines) == 900_00


def test_a_freeze_and_a_payment_at_once_come_one_after_the_other(city: Town) -> None:
    """A freeze either stops a payment or comes after it; whichever it was, the books and the audit agree."""
    operator = operations(city)
    for _ in range(5):
        message = city.says("bob", "#send 1 euro @alice")
        together(lambda: operator.freeze(city.people["bob"].id), lambda m=message: city.do(m))
        assert city.do(city.says("bob", "#send 1 euro @alice")).outcome == "person_frozen"
        operator.unfreeze(city.people["bob"].id)
    assert problems(city) == []


def test_tampering_is_found(city: Town) -> None:
    """A count of failures, an owner and a spending that were changed by hand are named."""
    city.do(city.says("alice", "#send 60 euros @bob"))
    city.do(city.verdict(city.types_pin("alice", "000001")))
    with city.database.write() as connection:
        connection.execute(text("set local session_replication_role = replica"))
        connection.execute(text("update pins set failures = 0 where failures = 1"))
        connection.execute(text("update spending set amount_minor = 1"))
        connection.execute(text("update accounts set owner = 'x' where kind = 'charity'"))
    assert sorted(problem.partition(":")[0] for problem in problems(city)) == ["accounts", "pins", "spending"]

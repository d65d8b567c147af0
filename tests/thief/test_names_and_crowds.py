"""Payments and words that reach another than was meant, and one person who writes a lot."""

import sqlite3
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from botpay import policy
from botpay.directory.people import SETTLED_AFTER
from botpay.markup import read_slack
from botpay.message import Actor, Inbound, SecretText
from botpay.money import Money
from tests.conftest import ADAPTER, KEYRING, PINS, TENANT, Town
from tests.dumps import dumped, opened


def under(message: Inbound, handle: str) -> Inbound:
    """The same message by the same person, who now bears another handle."""
    assert message.author is not None
    return replace(message, author=replace(message.author, handle=handle))


def test_who_takes_a_silent_persons_handle_is_not_paid_by_it(town: Town) -> None:
    """A handle whose bearer was silent for long is not its new bearer's at once: silence is not giving up."""
    town.do(town.says("bob", "#balance", private=True))
    town.clock.move(2 * SETTLED_AFTER)
    town.do(under(town.says("carol", "hello"), "bob"))
    assert town.do(town.says("alice", "#send 10 euros @bob")).outcome == "unsure_payee"


def test_a_handle_becomes_its_new_bearers_in_time(town: Town) -> None:
    """Somebody who has borne a handle for long enough is paid by it, and shown by their own name."""
    town.clock.move(2 * SETTLED_AFTER)
    for _ in range(2):
        town.do(under(town.says("carol", "hello"), "bob"))
        town.clock.move(SETTLED_AFTER)
    assert town.do(town.says("alice", "#send 10 euros @bob")).outcome == "reserved"
    assert town.rows("select payee from challenges") == [("Carol (@bob)",)]


@pytest.mark.parametrize("written", ["@b0b", "@bоb", "@ｂｏｂ", "@bob_", "@bo\u200bb"])
def test_a_look_alike_pays_nobody(town: Town, written: str) -> None:
    """A handle that only looks like somebody's finds nobody, until somebody bears it."""
    assert town.do(town.says("alice", f"#send 10 euros {written}")).outcome in ("unknown_payee", "invalid_recipient")
    assert town.counters("alice") == (300_00, 0)


def test_nobody_pays_themselves_through_a_second_identity(town: Town) -> None:
    """One's other account on the platform is oneself: by its handle, and by a reply to what it wrote."""
    second = Actor(ADAPTER, TENANT, "mallory-2", handle="other", name="Other")
    first = Actor(ADAPTER, TENANT, "mallory", handle="mallory", name="Mallory")
    mallory = town.enrolment.add_person("Mallory", "en", SecretText(PINS["alice"]), [first, second])
    town.enrolment.fund(mallory.id, Money(5_00), "gift")
    by_handle = replace(town.says("alice", "#send 1 euro @other"), author=first)
    by_reply = replace(town.says("alice", "#send 1 euro"), author=first, reply_to=second)
    assert [town.do(event_).outcome for event_ in (by_handle, by_reply)] == ["self_payment"] * 2


@pytest.mark.parametrize("written", ["for {pin}", "my code is {pin}", "pin {a} {b}"])
def test_a_pin_behind_a_payment_is_told_to_nobody(town: Town, written: str) -> None:
    """Who writes their PIN behind a payment tells it neither to the payee nor to any table."""
    pin = PINS["alice"]
    memo = written.format(pin=pin, a=pin[:3], b=pin[3:])
    assert town.pays("alice", f"#send 10 euros @bob {memo}") == "posted"
    dump = "\n".join([dumped(town.database), *opened(town.database, KEYRING)])
    assert "to Bob" in dump
    assert pin not in dump
    assert f"{pin[:3]} {pin[3:]}" not in dump


def test_payments_that_wait_are_limited(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """One person cannot let any number of payments wait: one more than the limit is refused, until one has ended."""
    monkeypatch.setattr(policy, "MOST_WAITING", 3)
    words = [town.says("alice", "#send 1 euro @bob") for _ in range(4)]
    assert [r.outcome for r in town.process(*words)] == ["reserved"] * 3 + ["too_many_waiting"]
    assert town.do(town.says("bob", "#send 1 euro @alice")).outcome == "reserved"
    town.do(town.says("alice", "#cancel"))
    assert town.do(town.says("alice", "#send 1 euro @bob")).outcome == "reserved"


def test_a_message_of_nothing_but_hashtags_stops_nobody(town: Town) -> None:
    """Any number of hashtags in one batch is looked up: a database takes only so many parameters in a statement."""

    @event.listens_for(town.database.engine, "connect")
    def _limited(connection: Any, _: object) -> None:
        connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 6000)

    town.database.engine.dispose()
    flood = town.says("carol", " ".join(f"#x{number}" for number in range(7000)))
    results = town.process(flood, town.says("alice", "#donate 10 euros #eaupourtous"))
    assert [result.outcome for result in results] == ["ignored", "reserved"]


def test_a_replay_after_the_end_pays_nothing(town: Town) -> None:
    """A command, a PIN and its verdict, delivered again in any order after all is over, change no cent."""
    command = town.says("alice", "#send 10 euros @bob")
    town.do(command)
    typed = town.says("alice", PINS["alice"], private=True)
    (check,) = town.do(typed).checks
    verdict = town.verdict(check)
    town.do(verdict)
    town.clock.move(timedelta(days=40))
    later = replace(command, said_at=town.clock())
    results = town.process(verdict, typed, later, command, verdict)
    assert [(result.outcome, result.checks) for result in results] == [("duplicate", ())] * 5
    assert (town.counters("alice"), town.counters("bob")) == ((290_00, 0), (310_00, 0))


def test_a_long_word_between_colons_is_read_at_once() -> None:
    """What Slack lets one person write is read in a moment, or it would hold up everybody's messages."""
    began = time.perf_counter()
    assert read_slack(":" + "a" * 80_000) == (":" + "a" * 80_000, ())
    assert time.perf_counter() - began < 2

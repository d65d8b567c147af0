"""Several workers take messages for one PostgreSQL: whoever hears a message, and how often, it has one effect."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from botpay.database import Database
from botpay.handlers.world import Event
from tests.conftest import Town


def at_once(city: Town, *batches: Sequence[Event]) -> list[list[str]]:
    """What becomes of some batches, each on a worker with connections of its own, all begun together."""
    ready = threading.Barrier(len(batches))
    found: dict[int, list[str]] = {}

    def work(number: int, batch: Sequence[Event]) -> None:
        database = Database(city.database.engine.url.render_as_string(hide_password=False))
        ready.wait()
        found[number] = [result.outcome for result in replace(city.pipeline, database=database).process(batch)]
        database.close()

    threads = [threading.Thread(target=work, args=(number, batch)) for number, batch in enumerate(batches)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[number] for number in range(len(batches))]


def test_a_message_that_five_workers_hear_at_once_is_one_payment(city: Town) -> None:
    """The platform delivers to several workers at the same time: one reserves, to the others it is a duplicate."""
    message = city.says("alice", "#send 10 euros @bob")
    assert sorted(at_once(city, *[[message]] * 5)) == [["duplicate"]] * 4 + [["reserved"]]
    assert city.counters("alice") == (300_00, 10_00)


def test_a_verdict_and_a_cancellation_at_once_are_one_end(city: Town) -> None:
    """A right PIN on one worker and a cancellation on another end the payment once, whichever comes first."""
    for _ in range(5):
        city.do(city.says("alice", "#send 10 euros @bob"))
        verdict = city.verdict(city.types_pin("alice"))
        (judged,), (called_off,) = at_once(city, [verdict], [city.says("alice", "#cancel")])
        assert (judged, called_off) in {("posted", "nothing_open"), ("late_cancelled", "cancelled")}


def test_people_who_pay_each_other_on_two_workers_do_not_block_each_other(city: Town) -> None:
    """Payments in opposite directions on several workers at once are all reserved."""
    towards: list[Event] = [city.says("alice", "#send 1 euro @bob") for _ in range(20)]
    back: list[Event] = [city.says("bob", "#send 1 euro @alice") for _ in range(20)]
    batches = [towards[:10], back[:10], towards[10:], back[10:]]
    outcomes = [outcome for found in at_once(city, *batches) for outcome in found]
    held = city.counters("alice")[1] + city.counters("bob")[1]
    assert held == 100 * outcomes.count("reserved")
    assert set(outcomes) <= {"reserved", "too_many_waiting"}


def test_a_commit_of_unknown_outcome_loses_no_check(city: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the connection breaks behind the commit of a typed PIN, the PIN is checked all the same, and counted once."""
    city.do(city.says("alice", "#send 10 euros @bob"))
    monkeypatch.setattr(psycopg.Connection, "commit", _loses_the_first_answer(psycopg.Connection.commit))
    check = city.types_pin("alice")
    assert city.rows("select tries from challenges") == [(1,)]
    assert city.do(city.verdict(check)).outcome == "posted"


def _loses_the_first_answer(commit: Callable[..., None]) -> Callable[..., None]:
    lost: list[object] = []

    def commits(connection: psycopg.Connection[Any]) -> None:
        commit(connection)
        if not lost:
            lost.append(connection)
            connection.close()
            raise psycopg.OperationalError("the connection is lost")

    return commits

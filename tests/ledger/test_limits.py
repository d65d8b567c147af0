"""Limits over time on the real path: counted when reserved, given back when nothing moved, exact under contention."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from botpay.handlers.world import Deadline
from botpay.money import Money
from botpay.policy import Limits, Period
from tests.conftest import TERMS, Town
from tests.ledger.books import path_of, run

PAY_60, PAY_50 = "#send 60 euros @bob", "#send 50 euros @bob"


def limited(town: Town, limits: Limits) -> Town:
    """The town with limits."""
    return replace(town, pipeline=replace(town.pipeline, terms=replace(TERMS, limits=limits)))


@pytest.fixture
def strict(town: Town) -> Town:
    """A town with 100,00 EUR a day."""
    return limited(town, {Period.DAY: Money(100_00)})


def spent(town: Town) -> Mapping[int, int]:
    """Minor units spent by day, days counted from the first in the table."""
    rows = town.rows("select day, sum(amount_minor) from spending group by day order by day")
    return {day - rows[0][0]: int(minor) for day, minor in rows}


def test_of_ten_in_one_batch_one_is_within_the_limit(strict: Town) -> None:
    """Ten payments of 60 in one batch, 100 a day: the first is reserved, the others are told the limit."""
    results = strict.process(*(strict.says("alice", PAY_60) for _ in range(10)))
    assert [result.outcome for result in results] == ["reserved"] + ["limit_exceeded"] * 9
    assert strict.counters("alice") == (300_00, 60_00)


def test_of_ten_in_ten_batches_one_is_within_the_limit(strict: Town) -> None:
    """The same one after the other: what a batch before reserved is counted, pending or posted."""
    assert strict.pays("alice", PAY_60) == "posted"
    outcomes = [strict.do(strict.says("alice", PAY_60)).outcome for _ in range(9)]
    assert outcomes == ["limit_exceeded"] * 9
    assert strict.do(strict.says("alice", "#donate 40 euros #eaupourtous")).outcome == "reserved"
    assert strict.do(strict.says("alice", "#send 0.01 euro @bob")).outcome == "limit_exceeded"


def test_of_ten_at_the_same_time_one_is_within_the_limit(strict: Town, tmp_path: Path) -> None:
    """Ten writers with connections of their own, started together: one reserves, nine are refused."""
    towns = [strict.moved_to(path_of(strict), strict.clock) for _ in range(10)]
    for town in towns:
        town.said = strict.said
    messages = [strict.says("alice", PAY_60) for _ in range(10)]
    outcomes: list[str] = []
    start = threading.Barrier(10)

    def one(number: int) -> None:
        start.wait()
        outcomes.append(towns[number].do(messages[number]).outcome)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for town in towns:
        town.database.close()
    assert sorted(outcomes) == ["limit_exceeded"] * 9 + ["reserved"]
    assert strict.counters("alice") == (300_00, 60_00)
    assert run(strict, "ledger", "verify").exit_code == 0


def test_the_limit_is_each_persons_own(strict: Town) -> None:
    """What one person spends leaves the others their limit; what a person receives leaves theirs."""
    assert strict.pays("alice", PAY_60) == "posted"
    assert strict.do(strict.says("bob", "#send 60 euros @alice")).outcome == "reserved"
    assert strict.do(strict.says("carol", "#send 100 euros @bob")).outcome == "reserved"


def test_what_is_called_off_counts_no_longer(strict: Town) -> None:
    """A cancelled and an expired payment give their room back, also within the batch."""
    first, cancel, second = (strict.says("alice", words) for words in (PAY_60, "#cancel", PAY_60))
    assert [r.outcome for r in strict.process(first, cancel, second)] == ["reserved", "cancelled", "reserved"]
    strict.clock.move(TERMS.caps.confirm_within)
    ((waits,),) = strict.rows("select transfer_id from challenges where state = 'open'")
    name = f"{waits[:8]}-{waits[8:12]}-{waits[12:16]}-{waits[16:20]}-{waits[20:]}"
    assert strict.do(Deadline(transfer_id=name)).outcome == "expired"
    assert spent(strict) == {0: 0}
    assert strict.do(strict.says("alice", "#send 100 euros @bob")).outcome == "reserved"
    assert run(strict, "ledger", "verify").exit_code == 0


def test_room_goes_back_to_the_day_that_it_came_from(strict: Town) -> None:
    """A payment reserved before midnight and called off after it leaves the new day as it is."""
    strict.clock.move(datetime(2026, 1, 5, 23, 59, tzinfo=UTC) - strict.clock())
    assert strict.do(strict.says("alice", PAY_60)).outcome == "reserved"
    strict.clock.move(timedelta(minutes=2))
    assert strict.do(strict.says("alice", PAY_50)).outcome == "reserved"
    assert strict.do(strict.says("alice", PAY_60)).outcome == "limit_exceeded"
    assert spent(strict) == {0: 60_00, 1: 50_00}
    assert [strict.do(strict.says("alice", "#cancel")).outcome for _ in range(2)] == ["cancelled"] * 2
    assert spent(strict) == {0: 0, 1: 0}
    assert run(strict, "ledger", "verify").exit_code == 0


@pytest.mark.parametrize(("period", "days"), [(Period.DAY, 1), (Period.WEEK, 7), (Period.THIRTY_DAYS, 30)])
def test_a_limit_is_free_again_when_its_days_are_over(town: Town, period: Period, days: int) -> None:
    """What was spent counts on each of the days of the period, and the day after them no more."""
    strict = limited(town, {period: Money(100_00)})
    assert strict.pays("alice", PAY_60) == "posted"
    strict.clock.move(timedelta(days=days - 1))
    assert strict.do(strict.says("alice", PAY_60)).outcome == "limit_exceeded"
    strict.clock.move(timedelta(days=1))
    assert strict.do(strict.says("alice", PAY_60)).outcome == "reserved"


def test_a_limit_that_is_set_today_knows_of_yesterday(town: Town) -> None:
    """Spending is counted where there is no limit too, so a new limit is exact from its first payment on."""
    assert town.pays("alice", PAY_60) == "posted"
    town.clock.move(timedelta(days=1))
    strict = limited(town, {Period.WEEK: Money(100_00)})
    assert strict.do(strict.says("alice", PAY_60)).outcome == "limit_exceeded"


def test_a_limit_that_is_lowered_holds_for_what_waits(town: Town) -> None:
    """The limit is asked again when money is posted: what no longer fits is given back instead."""
    town.do(town.says("alice", PAY_60))
    strict = limited(town, {Period.DAY: Money(50_00)})
    assert strict.do(strict.verdict(strict.types_pin("alice"))).outcome == "cancelled"
    assert strict.counters("alice") == (300_00, 0)
    assert "This payment is no longer possible" in strict.letters()[-1].outbound.text


def test_a_payment_that_fills_the_limit_is_posted(strict: Town) -> None:
    """What was reserved up to the very limit is not counted twice when it is posted."""
    assert strict.pays("alice", "#send 100 euros @bob") == "posted"

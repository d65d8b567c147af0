"""Any life of a town, step by step, beside an independent little model that says what must become of the money."""

import shutil
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from botpay.confirm.challenge import CHECK_WITHIN
from botpay.confirm.checker import PinCheck
from botpay.confirm.store import due
from botpay.database import Database
from botpay.handlers.world import Deadline, Event
from botpay.message import Inbound
from botpay.money import Money
from botpay.testing.clocks import FixedClock
from tests.conftest import FUNDS, PINS, TERMS, Town

PEOPLE = sorted(PINS)
CHARITY = "charity"
WRONG = "111213"
CAPS = {CHARITY: 500_00}
CAP_PERSON = 250_00
WAITS = TERMS.caps.confirm_within
PAUSES = {3: timedelta(seconds=5), 4: timedelta(seconds=30)}
MOST_WRONG_A_DAY = 10

people = st.sampled_from(PEOPLE)
cents = st.one_of(st.integers(1, 60_00), st.integers(1, 60_00), st.sampled_from([1, 250_00, 250_01, 300_00, 500_01]))
Op = tuple[Any, ...]
pairs = st.sampled_from([("alice", "bob"), ("bob", "alice"), ("alice", "carol"), ("carol", "bob"), ("bob", "bob")])
sending = st.builds(lambda pair, minor: ("send", *pair, minor), pairs, cents)
donating = st.tuples(st.just("donate"), people, st.just(CHARITY), cents)
answers = st.lists(st.sampled_from([False, False, True]), min_size=1, max_size=4)
cancelling = st.tuples(st.just("cancel"), people)
ops = st.one_of(sending, sending, donating, donating, cancelling)


@dataclass
class Waiting:
    """What the model knows of a payment that waits for its PIN."""

    payer: str
    payee: str
    minor: int
    until: datetime
    tries: int = 0
    checking_until: datetime | None = None
    end: str | None = None


@dataclass
class Model:
    """The same town in a few lines: what people have, what waits, and how often they were wrong."""

    balance: dict[str, int] = field(default_factory=lambda: {**dict.fromkeys(PEOPLE, FUNDS.minor), CHARITY: 0})
    payments: list[Waiting] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PEOPLE, 0))
    locked: set[str] = field(default_factory=set)
    again: dict[str, datetime] = field(default_factory=dict)
    wrong_on: dict[tuple[str, date], int] = field(default_factory=dict)

    def open(self, payer: str) -> list[Waiting]:
        """What waits for somebody's PIN, the newest last."""
        return [p for p in self.payments if p.payer == payer and p.end is None]

    def held(self, payer: str) -> int:
        """What they cannot spend a second time."""
        return sum(p.minor for p in self.open(payer))

    def pay(self, payer: str, payee: str, minor: int, now: datetime) -> str:
        """A command to send or to donate."""
        if payer == payee:
            return "self_payment"
        if minor > CAPS.get(payee, CAP_PERSON):
            return "limit_exceeded"
        if self._is_locked(payer):
            return "person_locked"
        if self.balance[payer] - self.held(payer) < minor:
            return "insufficient_funds"
        self.payments.append(Waiting(payer, payee, minor, now + WAITS))
        return "reserved"

    def cancel(self, payer: str) -> str:
        """Call off the newest."""
        return self._end(self.open(payer)[-1], "cancelled") if self.open(payer) else "nothing_open"

    def type_pin(self, payer: str, now: datetime) -> str:
        """A PIN, right or wrong: a try is spent before anybody knows."""
        if not self.open(payer):
            return "nothing_open"
        newest = self.open(payer)[-1]
        if now >= newest.until:
            return self._end(newest, "expired")
        if newest.checking_until and now < newest.checking_until:
            return "still_checking"
        if newest.tries == 3:
            return self._end(newest, "failed")
        if not self._is_locked(payer):
            if now < self.again.get(payer, now):
                return "too_soon"
            if self.wrong_on.get((payer, now.date()), 0) == MOST_WRONG_A_DAY:
                return "too_many_today"
            self.failures[payer] += 1
            self.again[payer] = now + PAUSES.get(self.failures[payer], timedelta())
            self.wrong_on[payer, now.date()] = self.wrong_on.get((payer, now.date()), 0) + 1
        newest.tries += 1
        newest.checking_until = now + CHECK_WITHIN
        return "pin_tried"

    def judge(self, payment: Waiting, right: bool, now: datetime, tried_at: datetime) -> str:
        """The verdict on a try, perhaps a late one. Who was locked when they tried is never right."""
        if right:
            self.failures[payment.payer] = 0
            self.again.pop(payment.payer, None)
            self.wrong_on[payment.payer, tried_at.date()] -= 1
            if payment.end is not None:
                return f"late_{payment.end}"
            if now >= payment.until:
                return self._end(payment, "expired")
            self.balance[payment.payer] -= payment.minor
            self.balance[payment.payee] += payment.minor
            self._end(payment, "passed")
            return "posted"
        if payment.end is not None:
            return "wrong_pin"
        if self.failures[payment.payer] == 5 and payment.payer not in self.locked:
            self.locked.add(payment.payer)
            return self._end(payment, "locked")
        if payment.tries == 3:
            return self._end(payment, "failed")
        payment.checking_until = None
        return "wrong_pin"

    def sweep(self, now: datetime) -> int:
        """End what is too late; how many that were."""
        late = [p for p in self.payments if p.end is None and now >= p.until]
        for payment in late:
            self._end(payment, "expired")
        return len(late)

    def _is_locked(self, who: str) -> bool:
        return who in self.locked or self.failures[who] == 5

    def _end(self, payment: Waiting, how: str) -> str:
        payment.end = how
        return how


class Life(RuleBasedStateMachine):
    """One life of a copy of a town."""

    def __init__(self, founded: Town, path: Path) -> None:
        super().__init__()
        shutil.copy(str(founded.database.engine.url.database), path)
        self.town = founded.moved_to(path, FixedClock())
        self.model = Model()
        self.said: list[Inbound] = []
        self.checks: list[tuple[PinCheck, Waiting]] = []
        self.judged: list[tuple[PinCheck, str]] = []
        self.most_tries: dict[str, int] = {}

    @rule(batch=st.lists(ops, min_size=1, max_size=3))
    def people_write(self, batch: list[Op]) -> None:
        """Some messages, in one commit, each decided after the one before."""
        events = [self._message(op) for op in batch]
        now = self.town.clock()
        expected, tried = [], []
        for op in batch:
            expected.append(self._predict(op, now))
            tried.append(self.model.open(op[1])[-1] if expected[-1] == "pin_tried" else None)
        results = self.town.process(*events)
        assert [result.outcome for result in results] == expected
        for result, payment in zip(results, tried, strict=True):
            assert len(result.checks) == (payment is not None)
            self.checks += [(check, payment) for check in result.checks if payment]
        self.said += events

    @precondition(lambda self: any(map(self.model.open, PEOPLE)))
    @rule(data=st.data(), tries=answers, judged=st.sampled_from([True, True, False]))
    def who_was_asked_answers(self, data: st.DataObject, tries: list[bool], judged: bool) -> None:
        """Somebody for whom a payment waits types PINs; each check ends before the next one, or none does yet."""
        who = data.draw(st.sampled_from([who for who in PEOPLE if self.model.open(who)]), label="who")
        for right in tries:
            before = len(self.checks)
            self.people_write([("pin", who, right)])
            if judged and len(self.checks) > before:
                self._judge(-1)

    @precondition(lambda self: self.checks)
    @rule(data=st.data())
    def a_check_ends(self, data: st.DataObject) -> None:
        """The verdict on one of the tries that are being checked, in any order."""
        self._judge(data.draw(st.integers(0, len(self.checks) - 1), label="check"))

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def something_comes_again(self, data: st.DataObject) -> None:
        """A message is delivered twice more, perhaps much later; so is a verdict, which may say the same again."""
        message = data.draw(st.sampled_from(self.said), label="message")
        assert [r.outcome for r in self.town.process(replace(message), message)] == ["duplicate"] * 2
        if self.judged:
            check, outcome = data.draw(st.sampled_from(self.judged), label="verdict")
            assert self.town.do(self.town.verdict(check)).outcome in ("duplicate", outcome)

    @rule(seconds=st.sampled_from([0, 5, 60, 300]), swept=st.booleans(), died=st.booleans(), gift=st.integers(0, 50_00))
    def time_goes_by(self, seconds: int, swept: bool, died: bool, gift: int) -> None:
        """For a while nobody does anything, but for the operator, who sweeps, funds and restarts."""
        self.town.clock.move(timedelta(seconds=seconds))
        if swept:
            self._sweep()
        if died:
            self._die()
        if gift:
            self.town.enrolment.fund(self.town.people["alice"].id, Money(gift), "more")
            self.model.balance["alice"] += gift

    @invariant()
    def the_money_is_where_the_model_says(self) -> None:
        """Balances and holds of everybody are what the model predicts."""
        found = {who: self.town.counters(who) for who in (*PEOPLE, CHARITY)}
        assert found == {who: (self.model.balance[who], self.model.held(who)) for who in (*PEOPLE, CHARITY)}

    @invariant()
    def every_cent_is_somewhere(self) -> None:
        """All balances add up to nothing, nobody is below zero, and what is held is what waits."""
        ((total,),) = self.town.rows("select sum(credits_posted - debits_posted) from accounts")
        assert total == 0
        below = "credits_posted - debits_posted - debits_pending < 0 and kind <> 'system'"
        assert self.town.rows(f"select id from accounts where {below}") == []
        ((held, arriving),) = self.town.rows("select sum(debits_pending), sum(credits_pending) from accounts")
        ((waiting,),) = self.town.rows("select coalesce(sum(amount_minor), 0) from challenges where state = 'open'")
        assert held == arriving == waiting

    @invariant()
    def nothing_ends_twice(self) -> None:
        """A payment that is over has the one ending that fits its state, one that is open has none."""
        rows = self.town.rows(
            "select c.state, count(e.id), min(e.kind) from challenges c "
            "left join transfers e on e.pending_id = c.transfer_id group by c.transfer_id order by c.transfer_id"
        )
        kinds = {"open": (0, None), "passed": (1, "post"), "expired": (1, "expire")}
        assert all((ends, kind) == kinds.get(state, (1, "void")) for state, ends, kind in rows)
        assert sorted(state for state, _, _ in rows) == sorted(p.end or "open" for p in self.model.payments)

    @invariant()
    def no_guess_is_given_back(self) -> None:
        """Tries of a payment never fall nor pass three; failures and locks are what the model predicts."""
        tries = dict(map(tuple, self.town.rows("select transfer_id, tries from challenges")))
        assert all(self.most_tries.get(id_, 0) <= tried <= 3 for id_, tried in tries.items())
        self.most_tries = tries
        assert sorted(tries.values()) == sorted(p.tries for p in self.model.payments)
        found = {
            name.lower(): (failures, locked_at is not None)
            for name, failures, locked_at in self.town.rows(
                "select name, failures, pins.locked_at from people join pins on person_id = people.id"
            )
        }
        assert found == {who: (self.model.failures[who], who in self.model.locked) for who in PEOPLE}

    def teardown(self) -> None:
        """At the end of every life ledger and audit prove themselves, and everybody was answered."""
        assert self.town.problems() == []
        marks = {source for (source,) in self.town.rows("select source from marks")}
        assert {message.source for message in self.said} <= marks
        assert self.town.rows("select * from dead_letters") == []
        self.town.database.close()

    def _sweep(self) -> None:
        """What was not answered in time is given back."""
        now = self.town.clock()
        with self.town.database.read() as connection:
            late: list[Event] = [Deadline(transfer_id=id_) for id_ in due(connection, now, 500)]
        assert len(late) == self.model.sweep(now)
        assert [r.outcome for r in self.town.process(*late)] == ["expired"] * len(late)

    def _die(self) -> None:
        """All that is not in the database is lost, and with it the PINs that were being checked."""
        url = str(self.town.database.engine.url)
        self.town.database.close()
        database = Database(url)
        self.town.database = database
        self.town.pipeline = replace(self.town.pipeline, database=database)
        self.town.enrolment = replace(self.town.enrolment, database=database)
        self.checks.clear()

    def _judge(self, number: int) -> None:
        check, payment = self.checks.pop(number)
        verdict = self.town.verdict(check)
        expected = self.model.judge(payment, verdict.right, self.town.clock(), check.tried_at)
        assert self.town.do(verdict).outcome == expected
        self.judged.append((check, expected))

    def _message(self, op: Op) -> Inbound:
        """What somebody writes; each a millisecond after the one before, so that there is a newest."""
        self.town.clock.move(timedelta(milliseconds=1))
        kind, who, *rest = op
        if kind == "cancel":
            return self.town.says(who, "#cancel")
        if kind == "pin":
            return self.town.says(who, PINS[who] if rest[0] else WRONG, private=True)
        payee, minor = rest
        to = "#eaupourtous" if payee == CHARITY else f"@{payee}"
        return self.town.says(who, f"#{kind} {Money(minor).to_decimal_string()} euros {to}")

    def _predict(self, op: Op, now: datetime) -> str:
        kind, who, *rest = op
        if kind == "cancel":
            return self.model.cancel(who)
        if kind == "pin":
            return self.model.type_pin(who, now)
        payee, minor = rest
        return self.model.pay(who, payee, minor, now)


def test_no_life_loses_or_makes_a_cent(founded: Town, tmp_path: Path) -> None:
    """Whatever people, platforms, time and crashes do, the ledger is what a few lines of arithmetic say."""
    number = count()

    class LifeHere(Life):
        def __init__(self) -> None:
            super().__init__(founded, tmp_path / f"{next(number)}.sqlite")

    run_state_machine_as_test(
        LifeHere,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )

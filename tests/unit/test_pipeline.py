"""The path of a batch: each message has one effect, a batch is true as a whole or not at all."""

import contextlib
import sqlite3
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from botpay import handlers
from botpay.confirm.challenge import CHECK_WITHIN, NO_PIN, count_failure, count_try
from botpay.confirm.checker import PinVerdict
from botpay.confirm.store import load_challenges, load_pins, save_challenges, save_pins
from botpay.errors import LedgerFault, StorageUnavailable
from botpay.handlers.world import Deadline, Decision, Unit, World
from botpay.ledger.store import load_accounts, save_accounts
from botpay.message import Flag, Inbound
from botpay.money import Money
from botpay.policy import MOST_WAITING
from tests.conftest import KEYRING, PINS, TERMS, Town, actor
from tests.dumps import opened


def everything(town: Town) -> dict[str, list[Any]]:
    """Every row of every table."""
    tables = [name for (name,) in town.rows("select name from sqlite_master where type = 'table'")]
    return {name: town.rows(f"select * from {name} order by 1, 2") for name in tables if name != "alembic_version"}


def outcomes(town: Town, *events: Any) -> list[str]:
    """What became of the events of one batch."""
    return [result.outcome for result in town.process(*events)]


def test_a_message_delivered_twice_has_one_effect(town: Town) -> None:
    """A message that comes again in a later batch changes nothing at all."""
    message = town.says("alice", "#send 10 euros @bob")
    assert outcomes(town, message) == ["reserved"]
    before = everything(town)
    assert outcomes(town, message) == ["duplicate"]
    town.clock.move(timedelta(days=1))
    assert outcomes(town, replace(message, said_at=town.clock())) == ["duplicate"]
    assert everything(town) == before


def test_a_message_twice_in_one_batch_has_one_effect(town: Town) -> None:
    """Two deliveries of one message in one batch are one message, as the same object or as another."""
    message = town.says("alice", "#send 10 euros @bob")
    assert outcomes(town, message, replace(message)) == ["reserved", "duplicate"]
    assert town.counters("alice") == (300_00, 10_00)
    typed = town.says("alice", PINS["alice"], private=True)
    first, second = town.process(typed, typed)
    assert (len(first.checks), second.outcome, second.checks) == (1, "duplicate", ())


def test_the_same_words_in_two_messages_are_two_payments(town: Town) -> None:
    """Who writes the same twice pays twice: it is the message that is done once, not its words."""
    words = "#send 10 euros @bob"
    assert outcomes(town, town.says("alice", words), town.says("alice", words)) == ["reserved"] * 2
    assert town.counters("alice") == (300_00, 20_00)


def test_a_verdict_delivered_twice_posts_once(town: Town) -> None:
    """A verdict counts once, in one batch and in two."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    verdict = town.verdict(town.types_pin("alice"))
    assert outcomes(town, verdict, replace(verdict)) == ["posted", "duplicate"]
    assert outcomes(town, verdict) == ["duplicate"]
    assert (town.counters("alice"), town.counters("bob")) == ((290_00, 0), (310_00, 0))


def test_a_payment_that_ended_ends_once(town: Town) -> None:
    """Of a right PIN, a cancellation and a deadline whoever comes first decides, also within one batch."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    verdict = town.verdict(town.types_pin("alice"))
    assert outcomes(town, town.says("alice", "#cancel"), verdict) == ["cancelled", "late_cancelled"]
    assert (town.counters("alice"), town.counters("bob")) == ((300_00, 0), (300_00, 0))
    assert town.rows("select failures from pins where failures > 0") == []

    town.do(town.says("alice", "#send 10 euros @bob"))
    check = town.types_pin("alice")
    town.clock.move(TERMS.caps.confirm_within)
    deadlines = [Deadline(transfer_id=check.transfer_id) for _ in range(2)]
    assert outcomes(town, town.verdict(check), *deadlines) == ["expired", "ignored", "ignored"]
    assert town.rows("select kind, count(*) from transfers where pending_id is not null group by kind") == [
        ("expire", 1),
        ("void", 1),
    ]
    assert town.problems() == []


def test_a_deadline_before_its_time_does_nothing(town: Town) -> None:
    """A challenge expires at its time and not a moment before."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    town.clock.move(TERMS.caps.confirm_within - timedelta(microseconds=1))
    check = town.types_pin("alice")
    assert outcomes(town, Deadline(transfer_id=check.transfer_id)) == ["ignored"]
    town.clock.move(timedelta(microseconds=1))
    assert outcomes(town, Deadline(transfer_id=check.transfer_id)) == ["expired"]
    assert outcomes(town, town.verdict(check)) == ["late_expired"]


def test_messages_of_one_batch_see_each_other(town: Town) -> None:
    """Two messages of one batch that together exceed the balance: the first is reserved, the second refused."""
    one, two = (town.says("alice", "#send 200 euros @bob") for _ in range(2))
    assert outcomes(town, one, two) == ["reserved", "insufficient_funds"]
    assert town.counters("alice") == (300_00, 200_00)
    assert town.problems() == []


def test_money_received_in_a_batch_can_be_spent_in_it(town: Town) -> None:
    """What was posted earlier in a batch is there for what follows."""
    town.do(town.says("alice", "#send 200 euros @bob"))
    verdict = town.verdict(town.types_pin("alice"))
    town.do(town.says("bob", "#send 250 euros @carol"))
    early, late = (town.says("bob", "#send 250 euros @carol") for _ in range(2))
    assert outcomes(town, early, verdict, late) == ["insufficient_funds", "posted", "reserved"]
    assert town.counters("bob") == (500_00, 500_00)


def test_a_pin_is_tried_once_in_a_batch(town: Town) -> None:
    """Guesses that come in one batch are counted one by one: while the first is checked the others are not taken."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    guesses = [town.says("alice", pin, private=True) for pin in ("111213", "111214", PINS["alice"])]
    results = town.process(*guesses)
    assert [(r.outcome, len(r.checks)) for r in results] == [
        ("pin_tried", 1),
        ("still_checking", 0),
        ("still_checking", 0),
    ]
    assert town.rows("select tries from challenges") == [(1,)]
    assert town.rows("select sum(failures) from pins") == [(1,)]


def test_five_guesses_lock_however_they_are_spread(town: Town) -> None:
    """Failures add up over payments that wait side by side; the fifth locks, and the right PIN is no longer taken."""
    for _ in range(3):
        town.do(town.says("alice", "#send 1 euro @bob"))
        town.clock.move(timedelta(seconds=1))
    seen = []
    for _ in range(5):
        seen.append(town.do(town.verdict(town.types_pin("alice", "111213"))).outcome)
        town.clock.move(timedelta(seconds=30))
    assert seen == ["wrong_pin", "wrong_pin", "failed", "wrong_pin", "locked"]
    check = town.types_pin("alice")
    assert check.hash == NO_PIN, "whatever is entered on what still waits is checked against nothing"
    assert outcomes(town, town.says("alice", "#send 1 euro @bob")) == ["person_locked"]


def test_a_crash_while_a_pin_is_checked_gives_no_extra_guess(town: Town) -> None:
    """A try whose verdict never came is spent; after a while the person may try again, with one try less."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    town.types_pin("alice", "111213")
    assert town.do(town.says("alice", PINS["alice"], private=True)).outcome == "still_checking"
    town.clock.move(CHECK_WITHIN)
    check = town.types_pin("alice")
    assert check.number == 2
    assert town.do(town.verdict(check)).outcome == "posted"


def test_the_caps_are_asked_again_when_money_is_posted(town: Town) -> None:
    """A cap that was lowered while a payment waited for its PIN stops it, and its money is given back."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    town.do(town.says("bob", "#send 5 euros @alice"))
    checks = [town.types_pin("alice"), town.types_pin("bob")]
    lower = replace(TERMS, caps=replace(TERMS.caps, person=Money(5_00)))
    town.pipeline = replace(town.pipeline, terms=lower)
    assert outcomes(town, *(town.verdict(check) for check in checks)) == ["cancelled", "posted"]
    assert (town.counters("alice"), town.counters("bob")) == ((305_00, 0), (295_00, 0))
    told = [letter.outbound.text for letter in town.letters() if letter.outbound.to == "alice"]
    assert "no longer possible" in told[1]


def test_a_pin_behind_a_command_is_told_to_nobody(town: Town) -> None:
    """Who writes their PIN behind a payment does not tell it to the payee: it is in no row of the database."""
    assert town.pays("alice", f"#send 10 euros @bob for {PINS['alice']}") == "posted"
    sealed = opened(town.database, KEYRING)
    assert "for ••••••" in sealed
    assert PINS["alice"] not in repr([everything(town), sealed])


def test_only_so_many_payments_wait(town: Town) -> None:
    """When too many payments wait for one person's PIN the next is refused; once one is over there is room."""
    orders = [town.says("alice", "#send 1 euro @bob") for _ in range(MOST_WAITING + 1)]
    assert outcomes(town, *orders) == ["reserved"] * MOST_WAITING + ["too_many_waiting"]
    assert outcomes(town, town.says("bob", "#send 1 euro @alice")) == ["reserved"]
    town.do(town.says("alice", "#cancel"))
    assert outcomes(town, town.says("alice", "#send 1 euro @bob")) == ["reserved"]


@pytest.mark.parametrize("change", ["amount_minor = 1", "debit_id = 2, credit_id = 1", "credit_id = 3"])
def test_a_reserve_that_was_bent_pays_nobody(town: Town, change: str) -> None:
    """What the sender was shown is what moves: if the reserve says another amount, payer or payee it is a fault."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    verdict = town.verdict(town.types_pin("alice"))
    with town.database.write() as connection:
        for (name,) in connection.exec_driver_sql("select name from sqlite_master where type = 'trigger'").all():
            connection.exec_driver_sql(f"drop trigger {name}")
        connection.exec_driver_sql(f"update transfers set {change} where kind = 'reserve'")
    with pytest.raises((LedgerFault, KeyError)):  # an account that the challenge does not name is not even loaded
        town.do(verdict)
    assert town.counters("bob") == (300_00, 0)


@pytest.mark.parametrize("flag", Flag)
def test_only_a_fresh_message_of_a_person_moves_anything(town: Town, flag: Flag) -> None:
    """A message with any flag is no command, and a PIN in it is no PIN."""
    assert outcomes(town, replace(town.says("alice", "#send 10 euros @bob"), flags=frozenset({flag}))) in (
        ["ignored"],
        ["edited"],
    )
    town.do(town.says("alice", "#send 10 euros @bob"))
    typed = replace(town.says("alice", PINS["alice"], private=True), flags=frozenset({flag}))
    assert [(r.outcome, r.checks) for r in town.process(typed)] == [("ignored", ())]
    assert town.counters("alice") == (300_00, 10_00)


def test_nobody_confirms_for_somebody_else(town: Town) -> None:
    """Only the sender's PIN confirms: another person's right PIN finds nothing that waits."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    for who in ("bob", "carol"):
        for pin in (PINS[who], PINS["alice"]):
            result = town.do(town.says(who, pin, private=True))
            assert (result.outcome, result.checks) == ("nothing_open", ())
    assert town.rows("select sum(failures) from pins") == [(0,)]


def test_a_handle_that_changes_hands_in_the_same_batch_pays_nobody(town: Town) -> None:
    """A stranger who appears under Bob's handle just before the command makes it unsure whom it means."""
    stranger = replace(actor("mallory"), handle="bob")
    news = replace(town.says("alice", "hello"), event_id="m", author=stranger)
    assert outcomes(town, news, town.says("alice", "#send 10 euros @bob")) == ["ignored", "unsure_payee"]
    assert outcomes(town, town.says("alice", "#send 10 euros @bob")) == ["unsure_payee"]
    by_id = replace(town.says("alice", "#send 10 euros"), reply_to=actor("bob"))
    assert outcomes(town, by_id) == ["reserved"]


def decide_with_a_fault(world: World, unit: Unit) -> Decision:
    """Decides as the real one, but for a message that says "fault"."""
    if isinstance(unit.event, Inbound) and unit.event.text.reveal() == "fault":
        raise ZeroDivisionError
    return handlers.decide(world, unit)


def test_a_fault_in_the_middle_leaves_nothing_of_its_batch(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """If one event of a batch cannot be decided, nothing of the batch is committed, before or behind it."""
    monkeypatch.setattr("botpay.pipeline.decide", decide_with_a_fault)
    before = everything(town)
    batch = [town.says("alice", words) for words in ("#send 10 euros @bob", "fault", "#send 5 euros @bob")]
    with pytest.raises(ZeroDivisionError):
        town.process(*batch)
    assert everything(town) == before
    assert outcomes(town, batch[0], batch[2]) == ["reserved", "reserved"]


def test_a_fault_while_saving_leaves_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the last statement of a save fails, nothing that was written before it stays, not even the mark."""
    before = everything(town)

    def fails(*_: object) -> None:
        raise LedgerFault("rows that must agree do not")

    with monkeypatch.context() as patched:
        patched.setattr("botpay.saving.save_letters", fails)
        message = town.says("alice", "#send 10 euros @bob")
        with pytest.raises(LedgerFault):
            town.do(message)
    assert everything(town) == before
    assert town.do(message).outcome == "reserved"


def test_a_row_that_changed_under_its_lock_is_a_fault(town: Town) -> None:
    """Counters are written only over the version that was read: a lost update is a fault, never a lost cent."""
    with town.database.write() as connection:
        (read,) = load_accounts(connection, owners=[town.people["alice"].id])
        after = replace(read, credits_posted=1, version=read.version + 1)
        stale = replace(read, version=read.version - 1)
        with pytest.raises(LedgerFault, match="changed under its lock"):
            save_accounts(connection, {read.id: stale}, [after])
        save_accounts(connection, {read.id: read}, [after])
    assert town.counters("alice") == (1, 0)


def test_a_challenge_that_changed_under_its_lock_is_a_fault(town: Town) -> None:
    """Tries and failures are written only over the versions that were read: no guess is given back."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    with town.database.write() as connection:
        (challenge,) = load_challenges(connection, KEYRING, people=[town.people["alice"].id])
        (pin,) = load_pins(connection, [town.people["alice"].id])
        counted, failed = count_try(challenge, town.clock()), count_failure(pin, town.clock())
        stale, old = replace(challenge, version=7), replace(pin, version=7)
        with pytest.raises(LedgerFault, match="challenge changed"):
            save_challenges(connection, KEYRING, {challenge.transfer_id: stale}, [counted])
        with pytest.raises(LedgerFault, match="failures changed"):
            save_pins(connection, {pin.person_id: old}, [failed])
        save_challenges(connection, KEYRING, {challenge.transfer_id: challenge}, [counted])
        save_pins(connection, {pin.person_id: pin}, [failed])
    assert town.rows("select tries, failures from challenges natural join pins") == [(1, 1)]


def quick_to_give_up(town: Town) -> None:
    """Let the town's connections wait for a lock a hundredth of a second only."""

    @event.listens_for(town.database.engine, "connect")
    def _impatient(connection: Any, _: object) -> None:
        connection.execute("PRAGMA busy_timeout = 10")

    town.database.engine.dispose()


def test_a_locked_database_is_not_available(town: Town) -> None:
    """While somebody else writes, a batch is refused as not available, and taken afterwards."""
    quick_to_give_up(town)
    before = everything(town)
    message = town.says("alice", "#send 10 euros @bob")
    with contextlib.closing(sqlite3.connect(str(town.database.engine.url.database), isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(StorageUnavailable, match="locked"):
            town.do(message)
        other.execute("rollback")
    assert everything(town) == before
    assert town.do(message).outcome == "reserved"


def test_a_full_disk_is_not_available(town: Town) -> None:
    """On a full disk a batch is refused as not available, nothing of it stays, and it is taken once there is room."""
    batch = [town.says("alice", "#send 1 euro @bob for " + "many good things " * 7) for _ in range(200)]
    before = everything(town)
    with town.database.write() as connection:
        pages = connection.exec_driver_sql("pragma page_count").scalar_one()
        connection.exec_driver_sql(f"pragma max_page_count = {pages}")
    with pytest.raises(StorageUnavailable, match="full"):
        town.process(*batch)
    assert everything(town) == before
    assert town.problems() == []
    with town.database.write() as connection:
        connection.exec_driver_sql("pragma max_page_count = 1000000")
    assert set(outcomes(town, *batch)) == {"reserved"}


def test_a_database_that_is_away_says_nothing_of_the_message(town: Town) -> None:
    """The text of a storage fault holds no statement and no value."""
    with town.database.write() as connection:
        connection.exec_driver_sql("alter table marks rename to elsewhere")
    with pytest.raises(StorageUnavailable) as refused:
        town.do(town.says("alice", "#send 10 euros @bob secret"))
    assert "secret" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_no_statement_of_a_batch_reads_a_whole_table(town: Town) -> None:
    """What a batch costs does not grow with the number of people and payments: every row is found by an index."""
    asked: dict[str, Any] = {}

    @event.listens_for(town.database.engine, "before_cursor_execute")
    def _note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if statement.startswith("SELECT"):
            asked[statement] = parameters

    words = ("#send 1 euro @bob", "#donate 1 euro #eaupourtous", "#history", "#balance", "#cancel")
    town.process(*(town.says(who, said) for who in ("alice", "bob") for said in words))
    town.do(town.verdict(town.types_pin("alice")))
    assert len(asked) > 10
    tables = {name for (name,) in town.rows("select name from sqlite_master where type = 'table'")}
    with town.database.read() as connection:
        for statement, parameters in list(asked.items()):
            plan = connection.exec_driver_sql(f"explain query plan {statement}", parameters).all()
            read_whole = {line.split()[1] for *_, line in plan if line.startswith("SCAN")} & {*tables, "own"}
            assert read_whole == set(), statement


def test_an_unknown_verdict_is_a_fault(town: Town) -> None:
    """A verdict on a payment that does not exist is our fault, not something to pass over."""
    with pytest.raises(KeyError):
        town.do(
            PinVerdict(
                transfer_id=town.charity.id,
                person_id=town.people["alice"].id,
                number=1,
                right=True,
                tried_at=town.clock(),
            )
        )


def test_an_empty_batch_changes_nothing(town: Town) -> None:
    """No events, no rows."""
    before = everything(town)
    assert town.process() == []
    assert everything(town) == before

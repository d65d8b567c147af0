"""A payment to somebody else, a second one for one, a free guess at a PIN: what confirming must not give away."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import text

from botpay.confirm.challenge import CHECK_WITHIN
from botpay.confirm.checker import PinCheck
from botpay.confirm.keypad import token
from botpay.errors import LedgerFault
from botpay.handlers.world import Deadline, Event
from botpay.message import Inbound, Press, SecretText
from tests.conftest import DATA_KEY, KEYRING, PINS, TERMS, Town

WRONG = "111213"


def transfer_of_last(town: Town) -> str:
    """The payment that was begun last."""
    (row,) = town.rows("select transfer_id from challenges order by created_at desc limit 1")
    return str(row.transfer_id)


def pressed(town: Town, who: str, transfer_id: str, key: str) -> Inbound:
    """Somebody's tap on a key of a payment."""
    tap = Press(token(DATA_KEY, _with_dashes(transfer_id), key))
    return replace(town.says(who, "", private=True), text=SecretText(), press=tap)


def bend(town: Town, statement: str) -> None:
    """Change rows as somebody who can write to the file would, without its triggers and keys."""
    with town.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("commit")
        connection.exec_driver_sql("pragma foreign_keys = off")
        for (name,) in connection.execute(text("select name from sqlite_master where type = 'trigger'")).all():
            connection.exec_driver_sql(f"drop trigger {name}")
        connection.exec_driver_sql(statement)
    town.database.engine.dispose()


def asked_amount(town: Town, check: PinCheck) -> int:
    """The amount of the payment that a PIN was taken for."""
    rows = town.rows("select transfer_id, amount_minor from challenges")
    return next(int(row.amount_minor) for row in rows if _with_dashes(row.transfer_id) == check.transfer_id)


def _with_dashes(transfer_id: str) -> str:
    plain = transfer_id.replace("-", "")
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("order", list(permutations(("verdict", "deadline", "cancel"))))
def test_of_a_verdict_a_deadline_and_a_cancel_one_decides(town: Town, order: tuple[str, ...], late: bool) -> None:
    """In whatever order they meet in one batch, in time or too late, a payment ends once and nothing stays held."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    check = town.types_pin("alice")
    if late:
        town.clock.move(TERMS.caps.confirm_within)
    events: dict[str, Event] = {
        "verdict": town.verdict(check),
        "deadline": Deadline(transfer_id=check.transfer_id),
        "cancel": town.says("alice", "#cancel"),
    }
    outcomes = [result.outcome for result in town.process(*(events[name] for name in order))]
    paid = not late and order.index("verdict") < order.index("cancel")
    assert ("posted" in outcomes) == paid
    assert sum(outcome in ("posted", "cancelled", "expired") for outcome in outcomes) == 1
    assert (town.counters("alice"), town.counters("bob")) == (
        ((290_00, 0), (310_00, 0)) if paid else ((300_00, 0), (300_00, 0))
    )
    assert town.problems() == []


def test_a_pin_is_for_what_was_asked_last_though_the_clock_goes_back(town: Town) -> None:
    """A PIN that is typed after the second question pays what the second one asked, whatever the clock says."""
    town.do(town.says("alice", "#send 1 euro @bob"))
    town.clock.move(-timedelta(minutes=1))
    town.do(town.says("alice", "#send 2 euros @carol"))
    assert asked_amount(town, town.types_pin("alice")) == 2_00


@pytest.mark.parametrize("second", range(6))  # by chance three in six would do
def test_the_last_of_one_batch_is_the_newest(town: Town, second: int) -> None:
    """Of questions that were put in one commit, the last is the one that a PIN and a cancel mean."""
    town.clock.move(timedelta(seconds=second))
    town.process(*(town.says("alice", f"#send {euros} euros @bob") for euros in (1, 2, 3)))
    assert town.do(town.says("alice", "#cancel")).outcome == "cancelled"
    assert town.rows("select amount_minor from challenges where state = 'cancelled'") == [(3_00,)]
    assert asked_amount(town, town.types_pin("alice")) == 2_00


def test_guessing_on_several_keypads_at_once_gives_five_guesses(town: Town) -> None:
    """Whoever holds a person's account and enters PINs on many payments at once has three guesses, then has to wait;
    five in all, whatever is entered on the rest."""
    payments = []
    for _ in range(7):
        town.do(town.says("alice", "#send 1 euro @bob"))
        payments.append(transfer_of_last(town))
    for transfer in payments:
        for digit in WRONG[:-1]:
            town.do(pressed(town, "alice", transfer, digit))
    results = town.process(*(pressed(town, "alice", transfer, WRONG[-1]) for transfer in payments))
    assert [result.outcome for result in results] == ["pin_tried"] * 3 + ["too_soon"] * 4
    town.process(*(town.verdict(check) for result in results for check in result.checks))
    for seconds in (5, 30, 30, 30):
        town.clock.move(timedelta(seconds=seconds))
        checks = town.do(town.says("alice", WRONG, private=True)).checks
        town.process(*(town.verdict(check) for check in checks))
    tried = town.rows("select sum(tries) from challenges")
    judged = town.rows("select failures, wrong_today from pins where failures > 0")
    assert (tried, judged) == ([(7,)], [(5, 5)]), "two of seven were checked against nothing"
    assert town.do(town.says("alice", "#send 1 euro @bob")).outcome == "person_locked"


def test_a_late_verdict_gives_no_guess_back(town: Town) -> None:
    """A wrong verdict that comes after its try was given up leaves three tries in all."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    late = town.types_pin("alice", WRONG)
    town.clock.move(CHECK_WITHIN)
    second = town.types_pin("alice", WRONG)
    assert town.do(town.verdict(late)).outcome == "wrong_pin"
    third = town.types_pin("alice", WRONG)
    assert [town.do(town.verdict(check)).outcome for check in (third, second)] == ["failed", "wrong_pin"]
    assert town.do(town.says("alice", PINS["alice"], private=True)).outcome == "nothing_open"


def test_a_press_without_an_author_is_nobodys(town: Town) -> None:
    """A tap behind which no person stands, or that carries any flag of doubt, does nothing."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    tap = pressed(town, "alice", transfer_of_last(town), "4")
    assert town.do(replace(tap, author=None)).outcome == "ignored"
    assert town.rows("select entry from challenges") == [(None,)]


def test_a_token_is_for_its_own_payment(town: Town) -> None:
    """A key's token of one payment means nothing under the name of another, nor cut, nor with a byte changed."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    one = transfer_of_last(town)
    town.do(town.says("alice", "#send 20 euros @carol"))
    other = transfer_of_last(town)
    mine = token(DATA_KEY, _with_dashes(one), "cancel")
    name = token(DATA_KEY, _with_dashes(other), "cancel").partition(".")[0]
    mac = mine.partition(".")[2]
    for forged in (f"{name}.{mac}", mine[:-1], f"{mine}.", mine[:-1] + ("A" if mine[-1] != "A" else "B"), name, "."):
        tap = replace(pressed(town, "alice", one, "1"), press=Press(forged))
        assert town.do(tap).outcome == "ignored"
    assert town.rows("select state, entry from challenges") == [("open", None)] * 2


@pytest.mark.parametrize(
    "change",
    [
        "person_id = (select id from people where name = 'Carol')",
        "payee_owner = (select id from people where name = 'Carol')",
        "amount_minor = 1",
        "currency = 'CHF'",
    ],
)
def test_a_question_that_was_bent_pays_nobody(town: Town, change: str) -> None:
    """Where the question shown and the money held do not agree, no PIN moves it: not the sender's, nor a thief's."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    bend(town, f"update challenges set {change}")
    who = "carol" if "person_id" in change else "alice"
    check = town.types_pin(who)
    with pytest.raises(LedgerFault, match="does not agree"):
        town.do(town.verdict(check))
    assert [town.counters(name) for name in PINS] == [(300_00, 10_00), (300_00, 0), (300_00, 0)]


def test_digits_that_cannot_be_opened_hold_no_money_for_ever(town: Town) -> None:
    """A payment whose entered digits were sealed with another key still ends, and its sender can still write."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    town.do(pressed(town, "alice", transfer_of_last(town), "4"))
    town.pipeline = replace(town.pipeline, keyring=replace(KEYRING, data=b"x" * 32))
    assert town.do(town.says("alice", "#balance", private=True)).outcome == "balance"
    assert town.do(town.verdict(town.types_pin("alice"))).outcome == "posted"

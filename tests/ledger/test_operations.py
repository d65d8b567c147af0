"""What operators do by hand: exact, audited, once, and within the rules that hold for everybody."""

import re
from datetime import timedelta
from uuid import UUID

import pytest

from botpay.errors import ConfigError
from tests.conftest import PINS, Town
from tests.ledger.books import printed, run


def kept(town: Town, name: str) -> int:
    """What a system account has, in minor units."""
    ((balance,),) = town.rows("select credits_posted - debits_posted from accounts where owner = :name", name=name)
    return int(balance)


def refused(town: Town, *words: str) -> str:
    """What a command says that cannot do what it was told, as it was told."""
    result = run(town, *words)
    assert isinstance(result.exception, ConfigError), result.output
    return str(result.exception)


def test_funding_brings_cash_in(town: Town) -> None:
    """Money that comes in is the person's, and missing in "cash in", to the cent; the reason stands in the row."""
    said = printed(town, "ledger", "fund", "Alice", "10.50", "--reason", "notes at the desk")
    assert said.startswith(f"10.50 EUR funded: Alice ({town.people['alice'].id}) has 310.50.")
    assert (town.counters("alice"), kept(town, "cash in")) == ((310_50, 0), -910_50)
    assert town.rows("select reason from transfers where amount_minor = 1050") == [("notes at the desk",)]
    assert town.problems() == []


def test_withdrawing_pays_cash_out(town: Town) -> None:
    """Money that goes out is taken from the person and stands in "cash out"."""
    printed(town, "ledger", "withdraw", "Alice", "300", "--reason", "paid out")
    assert (town.counters("alice"), kept(town, "cash out")) == ((0, 0), 300_00)
    assert run(town, "ledger", "verify").exit_code == 0


def test_no_more_is_withdrawn_than_is_free(town: Town) -> None:
    """What is held for a payment that waits is not paid out: refused with exit code 1, and nothing is booked."""
    town.do(town.says("alice", "#send 100 euros @bob"))
    result = run(town, "ledger", "withdraw", "Alice", "200.01", "--reason", "paid out")
    assert (result.exit_code, result.stdout) == (
        1,
        "refused, nothing was booked: only 200.00 EUR of Alice are free\n",
    )
    assert town.counters("alice") == (300_00, 100_00)
    printed(town, "ledger", "withdraw", "Alice", "200", "--reason", "paid out")


@pytest.mark.parametrize(
    ("amount", "words", "account", "alice", "system"),
    [
        ("-2.50", (), "suspense", 297_50, 2_50),
        ("+2.50", (), "suspense", 302_50, -2_50),
        ("2.50", ("--against", "fees"), "fees", 302_50, -2_50),
        ("-2.50", ("--against", "fees"), "fees", 297_50, 2_50),
        ("-2.50", ("--against", "cash-in"), "cash in", 297_50, -897_50),
        ("2.50", ("--against", "cash-out"), "cash out", 302_50, -2_50),
    ],
)
def test_an_adjustment_goes_up_or_down_against_an_account_of_the_chart(
    town: Town, amount: str, words: tuple[str, ...], account: str, alice: int, system: int
) -> None:
    """A correction moves just its amount between the person and the system account that is named."""
    printed(town, "ledger", "adjust", "Alice", amount, "--reason", "miscounted", *words)
    assert (town.counters("alice"), kept(town, account)) == ((alice, 0), system)
    assert run(town, "ledger", "verify").exit_code == 0


def test_a_booking_with_an_id_is_booked_once(town: Town) -> None:
    """The same command with the same --id books once, however often it is repeated, and tells what stands."""
    words = ("ledger", "fund", "Alice", "10", "--reason", "cash", "--id", "till 7/12")
    first = printed(town, *words)
    town.clock.move(timedelta(days=1))
    again = printed(town, *words)
    assert "10.00 EUR funded" in first
    assert "10.00 EUR was booked before, nothing was booked now: Alice" in again
    assert first.partition("Ref. ")[2] == again.partition("Ref. ")[2]
    assert town.counters("alice") == (310_00, 0)


@pytest.mark.parametrize(
    "other",
    [
        ("ledger", "fund", "Alice", "10.01", "--reason", "cash"),
        ("ledger", "fund", "Bob", "10", "--reason", "cash"),
        ("ledger", "fund", "Alice", "10", "--reason", "other"),
        ("ledger", "withdraw", "Alice", "10", "--reason", "cash"),
    ],
)
def test_an_id_is_not_used_for_another_booking(town: Town, other: tuple[str, ...]) -> None:
    """The same --id with another person, amount, reason or direction is refused aloud, and nothing is booked."""
    printed(town, "ledger", "fund", "Alice", "10", "--reason", "cash", "--id", "7")
    assert "another booking has this id" in refused(town, *other, "--id", "7")
    assert (town.counters("alice")[0], town.counters("bob")[0]) == (310_00, 300_00)


def test_without_an_id_each_command_is_a_booking(town: Town) -> None:
    """Two commands without --id are two bookings."""
    for _ in range(2):
        printed(town, "ledger", "fund", "Alice", "10", "--reason", "cash")
    assert town.counters("alice") == (320_00, 0)


@pytest.mark.parametrize("amount", ["1e2", "1.005", "1_0", "abc", "-5", "NaN", "1.234", "10 EUR", "٥", ""])
def test_an_amount_is_exact_or_refused(town: Town, amount: str) -> None:
    """An amount on the command line is digits with at most two decimals; nothing is guessed or rounded."""
    result = run(town, "ledger", "fund", "Alice", "--reason", "cash", "--", amount)
    assert result.exit_code != 0
    assert town.counters("alice") == (300_00, 0)


def test_nothing_is_no_booking(town: Town) -> None:
    """An amount of zero is refused."""
    assert run(town, "ledger", "fund", "Alice", "0", "--reason", "cash").exit_code == 1


def test_every_booking_has_a_reason(town: Town) -> None:
    """Without a reason, or with an empty one, nothing is booked."""
    assert "needs a reason" in refused(town, "ledger", "fund", "Alice", "10", "--reason", " ")
    assert run(town, "ledger", "fund", "Alice", "10").exit_code == 2
    assert town.counters("alice") == (300_00, 0)


def test_a_currency_is_one_that_there_is(town: Town) -> None:
    """An unknown currency is refused by its name."""
    assert "unknown currency 'XXX'" in refused(
        town, "ledger", "fund", "Alice", "10", "--reason", "x", "--currency", "XXX"
    )


def test_a_person_is_named_by_id_identity_or_name(town: Town) -> None:
    """One person is found by id, by ADAPTER:TENANT:ID and by full name; a charity by its hashtag."""
    for who in (town.people["alice"].id, "console:local:alice", "Alice"):
        printed(town, "ledger", "fund", who, "1", "--reason", "cash")
    printed(town, "ledger", "fund", "#EauPourTous", "1", "--reason", "cash")
    assert (town.counters("alice")[0], town.counters("charity")[0]) == (303_00, 1_00)


def test_a_name_that_two_people_have_finds_neither(town: Town) -> None:
    """A name that is not unique is refused with the ids to choose from; a name that nobody has, too."""
    first = town.people["alice"]
    second = town.enrolment.add_person("Alice", "en", town.says("x", PINS["bob"]).text, [])
    said = refused(town, "ledger", "freeze", "Alice")
    assert {str(UUID(id_)) for id_ in re.findall(r"[0-9a-f-]{36}", said)} == {first.id, second.id}
    for who in ("Alicia", "console:local:eve", "01900000-0000-7000-8000-000000000000", "#eau"):
        assert "nobody here is" in refused(town, "ledger", "fund", who, "1", "--reason", "x")


def test_who_is_frozen_neither_pays_nor_is_paid(town: Town) -> None:
    """A frozen person's payments are refused, and payments to them, without a word to others on why."""
    assert printed(town, "ledger", "freeze", "Bob") == "Bob is frozen\n"
    assert town.do(town.says("bob", "#send 10 euros @alice")).outcome == "person_frozen"
    assert town.do(town.says("bob", "#donate 10 euros #eaupourtous")).outcome == "person_frozen"
    assert town.do(town.says("alice", "#send 10 euros @bob")).outcome == "payee_frozen"
    assert town.do(town.says("alice", "#send 10 euros @carol")).outcome == "reserved"
    said = [letter.outbound.text for letter in town.letters()]
    assert "Bob (@bob) cannot be paid at the moment" in said[-2]
    assert "frozen" not in said[-2]
    assert printed(town, "ledger", "unfreeze", "Bob") == "Bob can pay and be paid again\n"
    assert town.pays("bob", "#send 10 euros @alice") == "posted"
    assert run(town, "ledger", "verify").exit_code == 0


@pytest.mark.parametrize("frozen", ["Alice", "Bob"])
def test_a_freeze_holds_for_payments_that_wait(town: Town, frozen: str) -> None:
    """A payment that was reserved before either side was frozen is given back instead of posted."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    check = town.types_pin("alice")
    printed(town, "ledger", "freeze", frozen)
    assert town.do(town.verdict(check)).outcome == "cancelled"
    assert (town.counters("alice"), town.counters("bob")) == ((300_00, 0), (300_00, 0))
    assert run(town, "ledger", "verify").exit_code == 0


def test_a_frozen_person_sees_and_calls_off(town: Town) -> None:
    """A freeze takes no information and no money from anybody: balance, history and cancelling go on."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    printed(town, "ledger", "freeze", "Alice")
    outcomes = [
        town.do(town.says("alice", words, private=True)).outcome for words in ("#balance", "#history", "#cancel")
    ]
    assert outcomes == ["balance", "history", "cancelled"]


def test_the_operator_still_books_for_the_frozen(town: Town) -> None:
    """A freeze stops people, not the operator, who may have to pay the money out."""
    printed(town, "ledger", "freeze", "Alice")
    printed(town, "ledger", "withdraw", "Alice", "300", "--reason", "court order")
    assert town.counters("alice") == (0, 0)


def test_freezing_twice_changes_nothing(town: Town) -> None:
    """A command that finds done what it would do says so, and leaves no link."""
    assert printed(town, "ledger", "unfreeze", "Alice") == "Alice was not frozen\n"
    printed(town, "ledger", "freeze", "Alice")
    links = town.rows("select count(*) from audit")
    assert printed(town, "ledger", "freeze", "Alice") == "Alice was frozen already\n"
    assert town.rows("select count(*) from audit") == links


def test_charities_are_not_frozen(town: Town) -> None:
    """A freeze is of a person."""
    assert "is no person" in refused(town, "ledger", "freeze", "#eaupourtous")


def test_unlocking_gives_a_person_their_tries_back(town: Town) -> None:
    """After five wrong PINs a person is locked; unlocked by the operator they pay again, and the audit agrees."""
    for number in range(5):
        if number in (0, 3):
            town.do(town.says("alice", "#send 10 euros @bob"))
        town.do(town.verdict(town.types_pin("alice", "000001")))
        town.clock.move(timedelta(minutes=1))  # wrong PINs make wait
    assert town.do(town.says("alice", "#send 10 euros @bob")).outcome == "person_locked"
    assert printed(town, "person", "unlock", "Alice") == "Alice may enter their PIN again\n"
    assert town.pays("alice", "#send 10 euros @bob") == "posted"
    assert printed(town, "person", "unlock", "Alice") == "Alice was not locked\n"
    assert run(town, "ledger", "verify").exit_code == 0


def test_bookings_stand_in_the_audit(town: Town) -> None:
    """Each command leaves one link with its outcome."""
    ((before,),) = town.rows("select max(seq) from audit")
    printed(town, "ledger", "fund", "Alice", "1", "--reason", "x")
    printed(town, "ledger", "withdraw", "Alice", "1", "--reason", "x")
    printed(town, "ledger", "adjust", "Alice", "-1", "--reason", "x")
    printed(town, "ledger", "freeze", "Alice")
    bodies = town.rows("select body from audit where seq > :before order by seq", before=before)
    assert [re.findall(r'"(\w+)"\]\]', body) for (body,) in bodies] == [
        ["funded"],
        ["withdrawn"],
        ["adjusted"],
        ["frozen"],
    ]

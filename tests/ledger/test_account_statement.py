"""Statements and the trial balance: to the cent, complete, and safe to open in a spreadsheet."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest

from botpay.errors import ConfigError
from botpay.money import Money
from botpay.operations import Operations
from tests.conftest import AUDIT_KEY, Town
from tests.ledger.books import printed, run


@pytest.fixture
def week(town: Town) -> Town:
    """Alice pays bob on the 5th, is paid on the 6th, corrected on the 7th; one payment of hers still waits."""
    assert town.pays("alice", "#send 10.50 euros @bob pizza!") == "posted"
    town.clock.move(timedelta(days=1))
    assert town.pays("bob", "#send 0.01 euro @alice") == "posted"
    town.clock.move(timedelta(days=1))
    town.do(town.says("alice", "#send 5 euros @carol"))
    town.do(town.says("alice", "#cancel"))
    assert town.pays("alice", "#donate 20 euros #eaupourtous") == "posted"
    town.do(town.says("alice", "#send 5 euros @carol"))
    return town


def statement(town: Town, *words: str) -> Any:
    """A statement of alice's as JSON."""
    return json.loads(printed(town, "ledger", "statement", "Alice", "--format", "json", *words))


def test_a_statement_has_every_amount_that_moved(week: Town) -> None:
    """Each line has its day, reference, other side, memo, signed amount and balance; what is held has not moved."""
    found = statement(week)
    assert [(line["other_party"], line["memo"], line["amount"], line["balance"]) for line in found["lines"]] == [
        ("cash in", "gift", "300.00", "300.00"),
        ("Bob (@bob)", "pizza!", "-10.50", "289.50"),
        ("Bob", "", "0.01", "289.51"),
        ("Eau pour tous (#eaupourtous)", "", "-20.00", "269.51"),
    ]
    assert [line["date"][:10] for line in found["lines"]] == ["2026-01-05", "2026-01-05", "2026-01-06", "2026-01-07"]
    assert (found["opening_balance"], found["closing_balance"], found["currency"]) == ("0.00", "269.51", "EUR")
    assert week.counters("alice") == (269_51, 5_00)


def test_the_reference_is_the_one_that_people_were_told(week: Town) -> None:
    """What a payer quotes from the bot's message stands on the statement."""
    bodies = " ".join(letter.outbound.text for letter in week.letters())
    for line in statement(week)["lines"][1:]:
        assert f"Ref. {line['reference']}" in bodies


def test_a_statement_of_some_days_opens_with_what_was_there(week: Town) -> None:
    """Days are included on both sides; opening and closing balance join one period to the next."""
    middle = statement(week, "--from", "2026-01-06", "--to", "2026-01-06")
    assert (middle["opening_balance"], middle["closing_balance"]) == ("289.50", "289.51")
    assert [line["amount"] for line in middle["lines"]] == ["0.01"]
    last = statement(week, "--from", "2026-01-07")
    assert last["opening_balance"] == middle["closing_balance"]
    before, after = statement(week, "--to", "2026-01-04"), statement(week, "--from", "2027-01-01")
    assert (before["lines"], before["closing_balance"]) == ([], "0.00")
    assert (after["lines"], after["opening_balance"], after["closing_balance"]) == ([], "269.51", "269.51")


def test_the_other_side_sees_the_same_money(week: Town) -> None:
    """What one statement takes, another gives: the charity's has the gift and who gave it."""
    rows = list(csv.DictReader(io.StringIO(printed(week, "ledger", "statement", "#eaupourtous", "--format", "csv"))))
    assert [(row["other_party"], row["memo"], row["amount"], row["balance"]) for row in rows] == [
        ("", "opening balance", "", "0.00"),
        ("Alice", "", "20.00", "20.00"),
        ("", "closing balance", "", "20.00"),
    ]


@pytest.mark.parametrize("memo", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")'])
def test_no_cell_begins_a_formula(town: Town, memo: str) -> None:
    """What people write cannot act in a spreadsheet: a text that begins as a formula is quoted."""
    printed(town, "ledger", "fund", "Alice", "1", "--reason", memo)
    printed(town, "ledger", "withdraw", "Alice", "1", "--reason", memo)
    rows = list(csv.DictReader(io.StringIO(printed(town, "ledger", "statement", "Alice", "--format", "csv"))))
    assert [row["memo"] for row in rows[2:4]] == [f"'{memo}"] * 2
    assert [row["amount"] for row in rows[2:4]] == ["1.00", "-1.00"]


def test_a_table_shows_texts_and_obeys_none(town: Town) -> None:
    """In the terminal's table what people wrote is neither markup nor an escape sequence."""
    printed(town, "ledger", "fund", "Alice", "1", "--reason", "[red]x[/red] \x1b[2J y")
    table = printed(town, "ledger", "statement", "Alice")
    assert "[red]x[/red] \ufffd[2J y" in table
    assert "closing balance" in table


def test_what_came_and_went_in_one_commit_never_shows_less_than_nothing(town: Town) -> None:
    """Money that was received and paid on in one batch is shown in that order."""
    town.do(town.says("alice", "#send 250 euros @bob"))
    first = town.verdict(town.types_pin("alice"))
    operations = Operations(database=town.database, clock=town.clock, audit_key=AUDIT_KEY)
    operations.withdraw(town.people["bob"].id, Money(299_00), "paid out")
    town.do(town.says("bob", "#send 1 euro @carol"))
    second = town.verdict(town.types_pin("bob"))
    assert [result.outcome for result in town.process(first, second)] == ["posted", "posted"]
    lines = json.loads(printed(town, "ledger", "statement", "Bob", "--format", "json"))["lines"]
    assert [line["balance"] for line in lines][-3:] == ["1.00", "251.00", "250.00"]


def test_a_currency_without_an_account_has_no_statement(town: Town) -> None:
    """A statement is of an account that there is."""
    result = run(town, "ledger", "statement", "Alice", "--currency", "CHF")
    assert isinstance(result.exception, ConfigError)


def test_debits_equal_credits(week: Town) -> None:
    """The trial balance has each system account, all charities and all people; both columns come to the same."""
    printed(week, "ledger", "adjust", "Alice", "-2", "--reason", "fee", "--against", "fees")
    found = json.loads(printed(week, "ledger", "trial-balance", "--json"))
    assert [
        (line["kind"], line["name"], line["accounts"], line["debit"], line["credit"]) for line in found["lines"]
    ] == [
        ("system", "cash in", 1, "900.00", "0.00"),
        ("system", "fees", 1, "0.00", "2.00"),
        ("charity", "", 1, "0.00", "20.00"),
        ("person", "", 3, "0.00", "878.00"),
    ]
    assert found["balanced"] is True
    each = json.loads(printed(week, "ledger", "trial-balance", "--json", "--each"))
    assert [line["accounts"] for line in each["lines"]] == [1] * 6
    assert "900.00" in printed(week, "ledger", "trial-balance")


def test_columns_that_differ_are_told(week: Town) -> None:
    """Balances that do not come to the same exit with 1 and say what to run."""
    with week.database.write() as connection:
        connection.exec_driver_sql("update accounts set credits_posted = credits_posted + 1 where kind = 'charity'")
    result = run(week, "ledger", "trial-balance", "--json")
    assert result.exit_code == 1
    assert "do NOT come to the same" in result.stdout
    assert '"balanced": false' in result.stdout

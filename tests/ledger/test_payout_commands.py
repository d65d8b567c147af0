"""`botpay charity payout`: what an operator types, what they are told, and what the books show then."""

import json
import stat
from pathlib import Path

import pytest
from typer.testing import Result

from tests.conftest import Town
from tests.ledger.bank import OURS, Bank, Said, statement
from tests.ledger.books import printed, run


@pytest.fixture(autouse=True)
def payer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The account that pays, from the environment."""
    monkeypatch.setenv("BOTPAY_PAYOUT", json.dumps({"name": "Botpay SAS", "iban": OURS}))


@pytest.fixture
def given(town: Town) -> Bank:
    """A town whose charity is verified and was given 100.00."""
    bank = Bank.of(town)
    bank.give(town.charity.id, 100_00)
    return bank


def payout(town: Town, *words: str) -> str:
    """What a command prints that must succeed."""
    return printed(town, "charity", "payout", *words)


def refused(result: Result) -> str:
    """What a command says that cannot do what it was told."""
    assert result.exit_code == 1
    return str(result.exception)


def prepared(town: Town) -> str:
    """The reference of a payout that was prepared and approved."""
    payout(town, "prepare", "--by", "Ana")
    (found,) = json.loads(payout(town, "list", "--json"))
    payout(town, "approve", found["reference"], "--by", "Ben")
    return str(found["reference"])


def test_from_balance_to_bank_and_back(given: Bank, tmp_path: Path) -> None:
    """All four steps by the command line alone; each says where the money is, in words, and never an IBAN."""
    town, out, told = given.town, tmp_path / "payout.xml", tmp_path / "statement.xml"
    said = payout(town, "prepare", "--by", "Ana")
    assert ", 100.00 EUR\n  100.00 EUR Eau pour tous: set aside, not sent (BP" in said
    reference = said.split()[1].rstrip(":")
    said = payout(town, "approve", reference, "--by", "Ben")
    assert "approved by Ben on" in said
    said = payout(town, "export", reference, "--out", str(out))
    assert "in doubt: sent, the bank has not said whether it arrived" in said
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert OURS in out.read_text(encoding="utf-8")
    (item,) = given.desk.show(reference).items
    told.write_bytes(statement(Said.paid(item)))
    said += payout(town, "settle", str(told))
    assert "arrived: 100.00 EUR Eau pour tous (BP" in said
    assert payout(town, "settle", str(told)) == (
        "1 statement(s) were read before: nothing was changed by them\nnothing has changed\n"
    )
    assert "settled, prepared by Ana" in payout(town, "show", reference)
    assert "100.00 EUR" in payout(town, "list")
    assert OURS not in said
    assert printed(town, "ledger", "verify").startswith("verified: ")


def test_the_same_file_is_written_again_and_no_other_one_over(given: Bank, tmp_path: Path) -> None:
    """A file that is there is never overwritten; another name gives the same bytes; nothing is exported in vain."""
    town, first, second = given.town, tmp_path / "1.xml", tmp_path / "2.xml"
    reference = prepared(town)
    first.write_text("mine", encoding="utf-8")
    words = ("charity", "payout", "export", reference, "--out")
    assert "nothing was exported, name another" in refused(run(town, *words, str(first)))
    assert "there is no folder" in refused(run(town, *words, str(tmp_path / "nowhere" / "1.xml")))
    assert given.desk.show(reference).run.exported_at is None
    first.unlink()
    printed(town, *words, str(first))
    assert "the same as before" in printed(town, *words, str(second))
    assert first.read_bytes() == second.read_bytes()
    printed(town, *words, str(first))
    second.write_text("mine", encoding="utf-8")
    assert "is another file" in refused(run(town, *words, str(second)))
    assert second.read_text(encoding="utf-8") == "mine"


def test_a_setting_that_is_missing_or_wrong_names_itself(
    given: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without [payout], without its IBAN, or with a wrong one nothing is exported, and the IBAN is not repeated."""
    reference = prepared(given.town)
    out = tmp_path / "payout.xml"
    words = ("charity", "payout", "export", reference, "--out", str(out))
    monkeypatch.setenv("BOTPAY_PAYOUT", json.dumps({"name": "Botpay SAS", "iban": "DE00370400440532013000"}))
    said = refused(run(given.town, *words))
    assert "is no IBAN" in said
    assert "DE00370400440532013000" not in said
    monkeypatch.delenv("BOTPAY_PAYOUT")
    assert "[payout] is missing from the settings: write name and iban" in refused(run(given.town, *words))
    assert not out.exists()


def test_what_is_left_alone_ends_with_one(given: Bank, tmp_path: Path) -> None:
    """A movement that no payout explains is told, and the exit code says so; a file that is not there is named."""
    prepared_ = prepared(given.town)
    payout(given.town, "export", prepared_, "--out", str(tmp_path / "payout.xml"))
    told = tmp_path / "statement.xml"
    told.write_bytes(statement(Said(end_to_end="RENT", amount="9.00"), Said(end_to_end="", amount="1.00", out=False)))
    result = run(given.town, "charity", "payout", "settle", str(told))
    assert (result.exit_code, result.stdout) == (
        1,
        "left alone: money went out that no payout explains\n1 other movement(s) are no payouts\nnothing has changed\n",
    )
    assert "cannot be read" in refused(run(given.town, "charity", "payout", "settle", str(tmp_path / "none.xml")))


def test_who_is_left_out_is_said_and_cancelling_gives_back(given: Bank) -> None:
    """The command names the charities that were not paid and why; what is cancelled says where it is."""
    fire = given.town.enrolment.add_charity("Fire", "fire")
    given.give(fire.id, 1_00)
    assert "  left out: Fire, unverified\n" in payout(given.town, "prepare", "--by", "Ana")
    (found,) = json.loads(payout(given.town, "list", "--json"))
    said = payout(given.town, "cancel", found["id"], "--by", "Ana", "--reason", "too early")
    assert "back on the charity's account" in said


def test_accountants_read_of_payouts_in_words(given: Bank, tmp_path: Path) -> None:
    """The charity's statement and the trial balance name the payout, and what is on its way stands on its account."""
    reference = prepared(given.town)
    trial = json.loads(printed(given.town, "ledger", "trial-balance", "--json"))
    assert [line["credit"] for line in trial["lines"] if line["name"] == "payout"] == ["100.00"]
    payout(given.town, "export", reference, "--out", str(tmp_path / "payout.xml"))
    (item,) = given.desk.show(reference).items
    given.settle(Said.returned(item))
    lines = json.loads(printed(given.town, "ledger", "statement", "#eaupourtous", "--format", "json"))["lines"]
    assert [(line["other_party"], line["memo"], line["amount"]) for line in lines] == [
        ("cash in", "donations", "100.00"),
        ("payout", f"payout {reference}, set aside for the bank", "-100.00"),
        ("payout", f"payout {reference}, returned by the bank (AC04)", "100.00"),
    ]

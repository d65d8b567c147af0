"""Payouts on both databases: signed by two, exported as one file, and ended by the bank's word alone."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from botpay import migrations, proof
from botpay.database import Database
from botpay.errors import ConfigError
from botpay.message import SecretText
from botpay.payouts.model import ItemState, RunState, end_to_end, item_of, same_person
from botpay.payouts.order import Debtor
from botpay.testing.clocks import FixedClock
from botpay.testing.postgres import migrated_database
from tests.conftest import AUDIT_KEY, Town
from tests.ledger.bank import DEBTOR, IBAN, OTHER_IBAN, OURS, Bank, Said


@pytest.fixture(params=["sqlite", "postgresql"])
def bank(request: pytest.FixtureRequest, tmp_path: Path, clock: FixedClock) -> Iterator[Bank]:
    """The town and its bank on each database; whatever a test did, all of it must verify afterwards."""
    if request.param == "postgresql":
        with migrated_database() as url:
            yield from _opened(url, clock)
    else:
        url = f"sqlite:///{tmp_path / 'town.sqlite'}"
        database = Database(url)
        migrations.upgrade(database)
        database.close()
        yield from _opened(url, clock)


def _opened(url: str, clock: FixedClock) -> Iterator[Bank]:
    town = Town.settled(Database(url), clock)
    yield Bank.of(town)
    assert problems(town) == []
    town.database.close()


def problems(town: Town) -> list[str]:
    """What `botpay ledger verify` finds."""
    with town.database.read() as connection:
        return [problem for _, step in proof.steps(connection, AUDIT_KEY) for problem in step]


def test_what_is_prepared_is_promised_once(bank: Bank) -> None:
    """The money leaves the charity's account at once: a second payout finds nothing, and says so."""
    bank.give(bank.town.charity.id, 123_45)
    sheet = bank.desk.prepare(" Ana ")
    assert [(i.name, i.amount_minor, i.state) for i in sheet.items] == [("Eau pour tous", 123_45, ItemState.WAITING)]
    assert (sheet.run.state, sheet.run.prepared_by, bank.where()) == (RunState.PREPARED, "Ana", (0, 123_45, 0))
    with pytest.raises(ConfigError, match=r"^nothing is to be paid out: no charity has anything$"):
        bank.desk.prepare("Ana")


def test_who_may_not_be_paid_is_left_out_and_named(bank: Bank) -> None:
    """An unverified charity and a suspended one keep their money, and whoever prepares is told which and why."""
    fire, food = (bank.town.enrolment.add_charity(name, tag) for name, tag in (("Fire", "fire"), ("Food", "food")))
    for charity in (bank.town.charity, fire, food):
        bank.give(charity.id, 10_00)
    bank.verify("food")
    bank.register.suspend("food", "a hint")
    sheet = bank.desk.prepare("Ana")
    assert [item.name for item in sheet.items] == ["Eau pour tous"]
    assert sorted(sheet.left_out) == [("Fire", "unverified"), ("Food", "suspended")]
    assert (bank.has(fire.id), bank.has(food.id)) == (10_00, 10_00)
    with pytest.raises(ConfigError, match=r"nothing is to be paid out: F.* is .*; F.* is "):
        bank.desk.prepare("Ana")


@pytest.mark.parametrize("name", ["Ana", " ana", "ANA  ", "Ａｎａ"])
def test_whoever_prepared_does_not_approve(bank: Bank, name: str) -> None:
    """Case, spaces and width make no other person; the refusal leaves a line in the audit and nothing else."""
    bank.give(bank.town.charity.id, 1_00)
    run = bank.desk.prepare("Ana").run
    before = bank.lines()
    with pytest.raises(ConfigError, match="another person must approve it"):
        bank.desk.approve(run.id, name)
    assert (bank.lines(), bank.desk.show(run.id).run) == (before + 1, run)


def test_an_order_of_steps_that_is_none_is_refused(bank: Bank) -> None:
    """Not exported before it is approved, not approved twice, not cancelled once the bank's file was made."""
    bank.give(bank.town.charity.id, 1_00)
    run = bank.desk.prepare("Ana").run
    with pytest.raises(ConfigError, match="is prepared: it cannot be exported"):
        bank.desk.export(run.id, DEBTOR)
    bank.desk.approve(run.id[-8:].upper(), "Ben")
    with pytest.raises(ConfigError, match="is approved: it cannot be approved"):
        bank.desk.approve(run.id, "Cleo")
    with pytest.raises(ConfigError, match=r"\[payout\] is missing from the settings: write name and iban"):
        bank.desk.export(run.id, None)
    bank.desk.export(run.id, DEBTOR)
    with pytest.raises(ConfigError, match="is exported, and only the bank's statement ends it: it cannot be cancelled"):
        bank.desk.cancel(run.id, "Ana", "a mistake")
    with pytest.raises(ConfigError, match="there is no payout by this id here"):
        bank.desk.show("12345678")


@pytest.mark.parametrize("approved", [False, True])
def test_what_is_cancelled_is_the_charitys_again(bank: Bank, approved: bool) -> None:
    """Before the export everything goes back, once; afterwards another payout finds it."""
    bank.give(bank.town.charity.id, 5_00)
    run = bank.desk.prepare("Ana").run
    if approved:
        bank.desk.approve(run.id, "Ben")
    with pytest.raises(ConfigError, match="needs a reason"):
        bank.desk.cancel(run.id, "Ana", " ")
    assert bank.desk.cancel(run.id, "Ana", "too early").run.state is RunState.CANCELLED
    assert bank.where() == (5_00, 0, 0)
    with pytest.raises(ConfigError, match="is cancelled: it cannot be cancelled"):
        bank.desk.cancel(run.id, "Ana", "too early")
    assert bank.desk.prepare("Ana").items[0].amount_minor == 5_00


@pytest.mark.parametrize("step", ["approve", "export"])
@pytest.mark.parametrize("change", ["iban", "review", "suspended", "described"])
def test_what_was_prepared_must_still_hold(bank: Bank, step: str, change: str) -> None:
    """Another IBAN or review, or a suspension, stops a payout before it is approved and before it is exported."""
    bank.give(bank.town.charity.id, 5_00)
    run = bank.desk.prepare("Ana").run
    if step == "export":
        bank.desk.approve(run.id, "Ben")
    bank.town.clock.move(timedelta(seconds=1))
    match change:
        case "iban":
            bank.verify("eaupourtous", iban=SecretText(OTHER_IBAN))
        case "review":
            bank.verify("eaupourtous")
        case "suspended":
            bank.register.suspend("eaupourtous", "a hint")
        case "described":
            bank.register.describe("eaupourtous", {"address": "elsewhere"})
    said = {"iban": "has another IBAN", "review": "was reviewed again", "suspended": "is suspended"}
    with pytest.raises(ConfigError, match=f"Eau pour tous {said.get(change, 'is unverified')}.*cancel this payout and"):
        bank.desk.approve(run.id, "Ben") if step == "approve" else bank.desk.export(run.id, DEBTOR)
    assert bank.where() == (0, 5_00, 0)
    bank.desk.cancel(run.id, "Ben", "changed")


def test_the_file_is_a_pain_001_001_09_that_banks_take(bank: Bank) -> None:
    """It says who pays whom how much by which id, without an address, in SEPA's characters; its sums are right."""
    second = bank.town.enrolment.add_charity("L’Œuvre & Cie – été", "oeuvre")
    bank.verify("oeuvre", iban=SecretText(OTHER_IBAN), rna="W751000002")
    bank.give(second.id, 7)
    sheet = bank.sent(1234_50)
    _, file, _ = bank.desk.export(sheet.run.id, None)
    root = ET.fromstring(file)  # noqa: S314 - we wrote it
    space = {"p": "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"}
    paths = ("p:Cdtr/p:Nm", "p:CdtrAcct/p:Id/p:IBAN", "p:Amt/p:InstdAmt", "p:PmtId/p:EndToEndId")
    paid = {tuple(tx.findtext(path, "", space) for path in paths) for tx in root.iterfind(".//p:CdtTrfTxInf", space)}
    ids_ = {item.name: end_to_end(item.id) for item in sheet.items}
    assert paid == {
        ("Eau pour tous", IBAN, "1234.50", ids_["Eau pour tous"]),
        ("L'OEuvre + Cie - ete", OTHER_IBAN, "0.07", ids_[second.name]),
    }
    header = {path: root.findtext(f".//p:GrpHdr/p:{path}", "", space) for path in ("MsgId", "NbOfTxs", "CtrlSum")}
    assert header == {"MsgId": end_to_end(sheet.run.id), "NbOfTxs": "2", "CtrlSum": "1234.57"}
    assert {node.text for node in root.iterfind(".//p:DbtrAcct/p:Id/p:IBAN", space)} == {OURS}
    assert {node.text for node in root.iterfind(".//p:BtchBookg", space)} == {"false"}
    assert "PstlAdr" not in file
    assert all(re.fullmatch(r"[A-Za-z0-9]{1,35}", id_) for id_ in ids_.values())
    assert {item_of(id_) for id_ in ids_.values()} == {item.id for item in sheet.items}


def test_exporting_again_gives_the_same_file(bank: Bank) -> None:
    """Byte for byte, later and whoever is named as payer; each time the audit has a line more, and nothing moves."""
    sheet = bank.sent()
    _, first, _ = bank.desk.export(sheet.run.id, DEBTOR)
    before = bank.lines()
    bank.town.clock.move(timedelta(days=2))
    other = Debtor(name="Somebody", iban=SecretText(OTHER_IBAN), bic="AGRIFRPP")
    _, second, again = bank.desk.export(sheet.run.id, other)
    assert (second, again, bank.lines(), bank.where()) == (first, True, before + 1, (0, 100_00, 0))
    ((kept,),) = bank.town.rows("select file from payout_runs")
    assert IBAN.encode() not in bytes(kept)


def test_a_bic_is_written_where_it_is_known(bank: Bank) -> None:
    """With a BIC the payer's bank is named by it, else as not provided; both hold to the schema."""
    for bic in ("AGRIFRPP", None):
        bank.give(bank.town.charity.id, 1_00)
        run = bank.desk.prepare("Ana").run
        bank.desk.approve(run.id, "Ben")
        _, file, _ = bank.desk.export(run.id, Debtor(name="Botpay", iban=SecretText(OURS), bic=bic))
        assert (f"<BICFI>{bic}</BICFI>" in file, "<Id>NOTPROVIDED</Id>" in file) == (bic is not None, bic is None)


def test_the_bank_confirms_and_returns(bank: Bank) -> None:
    """What arrived goes to "cash out", what was returned is the charity's again; the payout is then settled."""
    sheet = bank.sent(60_00)
    assert bank.where() == (0, 60_00, 0)
    done = bank.settle(Said.paid(sheet.items[0]))
    assert ([i.state for i in done.confirmed], done.unexplained) == ([ItemState.CONFIRMED], ())
    assert (bank.where(), bank.desk.show(sheet.run.id).run.state) == ((0, 0, 60_00), RunState.SETTLED)
    other = bank.sent(7_00)
    done = bank.settle(Said.returned(other.items[0]), id_="2")
    assert ([i.state for i in done.returned], bank.where()) == ([ItemState.RETURNED], (7_00, 0, 60_00))
    assert bank.town.rows("select reason from transfers where reason like '%AC04%'") == [
        (f"payout {other.run.id[-8:].upper()}, returned by the bank (AC04)",)
    ]


@pytest.mark.parametrize("kind", ["camt.053", "camt.054"])
def test_what_arrived_can_still_come_back(bank: Bank, kind: str) -> None:
    """A return days after the payment takes it from "cash out"; told in any order the end is the same."""
    sheet = bank.sent(60_00)
    item = sheet.items[0]
    bank.settle(Said.paid(item), kind=kind)
    bank.settle(Said.returned(item), id_="2", kind=kind)
    assert bank.where() == (60_00, 0, 0)
    sheet = bank.sent(1)
    bank.settle(Said.returned(sheet.items[0]), id_="3", kind=kind)
    done = bank.settle(Said.paid(sheet.items[0]), id_="4", kind=kind)
    assert (done.known, bank.where()) == (1, (60_01, 0, 0))
    done = bank.settle(Said.returned(sheet.items[0]), id_="5", kind=kind)
    assert (done.known, bank.where()) == (1, (60_01, 0, 0))


def test_nothing_is_told_twice(bank: Bank) -> None:
    """The same statement again, the same payment in another one, and a file exported again change nothing."""
    sheet = bank.sent()
    told = Said.paid(sheet.items[0])
    bank.settle(told)
    moved = bank.town.rows("select count(*) from transfers")
    assert bank.settle(told).again == 1
    assert bank.settle(told, id_="another").known == 1
    assert bank.settle(told, kind="camt.054").known == 1
    bank.desk.export(sheet.run.id, DEBTOR)
    assert (bank.town.rows("select count(*) from transfers"), bank.where()) == (moved, (0, 0, 100_00))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"amount": "100.01"}, "another amount or currency for BP"),
        ({"in_details": "99.99"}, "another amount or currency for BP"),
        ({"amount": "1e2"}, "another amount or currency for BP"),
        ({"currency": "CHF"}, "another amount or currency for BP"),
        ({"end_to_end": "BP" + "0" * 32}, "names a payout that was never made here"),
    ],
)
def test_a_statement_that_cannot_be_true_is_refused_whole(bank: Bank, change: dict[str, str], says: str) -> None:
    """A wrong amount, currency or id refuses all of the file, also what is right in it; the audit keeps a line."""
    sheet = bank.sent()
    right = Said.paid(sheet.items[0])
    wrong = Said(**{"end_to_end": right.end_to_end, "amount": "100.00"} | change)  # type: ignore[arg-type]
    before = bank.lines()
    with pytest.raises(ConfigError, match=f"{says}.*nothing was changed$"):
        bank.settle(right, wrong)
    assert (bank.where(), bank.lines()) == ((0, 100_00, 0), before + 1)
    assert bank.settle(right).confirmed


def test_statements_of_other_accounts_are_refused(bank: Bank) -> None:
    """Of an account that never paid; of another that did, for a payout of the first; or with an id used before."""
    sheet = bank.sent()
    with pytest.raises(ConfigError, match="of an account from which no payout was made"):
        bank.settle(Said.paid(sheet.items[0]), iban=OTHER_IBAN)
    bank.give(bank.town.charity.id, 1_00)
    run = bank.desk.prepare("Ana").run
    bank.desk.approve(run.id, "Ben")
    bank.desk.export(run.id, Debtor(name="Botpay", iban=SecretText(OTHER_IBAN)))
    with pytest.raises(ConfigError, match=r"names BP.*, sent from another account"):
        bank.settle(Said.paid(sheet.items[0]), iban=OTHER_IBAN)
    bank.settle(Said.paid(sheet.items[0]))
    with pytest.raises(ConfigError, match="was read before and said something else"):
        bank.settle(Said.returned(sheet.items[0]))
    assert bank.where() == (0, 1_00, 100_00)


def test_a_payout_that_was_never_sent_cannot_have_arrived(bank: Bank) -> None:
    """A statement that names what waits or was cancelled is refused."""
    bank.sent()
    bank.give(bank.town.charity.id, 5_00)
    sheet = bank.desk.prepare("Ana")
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"names BP.*, which was never sent"):
            bank.settle(Said.paid(sheet.items[0]))
        if bank.desk.show(sheet.run.id).run.state is RunState.PREPARED:
            bank.desk.cancel(sheet.run.id, "Ana", "no")
    assert bank.where() == (5_00, 100_00, 0)


def test_what_does_not_match_is_left_alone_and_told(bank: Bank) -> None:
    """What is not booked, neither paid nor returned, or no payout at all changes nothing and is named."""
    item = bank.sent().items[0]
    paid = Said.paid(item)
    cases = {
        "is not booked yet": Said(end_to_end=paid.end_to_end, amount=paid.amount, status="<Cd>PDNG</Cd>"),
        "is neither a payment nor a return": Said(end_to_end=paid.end_to_end, amount=paid.amount, out=False),
        "money went out that no payout explains": Said(end_to_end="NOTPROVIDED", amount="3.00"),
    }
    for number, (says, entry) in enumerate(cases.items()):
        done = bank.settle(entry, id_=str(number))
        assert ([says in what for what in done.unexplained], bank.where()) == ([True], (0, 100_00, 0))
    done = bank.settle(Said(end_to_end="", amount="3.00", out=False), id_="in")
    assert (done.others, done.unexplained) == (1, ())
    assert bank.settle(Said.paid(item), id_="at last").confirmed


def test_a_reversal_gives_back_too(bank: Bank) -> None:
    """A credit that the bank marks as a reversal is a return, also of the older form of a status."""
    item = bank.sent().items[0]
    paid = Said.paid(item)
    turned = Said(end_to_end=paid.end_to_end, amount=paid.amount, out=False, reversal=True, status="BOOK")
    assert bank.settle(turned).returned
    assert bank.where() == (100_00, 0, 0)


def test_a_file_that_is_no_statement_leaves_a_line(bank: Bank) -> None:
    """It is refused, and nothing changes but the audit; see `tests/unit/test_bank_statement.py`."""
    bank.sent()
    before = bank.lines()
    with pytest.raises(ConfigError, match="not well-formed"):
        bank.settling.settle(b"<a>")
    assert (bank.where(), bank.lines()) == ((0, 100_00, 0), before + 1)


def test_names_are_folded() -> None:
    """As far as names can tell persons apart: ligatures and sharp s fold, other names are other people."""
    assert same_person("Strauß", "STRAUSS ")
    assert same_person("ﬁona", "Fiona")
    assert not same_person("Ana", "Anna")

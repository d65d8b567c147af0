"""Receipts, on both databases: all mentions, numbers without gaps, the same bytes again, and nobody else's."""

import hashlib
import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pypdf import PdfReader
from sqlalchemy import text

from botpay import migrations, proof
from botpay.charities.model import Document, Purpose
from botpay.charity_register import CharityRegister
from botpay.database import Database
from botpay.errors import ConfigError, LedgerFault
from botpay.message import SecretText
from botpay.money import Money
from botpay.operations import Operations
from botpay.receipt_book import ReceiptBook
from botpay.receipts import store
from botpay.receipts.model import Receipt, ReceiptState, checked_donor
from botpay.testing.clocks import FixedClock
from botpay.testing.postgres import migrated_database
from tests.conftest import AUDIT_KEY, KEYRING, Town
from tests.unit.test_forgetting import register

TAG = "eaupourtous"
ADDRESS = "Bâtiment C\n4 rue de l’Église\n44000 Nantes"
DONOR = checked_donor("Zoé Łukasiewicz", ADDRESS)


@pytest.fixture(params=["sqlite", "postgresql"])
def city(request: pytest.FixtureRequest, tmp_path: Path, clock: FixedClock) -> Iterator[Town]:
    """The town on each database, its charity verified; whatever a test did, all of it must verify afterwards."""
    if request.param == "postgresql":
        with migrated_database() as url:
            yield from settled(url, clock)
    else:
        url = f"sqlite:///{tmp_path / 'town.sqlite'}"
        database = Database(url)
        migrations.upgrade(database)
        database.close()
        yield from settled(url, clock)


def settled(url: str, clock: FixedClock) -> Iterator[Town]:
    """A town whose books must be right in the end."""
    town = Town.settled(Database(url), clock)
    yield town
    with town.database.read() as connection:
        assert [problem for _, step in proof.steps(connection, AUDIT_KEY) for problem in step] == []
    town.database.close()


def charities(town: Town) -> CharityRegister:
    """The register of charities."""
    return CharityRegister(database=town.database, clock=town.clock, keyring=KEYRING, audit_key=AUDIT_KEY)


def book_of(town: Town) -> ReceiptBook:
    """The receipts, whose charity gives some."""
    known = {
        "address": "12 rue des Puits, 75011 Paris",
        "object": "Donner accès à l’eau potable",
        "purpose": Purpose.GENERAL_INTEREST,
        "rna": "W751000001",
        "iban": SecretText("FR1420041010050500013M02606"),
    }
    charities(town).describe(TAG, known)
    charities(town).verify(TAG, "Zoé", dict.fromkeys(Document, "folder"))
    book = ReceiptBook(database=town.database, clock=town.clock, keyring=KEYRING, audit_key=AUDIT_KEY)
    book.sign_as(TAG, "Amélie Dupont", "trésorière", None)
    return book


@pytest.fixture
def book(city: Town) -> ReceiptBook:
    """The receipts of the city."""
    return book_of(city)


def gives(town: Town, who: str, amount: str = "10") -> str:
    """A donation that goes through; the transfer that moved it."""
    assert town.pays(who, f"#donate {amount} euros #{TAG}") == "posted"
    return str(
        ReceiptBook(database=town.database, clock=town.clock, keyring=KEYRING, audit_key=AUDIT_KEY)
        .given_by(town.people[who].id)[-1]
        .gift.transfer_id
    )


def text_of(pdf: bytes) -> str:
    """What can be read of a PDF, in one line."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def newest(book: ReceiptBook, town: Town, who: str = "alice") -> Receipt:
    """The receipt of somebody's last gift."""
    found = book.given_by(town.people[who].id)[-1].receipt
    assert found is not None
    return found


def test_all_mentions_of_the_model_are_there(city: Town, book: ReceiptBook) -> None:
    """Body, number, donor, address, amount twice, dates, form, nature, mode, article, sworn statement, signature."""
    transfer = gives(city, "alice", "25.50")
    assert book.tell_who(city.people["alice"].id, DONOR) == 1
    found = text_of(book.pdf(newest(book, city)))
    for mention in (
        "Cerfa n° 11580",
        "Numéro d’ordre du reçu 2026-000001",
        "Eau pour tous",
        "12 rue des Puits, 75011 Paris",
        "Donner accès à l’eau potable",
        "W751000001",
        "Œuvre ou organisme d’intérêt général",
        "Zoé Łukasiewicz",
        "Bâtiment C 4 rue de l’Église 44000 Nantes",
        "***25,50*** euros",
        "vingt-cinq euros et cinquante centimes",
        "Forme du don Déclaration de don manuel",
        "Nature du don Numéraire",
        "Mode de versement Virement, prélèvement, carte bancaire",
        "certifie sur l’honneur que les dons et versements qu’il reçoit ouvrent droit à la réduction d’impôt",
        "article 200 du CGI",
        "Amélie Dupont, trésorière",
        transfer,
    ):
        assert mention in found
    assert found.count("2026") >= 3, "number, day of the gift, day of issue"


def test_a_receipt_is_drawn_again_to_the_byte(city: Town, book: ReceiptBook) -> None:
    """Whatever changed since, the bytes are those whose digest was audited; and nobody may edit them."""
    gives(city, "alice")
    book.tell_who(city.people["alice"].id, DONOR)
    first = book.pdf(newest(book, city))
    charities(city).describe(TAG, {"address": "elsewhere"})
    book.sign_as(TAG, "Somebody", "else", None)
    book.tell_who(city.people["alice"].id, checked_donor("Another", "1 place d’Ailleurs, 1000 X"))
    again = book.pdf(newest(book, city))
    assert again == first
    assert hashlib.sha256(first).hexdigest() == newest(book, city).digest
    reader = PdfReader(io.BytesIO(first))
    permissions = reader.user_access_permissions
    assert permissions is not None
    assert "MODIFY" not in str(permissions)


def test_contents_that_were_tampered_with_are_not_printed(city: Town, book: ReceiptBook) -> None:
    """Another amount, sealed by somebody who has the key: what was issued was something else, and that is a fault."""
    gives(city, "alice")
    book.tell_who(city.people["alice"].id, DONOR)
    receipt = newest(book, city)
    with city.database.write() as connection:
        contents = store.load_contents(connection, KEYRING, receipt.id)
        forged = KEYRING.seal(store._place(receipt.id), replace(contents, amount_minor=99_900).written())
        connection.execute(store.receipts.update().values(contents=forged))
    with pytest.raises(LedgerFault, match="is not the one that was issued"):
        book.pdf(receipt)


def test_who_a_donor_is_stands_nowhere_in_clear(city: Town, book: ReceiptBook) -> None:
    """Name and address are sealed, in their own table and in what receipts say."""
    gives(city, "alice")
    book.tell_who(city.people["alice"].id, DONOR)
    kept = b"".join(bytes(value) for row in city.rows("select name, address from donors") for value in row)
    kept += bytes(city.rows("select contents from receipts")[0][0])
    assert "Łukasiewicz".encode() not in kept
    assert b"Nantes" not in kept
    assert "Łukasiewicz" not in repr(DONOR)


@pytest.mark.parametrize("lacks", ["verified", "purpose", "signer"])
def test_without_what_the_law_asks_there_is_an_attestation_alone(city: Town, lacks: str) -> None:
    """Not verified, another purpose, or nobody who signs: no receipt, no number, and the paper says what it is not."""
    transfer = gives(city, "alice")
    book = ReceiptBook(database=city.database, clock=city.clock, keyring=KEYRING, audit_key=AUDIT_KEY)
    if lacks != "verified":
        book = book_of(city)
    if lacks == "purpose":
        charities(city).describe(TAG, {"purpose": Purpose.OTHER})
        charities(city).verify(TAG, "Zoé", {})
    if lacks == "signer":
        with city.database.write() as connection:
            connection.execute(text("delete from signers"))
    assert book.tell_who(city.people["alice"].id, DONOR) == 0
    with pytest.raises(ConfigError, match="gives no tax receipts"):
        book.issue(TAG, 2026)
    found = text_of(book.pdf_of_gift(city.people["alice"].id, transfer) or b"")
    assert "Attestation de paiement" in found
    assert "n’est pas un reçu fiscal" in found
    assert city.rows("select count(*) from receipts") == [(0,)]
    if lacks == "signer":
        book.sign_as(TAG, "Amélie Dupont", "trésorière", None)
        assert book.issue(TAG, 2026) == (1, 0)


def test_nobody_gets_a_receipt_of_anothers_gift(city: Town, book: ReceiptBook) -> None:
    """It is refused, audited, and nothing is issued."""
    transfer = gives(city, "alice")
    book.tell_who(city.people["bob"].id, DONOR)
    assert book.pdf_of_gift(city.people["bob"].id, transfer) is None
    assert city.rows("select count(*) from receipts") == [(0,)]
    ((body,),) = city.rows("select body from audit order by seq desc limit 1")
    assert "refused_not_theirs" in body


def test_cancelled_and_replaced_leave_a_trace(city: Town, book: ReceiptBook) -> None:
    """The old one prints as cancelled, its number stays taken, the new one has the next; nothing is undone twice."""
    gives(city, "alice")
    gives(city, "alice", "20")
    book.tell_who(city.people["alice"].id, DONOR)
    new = book.replace(TAG, 2026, 1, "another address")
    assert new.number == 3
    old, _, _ = book.receipts(TAG, 2026)
    assert (old.state, old.replaced_by, old.reason) == (ReceiptState.CANCELLED, new.id, "another address")
    assert "ANNULÉ – REMPLACÉ" in text_of(book.pdf(old))
    for again in (book.cancel, book.replace):
        with pytest.raises(ConfigError, match="already"):
            again(TAG, 2026, 1, "once more")
    book.cancel(TAG, 2026, 2, "refunded")
    assert "ANNULÉ" in text_of(book.pdf(book.receipts(TAG, 2026)[1]))
    assert book.issue(TAG, 2026) == (0, 0), "what was cancelled does not come back by itself"
    totals = book.totals(TAG, 2026)
    assert (totals.receipts, totals.sum_minor, totals.issued, totals.cancelled) == (1, 1000, 1, 2)


def test_two_processes_at_once_leave_no_gap_and_issue_nothing_twice(city: Town, book: ReceiptBook) -> None:
    """Both issue the same year: each gift has one receipt, numbered from 1 on."""
    for who in ("alice", "bob"):
        for _ in range(3):
            gives(city, who)
        with city.database.write() as connection:
            store.save_donor(connection, KEYRING, city.people[who].id, DONOR, city.clock())
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(book.issue(TAG, 2026)[0])) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 6
    assert [receipt.number for receipt in book.receipts(TAG, 2026)] == [1, 2, 3, 4, 5, 6]
    assert len({receipt.transfer_id for receipt in book.receipts(TAG, 2026)}) == 6


def test_what_dies_between_number_and_commit_leaves_no_gap(
    city: Town, book: ReceiptBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number that was drawn by a commit that never came is drawn again."""
    gives(city, "alice")

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("botpay.receipt_book.ReceiptBook._audit", dies)
        with city.database.write() as connection:
            store.save_donor(connection, KEYRING, city.people["alice"].id, DONOR, city.clock())
        with pytest.raises(KeyboardInterrupt):
            book.issue(TAG, 2026)
    assert book.issue(TAG, 2026) == (1, 0)
    assert newest(book, city).number == 1


def test_the_yearly_statement_names_each_gift_and_its_receipt(city: Town, book: ReceiptBook) -> None:
    """For the donor's overview; it says that it is none itself. There is none of a year without gifts."""
    gives(city, "alice", "10")
    assert book.statement(city.people["alice"].id, 2026) is None, "who they are is not known yet"
    book.tell_who(city.people["alice"].id, DONOR)
    gives(city, "alice", "20.50")
    found = text_of(book.statement(city.people["alice"].id, 2026) or b"")
    for mention in ("n’est pas un reçu fiscal", "2026-000001", "sans reçu fiscal", "30,50 euros", "10,00 euros"):
        assert mention in found
    assert book.statement(city.people["alice"].id, 2025) is None


def test_whoever_is_forgotten_leaves_receipts_and_nothing_else(city: Town, book: ReceiptBook) -> None:
    """Name and address go; what was issued still prints, as the law asks of the charity; nothing new is issued."""
    who = city.people["carol"].id
    book.tell_who(who, DONOR)
    gives(city, "carol", "10")
    assert book.issue(TAG, 2026) == (1, 0)
    operations = Operations(database=city.database, clock=city.clock, audit_key=AUDIT_KEY)
    operations.withdraw(who, Money(city.counters("carol")[0]), "all of it")
    register(city).forget(who, "asked by letter")
    assert book.donor(who) is None
    assert city.rows("select count(*) from donors") == [(0,)]
    assert "Zoé Łukasiewicz" in text_of(book.pdf(newest(book, city, "carol")))
    with pytest.raises(ConfigError, match="its donor is not known any more"):
        book.replace(TAG, 2026, 1, "moved")


@pytest.mark.parametrize(
    ("name", "address", "wrong"),
    [
        ("", ADDRESS, "name"),
        ("x" * 101, ADDRESS, "name"),
        ("Zoé \u202eeoZ", ADDRESS, "name"),
        ("12345", ADDRESS, "name"),
        ("Zoé", "", "address"),
        ("Zoé", "Nantes", "address"),
        ("Zoé", "rue de l’Église", "address"),
        ("Zoé", "1 rue X\n" * 60, "address"),
        ("Zoé", "1 rue \u200bX, 44000 Nantes", "address"),
    ],
)
def test_a_name_or_address_that_cannot_be_printed_is_refused(name: str, address: str, wrong: str) -> None:
    """Empty, endless, without a number, with characters that nobody sees: said which, and never repeated."""
    with pytest.raises(ConfigError, match=f"^{wrong}$"):
        checked_donor(name, address)

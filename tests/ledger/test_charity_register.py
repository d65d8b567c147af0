"""The register of charities, on both databases: reviewed by somebody, suspended at once, and nobody's look-alike."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from botpay import migrations, proof
from botpay.charities.model import Document, Purpose
from botpay.charities.review import checked_iban, checked_rna, checked_siren
from botpay.charities.tags import RESTS, WAITS
from botpay.charity_register import CharityRegister
from botpay.database import Database
from botpay.errors import ConfigError
from botpay.handlers.world import Deadline
from botpay.message import SecretText
from botpay.testing.clocks import FixedClock
from botpay.testing.postgres import migrated_database
from tests.conftest import AUDIT_KEY, KEYRING, Town

IBAN = "FR1420041010050500013M02606"  # the example of the registry of IBANs (SWIFT)
KNOWN: dict[str, Any] = {
    "address": "1 rue du Puits, 75001 Paris",
    "object": "Wells",
    "purpose": Purpose.GENERAL_INTEREST,
    "rna": "W751000001",
    "iban": SecretText(IBAN),
}
SEEN = {document: f"folder/{document}" for document in Document}
GIVE = "#donate 10 euros #eaupourtous"


@pytest.fixture(params=["sqlite", "postgresql"])
def city(request: pytest.FixtureRequest, tmp_path: Path, clock: FixedClock) -> Iterator[Town]:
    """The town on each database; whatever a test did, all of it must verify afterwards."""
    if request.param == "postgresql":
        with migrated_database() as url:
            yield from _settled(url, clock)
    else:
        url = f"sqlite:///{tmp_path / 'town.sqlite'}"
        database = Database(url)
        migrations.upgrade(database)
        database.close()
        yield from _settled(url, clock)


def _settled(url: str, clock: FixedClock) -> Iterator[Town]:
    town = Town.settled(Database(url), clock)
    yield town
    assert problems(town) == []
    town.database.close()


def problems(town: Town) -> list[str]:
    """What `botpay ledger verify` finds."""
    with town.database.read() as connection:
        return [problem for _, step in proof.steps(connection, AUDIT_KEY) for problem in step]


@pytest.fixture
def register(city: Town) -> CharityRegister:
    """Its register."""
    return CharityRegister(database=city.database, clock=city.clock, keyring=KEYRING, audit_key=AUDIT_KEY)


def test_a_charity_is_verified_once_all_is_there(register: CharityRegister) -> None:
    """A review without a number, an account or a document is refused and says what is missing; with all it stands."""
    with pytest.raises(ConfigError, match=r"address.*object.*registration number.*IBAN.*document"):
        register.verify("eaupourtous", "Zoé", {})
    register.describe("eaupourtous", KNOWN)
    with pytest.raises(ConfigError, match=r"missing: a document \(--document board=…\)$"):
        register.verify("eaupourtous", "Zoé", {d: "x" for d in Document if d is not Document.BOARD})
    with pytest.raises(ConfigError, match="who made it"):
        register.verify("eaupourtous", " ", SEEN)
    entry = register.verify("#EauPourTous", "Zoé", SEEN)
    assert (entry.record.verified, entry.record.reviewed_by, entry.record.iban.reveal()) == (True, "Zoé", IBAN)
    assert dict(entry.record.documents) == SEEN


def test_whoever_changes_what_was_reviewed_has_it_reviewed_again(register: CharityRegister) -> None:
    """Another IBAN, name of the street or number takes the review away: nothing is paid to what nobody looked at."""
    register.describe("eaupourtous", KNOWN)
    register.verify("eaupourtous", "Zoé", SEEN)
    assert not register.describe("eaupourtous", {"address": "2 rue du Puits"}).record.verified
    assert register.verify("eaupourtous", "Zoé", {}).record.verified


def test_an_iban_lies_sealed_and_is_the_one_that_was_audited(city: Town, register: CharityRegister) -> None:
    """Nobody reads an IBAN in a copy of the database; an earlier one that is put back in its place is noticed."""
    register.describe("eaupourtous", KNOWN)
    ((before,),) = city.rows("select iban from charity_records")
    assert IBAN.encode() not in bytes(before)
    other = "FR7630006000011234567890189"
    register.describe("eaupourtous", {"iban": SecretText(other)})
    with city.database.write() as connection:
        place = "?" if city.database.is_sqlite else "%s"
        ((now,),) = city.rows("select iban from charity_records")
        connection.exec_driver_sql(f"update charity_records set iban = {place}", (bytes(before),))
    with pytest.raises(Exception, match="is not the one that was audited"):
        register.show("eaupourtous")
    with city.database.write() as connection:
        connection.exec_driver_sql(f"update charity_records set iban = {place}", (bytes(now),))
    assert register.show("eaupourtous").record.iban.reveal() == other


def test_a_donor_is_told_that_a_charity_is_not_verified(city: Town, register: CharityRegister) -> None:
    """The question says so until it is; the gift is taken either way."""
    city.do(city.says("alice", GIVE))
    assert "still to be verified" in city.letters()[-1].outbound.text
    register.describe("eaupourtous", KNOWN)
    register.verify("eaupourtous", "Zoé", SEEN)
    city.do(city.says("alice", GIVE))
    assert "verified" not in city.letters()[-1].outbound.text


def test_a_suspended_charity_takes_nothing(city: Town, register: CharityRegister) -> None:
    """A new donation is refused, one that waits is given back and says so, and a right PIN comes too late for it."""
    for _ in range(2):
        city.do(city.says("alice", GIVE))
    verdict = city.verdict(city.types_pin("alice"))
    first = city.rows("select transfer_id from challenges order by created_at")[0][0]
    with pytest.raises(ConfigError, match="reason"):
        register.suspend("eaupourtous", "")
    register.suspend("eaupourtous", "its board resigned")
    assert city.do(city.says("alice", GIVE)).outcome == "charity_suspended"
    assert city.do(verdict).outcome == "cancelled"
    assert city.do(Deadline(transfer_id=_uuid(first))).outcome == "cancelled"
    assert city.counters("alice") == (300_00, 0)
    assert "stay with you" in city.letters()[-1].outbound.text
    register.resume("eaupourtous", "a new board")
    assert city.pays("alice", GIVE) == "posted"
    assert city.counters("eaupourtous") == (10_00, 0)


def test_a_deadline_of_a_charity_that_is_not_suspended_changes_nothing(city: Town) -> None:
    """A donation whose time is not over goes on waiting."""
    city.do(city.says("alice", GIVE))
    ((transfer,),) = city.rows("select transfer_id from challenges")
    assert city.do(Deadline(transfer_id=_uuid(transfer))).outcome == "ignored"


def test_another_hashtag_waits_a_day(city: Town, register: CharityRegister) -> None:
    """A hashtag that is added leads to its charity from the next day on; before, it is nobody's."""
    register.add_tag("eaupourtous", "#Puits")
    give = "#donate 10 euros #puits"
    assert city.do(city.says("alice", give)).outcome == "unknown_charity"
    city.clock.move(WAITS)
    assert city.do(city.says("alice", give)).outcome == "reserved"


@pytest.mark.parametrize("tag", ["eaupourtous", "éaupourtous", "eaup0urtous", "еaupourtous", "2026"])
def test_a_look_alike_is_not_registered(city: Town, register: CharityRegister, tag: str) -> None:
    """The same hashtag, one that looks like it, or one of another script leads to nobody, for whoever asks."""
    with pytest.raises(ConfigError):
        register.add_tag("eaupourtous", tag)
    with pytest.raises(ConfigError):
        city.enrolment.add_charity("Mallory & Co", tag)
    assert city.rows("select count(*) from hashtags") == [(1,)]


def test_a_hashtag_that_was_given_up_rests(city: Town, register: CharityRegister) -> None:
    """It leads to nobody at once; after a month it may be another charity's. The last one is not given up."""
    with pytest.raises(ConfigError, match="only hashtag"):
        register.release_tag("eaupourtous")
    register.add_tag("eaupourtous", "puits")
    register.release_tag("eaupourtous")
    assert city.do(city.says("alice", GIVE)).outcome == "unknown_charity"
    other = city.enrolment.add_charity("Other", "other")
    with pytest.raises(ConfigError, match="rests until"):
        register.add_tag("other", "eaupourtous")
    city.clock.move(RESTS)
    register.add_tag("other", "eaupourtous")
    city.clock.move(WAITS)
    city.do(city.says("alice", GIVE))
    assert city.rows("select payee from challenges") == [("Other (#eaupourtous)",)]
    assert other.id == register.show("eaupourtous").charity_id


def test_every_change_stands_in_the_audit(city: Town, register: CharityRegister) -> None:
    """Each change is a link of its own; a record that is changed by hand is found."""
    links = city.rows("select count(*) from audit")[0][0]
    register.describe("eaupourtous", KNOWN)
    register.verify("eaupourtous", "Zoé", SEEN)
    register.suspend("eaupourtous", "x")
    register.resume("eaupourtous", "y")
    register.add_tag("eaupourtous", "puits")
    assert city.rows("select count(*) from audit")[0][0] == links + 5
    bent = ("object = 'Oil'", "reviewed_by = 'Eve'", "suspended_at = 1", "iban_digest = 'x'", "documents = '[]'")
    for change in bent:
        column = change.partition(" ")[0]
        ((kept,),) = city.rows(f"select {column} from charity_records")
        _set(city, change)
        assert [found for found in problems(city) if found.startswith("charity_records: ")], change
        with city.database.write() as connection:
            place = "?" if city.database.is_sqlite else "%s"
            connection.exec_driver_sql(f"update charity_records set {column} = {place}", (kept,))


def test_a_change_of_a_tag_is_told_to_whoever_reads_the_log(
    register: CharityRegister, capsys: pytest.CaptureFixture[str]
) -> None:
    """A hashtag that comes or goes leaves a line with a code, for an operator to be alarmed by."""
    register.add_tag("eaupourtous", "puits")
    assert "hashtag_added" in capsys.readouterr().out


@pytest.mark.parametrize("written", ["FR1420041010050500013M02607", "FR14", "", "4242424242424242"])
def test_a_wrong_iban_is_refused_and_not_repeated(written: str) -> None:
    """The refusal of an IBAN never holds it."""
    with pytest.raises(ConfigError) as refused:
        checked_iban(written, frozenset({"FR"}))
    assert not written or written not in str(refused.value)


def test_an_account_elsewhere_is_refused() -> None:
    """A right IBAN of a country that does not take part is refused with the countries that do."""
    with pytest.raises(ConfigError, match="an account in DE is not paid: only in FR"):
        checked_iban("DE89 3704 0044 0532 0130 00", frozenset({"FR"}))
    assert checked_iban("FR14 2004 1010 0505 0001 3M02 606", frozenset({"FR"})) == IBAN


def test_numbers_are_checked() -> None:
    """A SIREN has a check digit, an RNA number a form; both are kept without spaces."""
    assert (checked_siren("732 829 320"), checked_rna("w751 000 001")) == ("732829320", "W751000001")
    for wrong in ("732 829 321", "73282932", "x"):
        with pytest.raises(ConfigError, match="SIREN"):
            checked_siren(wrong)
    for wrong in ("751000001", "W75100000", "W7510000011", "W75100000x"):
        with pytest.raises(ConfigError, match="RNA"):
            checked_rna(wrong)


def test_a_name_that_cannot_be_shown_is_refused(city: Town) -> None:
    """An empty or endless name, or one with characters that turn the text around, is refused."""
    for name in ("", " \t ", "x" * 121, "Eau\u202egnp.exe", "a\x00b"):
        with pytest.raises(ConfigError, match="legal name"):
            city.enrolment.add_charity(name, "other")


def _set(city: Town, change: str) -> None:
    with city.database.write() as connection:
        connection.exec_driver_sql(f"update charity_records set {change}")


def _uuid(raw: str) -> str:
    return str(UUID(str(raw)))

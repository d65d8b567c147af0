"""The database says every invariant again: what code should never do is tried with raw SQL, and refused."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from botpay import migrations
from botpay.database import Database
from tests.ledger import payout_rows

Row = dict[str, Any]
ALICE, BOB, GIVEN, WAITS, OVER = (f"{n:032x}" for n in range(1, 6))
NEW = f"{99:032x}"

_ACCOUNT: Row = {"owner": "new", "kind": "person", "currency": "EUR", "credits_posted": 100}
_RESERVE: Row = {
    "id": NEW,
    "kind": "reserve",
    "debit_id": 1,
    "credit_id": 2,
    "amount_minor": 10,
    "currency": "EUR",
    "created_at": 0,
    "expires_at": 9,
    "batch": 1,
}
_POST: Row = {**_RESERVE, "kind": "post", "pending_id": WAITS, "expires_at": None}
_DIRECT: Row = {**_RESERVE, "kind": "direct", "expires_at": None, "reason": "gift"}
_CHALLENGE: Row = {
    **dict.fromkeys(("payee_kind", "payee", "language", "origin_adapter", "origin_tenant"), "-"),
    **dict.fromkeys(("origin_actor", "origin_chat", "memo"), "-"),
    "transfer_id": WAITS,
    "person_id": ALICE,
    "payee_owner": BOB,
    "prompt_id": NEW,
    "origin_public": True,
    "amount_minor": 10,
    "currency": "EUR",
    "created_at": 0,
    "asked_at": 0,
    "expires_at": 9,
    "state": "open",
    "tries": 0,
    "version": 0,
}
_PIN: Row = {"person_id": BOB, "hash": "-", "failures": 0, "version": 0}
_LETTER: Row = {
    **dict.fromkeys(("adapter", "tenant", "lane", "body"), "-"),
    "id": NEW,
    "fate": "queued",
    "next_at": 0,
    "created_at": 0,
}
_LINK: Row = {"seq": 1, "lane": 0, "place": 1, "at": 0, "body": "{}", "mac": b"-"}
_REFUSED: Row = {"id": GIVEN, "code": "insufficient_funds", "contents": b"-", "at": 0}

_TAG: Row = {"tag": "water", "charity_id": GIVEN, "skeleton": "water"}
_RECORD: Row = {
    **dict.fromkeys(("address", "object", "reviewed_by", "iban_digest"), "-"),
    "charity_id": WAITS,
    "purpose": "other",
    "iban": b"-",
    "documents": "[]",
    "reviewed_at": 0,
    "version": 1,
}

_RECEIPT: Row = {
    "id": NEW,
    "charity_id": GIVEN,
    "year": 2026,
    "number": 2,
    "transfer_id": WAITS,
    "person_id": ALICE,
    "amount_minor": 10,
    "issued_at": 0,
    "digest": "-",
    "contents": b"-",
    "state": "issued",
}
_SEALED_ANEW = "update receipts set contents = x'00' where number = 3"
_CANCELLED: Row = {**_RECEIPT, "state": "cancelled", "cancelled_at": 1, "reason": "-"}

# What is there before each try: a table and a row.
_THERE: list[tuple[str, Row]] = [
    ("people", {"id": ALICE, "name": "Alice", "language": "en", "created_at": 0}),
    ("people", {"id": BOB, "name": "Bob", "language": "en", "created_at": 0}),
    ("accounts", {**_ACCOUNT, "id": 1, "owner": ALICE}),
    ("accounts", {**_ACCOUNT, "id": 2, "owner": BOB}),
    ("accounts", {**_ACCOUNT, "id": 3, "owner": BOB, "currency": "CHF"}),
    ("audit", _LINK),
    ("transfers", {**_RESERVE, "id": GIVEN}),
    ("transfers", {**_RESERVE, "id": WAITS}),
    ("transfers", {**_RESERVE, "id": OVER}),
    ("transfers", {**_POST, "id": f"{6:032x}", "pending_id": OVER}),
    ("challenges", {**_CHALLENGE, "transfer_id": GIVEN, "tries": 1}),
    ("challenges", {**_CHALLENGE, "transfer_id": OVER, "state": "passed", "tries": 1}),
    ("charities", {"id": GIVEN, "name": "Water", "created_at": 0}),
    ("charities", {"id": WAITS, "name": "Fire", "created_at": 0}),
    ("hashtags", _TAG),
    ("charity_records", {**_RECORD, "charity_id": GIVEN}),
    ("receipts", {**_RECEIPT, "id": GIVEN, "number": 1, "transfer_id": GIVEN}),
    ("receipts", {**_CANCELLED, "id": OVER, "number": 3, "transfer_id": OVER, "replaced_by": GIVEN}),
    ("signatures", {"digest": "-", "image": b"-"}),
    ("identities", {"adapter": "a", "tenant": "t", "id": "1", "person_id": ALICE}),
    ("handles", {"adapter": "a", "tenant": "t", "handle": "al", "actor_id": "1", "first_seen": 0, "last_seen": 0}),
    ("pins", {**_PIN, "person_id": ALICE}),
    ("marks", {"source": "a:t:1", "outcome": "posted", "at": 0}),
    ("outbound", {**_LETTER, "id": GIVEN}),
    ("dead_letters", {"id": GIVEN, "fault": "-", "payload": b"-", "at": 0}),
    ("refused", _REFUSED),
    *payout_rows.there(GIVEN),
]

_FK = "FOREIGN KEY constraint failed"
_TWO_ACCOUNTS = "transfers: both accounts must exist and be in its currency"
_ENDING = "transfers: what ends a reserve must agree with it"
# A table, a row that is taken, what is changed of it, and what the refusal says.
_PERSON: Row = {"id": NEW, "name": "-", "language": "en", "created_at": 0}

_INSERTS: list[tuple[str, Row, Row, str]] = [
    ("accounts", _ACCOUNT, {"kind": "bank"}, "ck_accounts_kind"),
    ("people", _PERSON, {"contact": b"sealed"}, "ck_people_contact"),
    ("people", _PERSON, {"contact_mark": "of nobody"}, "ck_people_contact"),
    ("people", _PERSON, {"terms": "a version"}, "ck_people_terms"),
    ("people", _PERSON, {"terms_at": 1}, "ck_people_terms"),
    ("sendings", {"mark": "of somebody", "day": 1, "count": 0}, {"count": -1}, "ck_sendings_count"),
    ("accounts", _ACCOUNT, {"debits_pending": -1}, "ck_accounts_counters"),
    ("accounts", _ACCOUNT, {"debits_posted": -1}, "ck_accounts_counters"),
    ("accounts", _ACCOUNT, {"credits_pending": -1}, "ck_accounts_counters"),
    ("accounts", {**_ACCOUNT, "kind": "system", "credits_posted": 0}, {"credits_posted": -1}, "ck_accounts_counters"),
    ("accounts", {**_ACCOUNT, "debits_posted": 100}, {"debits_posted": 101}, "ck_accounts_not_overdrawn"),
    ("accounts", {**_ACCOUNT, "debits_pending": 100}, {"debits_pending": 101}, "ck_accounts_not_overdrawn"),
    (
        "accounts",
        {**_ACCOUNT, "debits_pending": 50, "debits_posted": 50},
        {"credits_posted": 99, "credits_pending": 50},
        "ck_accounts_not_overdrawn",
    ),
    (
        "accounts",
        {**_ACCOUNT, "kind": "system", "debits_posted": 101},
        {"kind": "charity"},
        "ck_accounts_not_overdrawn",
    ),
    ("accounts", _ACCOUNT, {"owner": ALICE}, "UNIQUE constraint failed: accounts.owner, accounts.currency"),
    ("accounts", {**_ACCOUNT, "id": 9}, {"id": 1}, "UNIQUE constraint failed: accounts.id"),
    ("transfers", _RESERVE, {"amount_minor": 0}, "ck_transfers_amount"),
    ("transfers", _RESERVE, {"amount_minor": -1}, "ck_transfers_amount"),
    ("transfers", _RESERVE, {"credit_id": 1}, "ck_transfers_two_accounts"),
    ("transfers", _RESERVE, {"kind": "gift", "expires_at": None}, "ck_transfers_kind"),
    ("transfers", _RESERVE, {"expires_at": None}, "ck_transfers_expiry"),
    ("transfers", _POST, {"expires_at": 9}, "ck_transfers_expiry"),
    ("transfers", _RESERVE, {"pending_id": WAITS}, "ck_transfers_ends_a_reserve"),
    ("transfers", _POST, {"pending_id": None}, "ck_transfers_ends_a_reserve"),
    ("transfers", {**_POST, "kind": "void"}, {"pending_id": None}, "ck_transfers_ends_a_reserve"),
    ("transfers", {**_POST, "kind": "expire"}, {"pending_id": None}, "ck_transfers_ends_a_reserve"),
    ("transfers", _DIRECT, {"pending_id": WAITS}, "ck_transfers_ends_a_reserve"),
    ("transfers", _DIRECT, {"reason": None}, "ck_transfers_reason"),
    ("transfers", _RESERVE, {"reason": "gift"}, "ck_transfers_reason"),
    ("transfers", _POST, {"pending_id": OVER}, "UNIQUE constraint failed: transfers.pending_id"),
    ("transfers", {**_POST, "kind": "void"}, {"pending_id": OVER}, "UNIQUE constraint failed: transfers.pending_id"),
    ("transfers", _RESERVE, {"id": WAITS}, "UNIQUE constraint failed: transfers.id"),
    ("transfers", _POST, {"pending_id": NEW[::-1]}, _ENDING),
    ("transfers", _POST, {"pending_id": GIVEN, "debit_id": 2, "credit_id": 1}, _ENDING),
    ("transfers", _POST, {"amount_minor": 9}, _ENDING),
    ("transfers", {**_POST, "kind": "void"}, {"pending_id": f"{6:032x}"}, _ENDING),
    ("transfers", _RESERVE, {"debit_id": 9}, _TWO_ACCOUNTS),
    ("transfers", _RESERVE, {"credit_id": 9}, _TWO_ACCOUNTS),
    ("transfers", _RESERVE, {"debit_id": 3}, _TWO_ACCOUNTS),
    ("transfers", _RESERVE, {"credit_id": 3}, _TWO_ACCOUNTS),
    ("transfers", _RESERVE, {"currency": "CHF"}, _TWO_ACCOUNTS),
    ("refused", {**_REFUSED, "id": NEW}, {"id": GIVEN}, "UNIQUE constraint failed: refused.id"),
    ("challenges", _CHALLENGE, {"state": "won"}, "ck_challenges_state"),
    ("challenges", {**_CHALLENGE, "tries": 3}, {"tries": 4}, "ck_challenges_tries"),
    ("challenges", _CHALLENGE, {"tries": -1}, "ck_challenges_tries"),
    ("challenges", {**_CHALLENGE, "entry": b"4"}, {"state": "failed"}, "ck_challenges_ended"),
    ("challenges", {**_CHALLENGE, "checking_until": 5}, {"state": "expired"}, "ck_challenges_ended"),
    ("challenges", _CHALLENGE, {"transfer_id": GIVEN}, "UNIQUE constraint failed: challenges.transfer_id"),
    ("challenges", _CHALLENGE, {"transfer_id": NEW}, _FK),
    ("challenges", _CHALLENGE, {"person_id": NEW}, _FK),
    ("pins", {**_PIN, "failures": 5}, {"failures": 6}, "ck_pins_failures"),
    ("pins", _PIN, {"failures": -1}, "ck_pins_failures"),
    ("pins", _PIN, {"person_id": NEW}, _FK),
    ("pins", _PIN, {"person_id": ALICE}, "UNIQUE constraint failed: pins.person_id"),
    ("spending", {"account_id": 1, "day": 0, "amount_minor": 0}, {"amount_minor": -1}, "ck_spending_amount"),
    ("spending", {"account_id": 1, "day": 0, "amount_minor": 0}, {"account_id": 9}, _FK),
    ("outbound", _LETTER, {"fate": "lost"}, "ck_outbound_fate"),
    ("outbound", _LETTER, {"body": None}, "ck_outbound_wiped"),
    ("outbound", {**_LETTER, "fate": "sent", "body": None}, {"body": b"-"}, "ck_outbound_wiped"),
    ("outbound", {**_LETTER, "fate": "dead"}, {"body": None}, "ck_outbound_wiped"),
    ("outbound", {**_LETTER, "fate": "dropped", "body": None}, {"body": b"-"}, "ck_outbound_wiped"),
    ("outbound", _LETTER, {"id": GIVEN}, "UNIQUE constraint failed: outbound.id"),
    ("outbound", {**_LETTER, "seq": 9}, {"seq": 1}, "UNIQUE constraint failed: outbound.seq"),
    ("audit", {**_LINK, "seq": 2, "place": 2}, {"seq": 1}, "UNIQUE constraint failed: audit.seq"),
    ("audit", {**_LINK, "seq": 2, "place": 2}, {"place": 1}, "UNIQUE constraint failed: audit.lane, audit.place"),
    ("marks", {"source": "2", "outcome": "-", "at": 0}, {"source": "a:t:1"}, "UNIQUE constraint failed: marks.source"),
    ("hashtags", {**_TAG, "tag": "fire", "skeleton": "fire"}, {"charity_id": NEW}, _FK),
    (
        "hashtags",
        {**_TAG, "tag": "fire", "skeleton": "fire"},
        {"tag": "water"},
        "UNIQUE constraint failed: hashtags.tag",
    ),
    ("hashtags", {**_TAG, "tag": "vvater", "skeleton": "-"}, {"skeleton": "water"}, "hashtags.skeleton"),
    ("charity_records", _RECORD, {"purpose": "profit"}, "ck_charity_records_purpose"),
    ("charity_records", _RECORD, {"iban_digest": None}, "ck_charity_records_iban"),
    ("charity_records", _RECORD, {"reviewed_by": None}, "ck_charity_records_reviewed"),
    ("charity_records", _RECORD, {"iban": None, "iban_digest": None}, "ck_charity_records_payable"),
    ("charity_records", _RECORD, {"charity_id": NEW}, _FK),
    ("receipts", _RECEIPT, {"state": "lost"}, "ck_receipts_state"),
    ("receipts", _RECEIPT, {"number": 0}, "ck_receipts_counts"),
    ("receipts", _RECEIPT, {"amount_minor": 0}, "ck_receipts_counts"),
    ("receipts", _CANCELLED, {"reason": None}, "ck_receipts_reason"),
    ("receipts", _RECEIPT, {"cancelled_at": 1, "reason": "-"}, "ck_receipts_cancelled"),
    (
        "receipts",
        {**_CANCELLED, "replaced_by": GIVEN},
        {"state": "issued", "cancelled_at": None, "reason": None},
        "ck_receipts_replaced",
    ),
    ("receipts", _RECEIPT, {"number": 1}, "receipts.charity_id, receipts.year, receipts.number"),
    ("receipts", _RECEIPT, {"transfer_id": GIVEN}, "receipts.transfer_id"),
    ("receipts", _RECEIPT, {"transfer_id": NEW}, _FK),
    ("charity_records", _RECORD, {"charity_id": GIVEN}, "UNIQUE constraint failed: charity_records.charity_id"),
    (
        "identities",
        {"adapter": "a", "tenant": "t", "id": "2", "person_id": ALICE},
        {"id": "1"},
        "UNIQUE constraint failed: identities.adapter, identities.tenant, identities.id",
    ),
    ("identities", {"adapter": "a", "tenant": "t", "id": "2", "person_id": ALICE}, {"person_id": NEW}, _FK),
    (
        "handles",
        {"adapter": "a", "tenant": "t", "handle": "al", "actor_id": "2", "first_seen": 0, "last_seen": 0},
        {"actor_id": "1"},
        "UNIQUE constraint failed: handles.adapter, handles.tenant, handles.handle, handles.actor_id",
    ),
    ("people", _PERSON, {"id": ALICE}, "people.id"),
    ("charities", {"id": NEW, "name": "-", "created_at": 0}, {"id": GIVEN}, "charities.id"),
    *payout_rows.inserts(GIVEN),
    ("dead_letters", {"id": NEW, "fault": "-", "payload": b"-", "at": 0}, {"id": GIVEN}, "dead_letters.id"),
]

_NEVER = "rows are never changed or removed"
_WHOSE = "accounts: whose it is and in what never changes"
_ONCE = "a challenge ends once"
_SHOWN = "what the sender was shown is never changed"
# A statement that is refused, what the refusal says, and its twin that is allowed.
_CHANGES: list[tuple[str, str, str]] = [
    *(
        (f"update transfers set {change}", f"transfers: {_NEVER}", "select 1")
        for change in ("amount_minor = 11", "credit_id = 3", "batch = 2", "reason = 'x'", "amount_minor = amount_minor")
    ),
    ("delete from transfers", f"transfers: {_NEVER}", "delete from marks"),
    ("delete from receipts", "receipts: rows are never removed", "select 1"),
    ("delete from signatures", "signatures: rows are never removed", "select 1"),
    *(
        (f"update receipts set {change}", "receipts: what was issued is never changed", "select 1")
        for change in ("number = 9", "amount_minor = 11", "digest = 'x'", "year = 2025")
    ),
    ("delete from hashtags", "hashtags: rows are never removed", "update hashtags set released_at = 1"),
    (
        f"replace into transfers select * from transfers where id = '{WAITS}'",
        f"transfers: {_NEVER}",
        "replace into marks select * from marks",
    ),
    ("update audit set body = '{ }'", f"audit: {_NEVER}", "update marks set outcome = 'x'"),
    ("update audit set mac = x'00'", f"audit: {_NEVER}", "select 1"),
    ("delete from audit", f"audit: {_NEVER}", "delete from marks"),
    ("update refused set code = 'x'", f"refused: {_NEVER}", "select 1"),
    ("delete from refused", f"refused: {_NEVER}", "delete from marks"),
    *(
        (f"update accounts set {change} where id = 3", _WHOSE, "update accounts set version = 7 where id = 3")
        for change in ("id = 9", "owner = 'x'", "kind = 'charity'", "currency = 'USD'")
    ),
    ("delete from accounts", "accounts: rows are never removed", "update accounts set version = version + 1"),
    *(
        (
            f"update challenges set {name} = 'mallory' where transfer_id = '{OVER}'",
            f"challenges: {says}",
            f"update challenges set {name} = '' where transfer_id = '{OVER}'",  # whoever is forgotten
        )
        for name, says in (("payee", _SHOWN), ("origin_actor", _ONCE), ("origin_chat", _ONCE))
    ),
    (f"update challenges set payee = '' where transfer_id = '{GIVEN}'", f"challenges: {_SHOWN}", "select 1"),
    (
        "delete from challenges",
        "challenges: rows are never removed",
        "update challenges set tries = 2 where tries < 2 and state = 'open'",
    ),
    *(
        (
            f"update challenges set {change} where transfer_id = '{OVER}'",
            "challenges: a challenge ends once",
            f"update challenges set {change} where transfer_id = '{GIVEN}'",
        )
        for change in ("state = 'expired'", "version = 7", "tries = 2")
    ),
    (
        "update challenges set state = 'open' where state = 'passed'",
        "challenges: a challenge ends once",
        "update challenges set state = 'passed' where state = 'open'",
    ),
    (
        "update challenges set tries = 0 where state = 'open'",
        "challenges: counts of tries never fall",
        "update challenges set tries = 1 where state = 'open'",
    ),
    *(
        (
            f"update challenges set {change} where state = 'open'",
            f"challenges: {_SHOWN}",
            f"update challenges set {change.partition(' ')[0]} = {change.partition(' ')[0]} where state = 'open'",
        )
        for change in (
            f"person_id = '{BOB}'",
            "amount_minor = 11",
            "currency = 'CHF'",
            f"payee_owner = '{ALICE}'",
            "payee_kind = 'charity'",
            "payee = 'Mallory'",
            "created_at = 1",
            "expires_at = 10",
        )
    ),
    ("update accounts set debits_posted = 101", "ck_accounts_not_overdrawn", "update accounts set debits_posted = 100"),
    *(
        (f"update receipts set {change} where number = 3", "receipts: a receipt ends once", _SEALED_ANEW)
        for change in ("reason = 'y'", "replaced_by = null", "cancelled_at = 2")
    ),
    (
        "insert or replace into receipts select * from receipts",
        "receipts: rows are never removed",
        "update receipts set state = 'cancelled', cancelled_at = 1, reason = 'x' where number = 1",
    ),
    (f"delete from people where id = '{ALICE}'", _FK, f"update people set name = 'A' where id = '{ALICE}'"),
    *payout_rows.CHANGES,
]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A migrated database with the rows of `_THERE`."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('schema') / 'schema.sqlite'}")
    migrations.upgrade(database)
    with database.write() as connection:
        for table, row in _THERE:
            insert(connection, table, row)
    yield database
    database.close()


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """A transaction of which nothing stays."""
    with database.engine.connect() as connection:
        yield connection
        connection.rollback()


def insert(connection: Connection, table: str, row: Row) -> None:
    """Insert a row with plain SQL."""
    names = ", ".join(row)
    places = ", ".join(f":{name}" for name in row)
    connection.execute(text(f"insert into {table} ({names}) values ({places})"), row)


@pytest.mark.parametrize(("table", "good", "change", "says"), _INSERTS)
def test_a_row_that_must_not_be_is_refused(
    connection: Connection, table: str, good: Row, change: Row, says: str
) -> None:
    """A row that breaks an invariant is refused by the database itself; the same row without the breach is taken."""
    with connection.begin_nested() as attempt:
        with pytest.raises(IntegrityError, match=re.escape(says)):
            insert(connection, table, {**good, **change})
        attempt.rollback()
    insert(connection, table, good)


@pytest.mark.parametrize(("refused", "says", "allowed"), _CHANGES)
def test_a_change_that_must_not_be_is_refused(connection: Connection, refused: str, says: str, allowed: str) -> None:
    """A change of what is final is refused by the database itself; what may change there can be changed."""
    with connection.begin_nested() as attempt:
        with pytest.raises(IntegrityError, match=re.escape(says)):
            connection.execute(text(refused))
        attempt.rollback()
    connection.execute(text(allowed))


def test_nothing_that_the_schema_refuses_is_left_untried(connection: Connection) -> None:
    """Each CHECK and each trigger of the schema is among those tried here."""
    found = connection.execute(text("select type, sql from sqlite_master where sql is not null")).all()
    checks = {name for _, sql in found for name in re.findall(r"CONSTRAINT (ck_\w+)", sql)}
    triggers = {says for kind, sql in found if kind == "trigger" for says in re.findall(r"abort, '(.*?)'", sql)}
    said = {says for *_, says in _INSERTS} | {says for _, says, _ in _CHANGES}
    assert (checks - said, triggers - said) == (set(), set())
    assert len(checks) == 35
    assert sum(kind == "trigger" for kind, _ in found) == 27


def test_foreign_keys_are_watched(connection: Connection) -> None:
    """SQLite watches foreign keys, is durable, and overwrites what is removed, on every connection that we open."""
    pragmas = ("foreign_keys", "synchronous", "journal_mode", "recursive_triggers", "secure_delete")
    assert [connection.execute(text(f"pragma {name}")).scalar() for name in pragmas] == [1, 2, "wal", 1, 1]

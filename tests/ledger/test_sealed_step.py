"""The step that seals what older versions kept in the clear, with rows as they left them, on both databases."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, select, text

from botpay import migrations
from botpay.clock import system_clock
from botpay.confirm.store import challenges, open_memo
from botpay.database import Database
from botpay.errors import ConfigError
from botpay.inbox import dead_letters
from botpay.outbox.store import load_queued
from botpay.testing.postgres import scratch_database, server_url
from tests.conftest import DATA_KEY, KEYRING

ALICE, BOB, PAID, OPEN, PLAIN, BURIED, LOST = (f"01900000-0000-7000-8000-00000000000{n}" for n in range(7))
MEMO, SAID = "canary for the rent", "canary: 12,00 EUR"


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of the first schema, with payments, letters and dead letters as its version wrote them."""
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'old.sqlite'}"
        if request.param == "postgresql":
            url = stack.enter_context(scratch_database(server_url())).render_as_string(hide_password=False)
        database = Database(url)
        migrations.upgrade(database, "0001")
        _fill(database)
        yield database
        database.close()


def test_letters_that_wait_are_still_sent(old: Database) -> None:
    """What was queued before the step is read after it: to whom, what, its fallback, and in the same order."""
    migrations.upgrade(old, keyring=KEYRING)
    with old.read() as connection:
        queued = load_queued(connection, KEYRING, ["console"], system_clock(), 10)
    letters = [q.letter for q in queued]
    assert [letter and (letter.outbound.to, letter.outbound.text) for letter in letters] == [
        ("alice", f"{SAID} 2"),
        ("bob", f"{SAID} 3"),
    ]
    first = letters[0]
    assert first is not None
    assert first.fallback is not None
    assert [q.lane for q in queued if q.letter] == [KEYRING.digest("lane", q.letter.lane) for q in queued if q.letter]


def test_letters_that_are_over_are_wiped(old: Database) -> None:
    """Of what was sent before the step nothing is kept but that it was."""
    migrations.upgrade(old, keyring=KEYRING)
    with old.read() as connection:
        rows = connection.execute(text("select fate, body is null as wiped from outbound order by seq")).all()
    assert [(row.fate, bool(row.wiped)) for row in rows] == [("sent", True), ("queued", False), ("queued", False)]


def test_memos_can_be_opened(old: Database) -> None:
    """A memo is what the payer wrote, for payments that are over as for those that wait; where there was none, none."""
    migrations.upgrade(old, keyring=KEYRING)
    with old.read() as connection:
        rows = connection.execute(select(challenges.c.transfer_id, challenges.c.memo, challenges.c.entry)).all()
    assert {row.transfer_id: open_memo(KEYRING, row.transfer_id, row.memo) for row in rows} == {
        PAID: MEMO,
        OPEN: MEMO,
        PLAIN: None,
    }
    assert {row.entry for row in rows} == {None}


def test_dead_letters_can_be_opened(old: Database) -> None:
    """What was sealed without the id of its key is found to be of this key; what no key opens stays as it was."""
    migrations.upgrade(old, keyring=KEYRING)
    with old.read() as connection:
        kept = {row.id: row.payload for row in connection.execute(select(dead_letters.c.id, dead_letters.c.payload))}
    assert KEYRING.unseal(f"dead_letters|{BURIED}|payload", kept[BURIED]) == "what was said"
    assert kept[LOST] == b"?" * 40


def test_what_is_over_still_is_afterwards(old: Database) -> None:
    """The database refuses as before that a payment that ended changes; its memo alone can be sealed anew or erased."""
    migrations.upgrade(old, keyring=KEYRING)
    for change in ("state = 'open'", "version = version + 1", "payee = 'Mallory'", "amount_minor = 1"):
        with pytest.raises(Exception, match="challenges: "), old.write() as connection:
            connection.execute(text(f"update challenges set {change} where state = 'passed'"))
    with pytest.raises(Exception, match="never changed"), old.write() as connection:
        connection.execute(text("update challenges set payee = 'Mallory' where state = 'open'"))
    with old.write() as connection:
        assert connection.execute(text("update challenges set memo = null where state = 'passed'")).rowcount == 1


def test_nothing_of_it_stays_in_the_file(old: Database) -> None:
    """After the step no byte of the SQLite file, nor of its log, is of what was said before; nor of any table."""
    migrations.upgrade(old, keyring=KEYRING)
    with old.read() as connection:
        for table in ("outbound", "challenges", "dead_letters"):
            rows = repr(connection.execute(text(f"select * from {table}")).all())
            assert not any(word in rows for word in ("canary", ":alice", ":bob"))
    if old.is_sqlite:
        old.close()  # the last connection writes the log back and removes it
        folder = Path(str(old.engine.url.database)).parent
        assert [path.name for path in folder.iterdir() if b"canary" in path.read_bytes()] == []


def test_without_keys_nothing_is_changed(old: Database) -> None:
    """An upgrade that has something to seal and no keys says so, and leaves the database as it was."""
    with pytest.raises(ConfigError, match="keys"):
        migrations.upgrade(old)
    with old.read() as connection:
        assert connection.execute(text("select version_num from alembic_version")).scalar() == "0001"
        assert len(connection.execute(text("select body from outbound where body like '%canary%'")).all()) == 3


def _fill(database: Database) -> None:
    """Rows as the first version wrote them."""
    nonce = os.urandom(12)
    sealed = nonce + AESGCM(DATA_KEY).encrypt(nonce, b"what was said", f"dead_letters|{BURIED}|payload".encode())
    with database.write() as connection:
        _insert(connection, "people", id=ALICE, name="Alice", language="en", created_at=0)
        for id_, owner in ((1, ALICE), (2, BOB)):
            _insert(connection, "accounts", id=id_, owner=owner, kind="person", currency="EUR", credits_posted=9)
        for number, (transfer, state, memo) in enumerate(
            ((PAID, "passed", MEMO), (OPEN, "open", MEMO), (PLAIN, "expired", None))
        ):
            _insert(connection, "transfers", **_RESERVE, id=transfer, batch=number)
            entry = b"12" * 20 if state == "open" else None
            _insert(connection, "challenges", **_ASKED, transfer_id=transfer, state=state, memo=memo, entry=entry)
        for number, (who, fate) in enumerate((("alice", "sent"), ("alice", "queued"), ("bob", "queued")), start=1):
            body = {"outbound": _packed(number, who), "fallback": {**_packed(0, "x"), **_IN_PUBLIC}}
            _insert(
                connection,
                "outbound",
                seq=number,
                id=_letter_id(number),
                adapter="console",
                tenant="local",
                fate=fate,
                lane=f"private:{who}",
                body=json.dumps(body),
                next_at=0,
                created_at=0,
            )
        for letter, payload in ((BURIED, sealed), (LOST, b"?" * 40)):
            _insert(connection, "dead_letters", id=letter, fault="LedgerFault", payload=payload, at=0)


def _insert(connection: Connection, table: str, **values: object) -> None:
    plain = {name: _plain(value) for name, value in values.items()}
    names = ", ".join(plain)
    connection.execute(text(f"insert into {table} ({names}) values (:{names.replace(', ', ', :')})"), plain)


def _plain(value: object) -> object:
    """An id as both databases take it."""
    return value.replace("-", "") if isinstance(value, str) and len(value) == 36 else value


def _packed(number: int, to: str) -> dict[str, str]:
    said = {"id": _letter_id(number), "adapter": "console", "tenant": "local", "text": f"{SAID} {number}"}
    return {**said, "visibility": "private", "to": to}


def _letter_id(number: int) -> str:
    return f"01900000-0000-7000-8000-1000000000{number:02}"


_IN_PUBLIC = {"visibility": "public", "chat": "group"}
_RESERVE = {"kind": "reserve", "debit_id": 1, "credit_id": 2, "amount_minor": 5, "currency": "EUR", "created_at": 0}
_RESERVE |= {"expires_at": 9}
_ASKED = {"person_id": ALICE, "amount_minor": 5, "currency": "EUR", "payee_owner": BOB, "payee_kind": "person"}
_ASKED |= {"payee": "Bob", "language": "en", "origin_adapter": "console", "origin_tenant": "local", "tries": 0}
_ASKED |= {"origin_actor": "alice", "origin_chat": "group", "origin_public": True, "prompt_id": ALICE, "version": 0}
_ASKED |= {"created_at": 0, "asked_at": 0, "expires_at": 9}

"""A change of the data's key: everything is sealed anew, nothing is lost, and the bot goes on meanwhile."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from botpay import ids, vault
from botpay.audit.store import append
from botpay.cli import app
from botpay.confirm.keypad import token
from botpay.confirm.store import challenges
from botpay.dead_letters import DeadLetters
from botpay.directory.people import Person
from botpay.directory.store import save_person
from botpay.errors import LedgerFault
from botpay.message import Press, SecretText
from botpay.policy import Admission, Level
from botpay.proof import state_of_person
from botpay.rotation import Rotation, census, sealed_columns
from botpay.sealing import Keyring, key_id
from tests.conftest import AUDIT_KEY, DATA_KEY, KEYRING, PEPPER, PINS, TERMS, Town
from tests.dumps import opened
from tests.ledger.bank import Bank
from tests.ledger.test_receipts import DONOR, TAG, book_of, gives

NEW_KEY = b"n" * 32
NEW = replace(KEYRING, data=NEW_KEY, old=(DATA_KEY,))
NEW_ALONE = replace(KEYRING, data=NEW_KEY)
OLD_ID, NEW_ID = key_id(DATA_KEY).hex(), key_id(NEW_KEY).hex()


@pytest.fixture(params=["sqlite", "postgresql"])
def busy(request: pytest.FixtureRequest) -> Town:
    """A town, on either database, in which something is sealed in every column that there is."""
    town: Town = request.getfixturevalue("town" if request.param == "sqlite" else "city")
    Bank.of(town).sent()
    gives(town, "alice", "1")
    book = book_of(town)
    assert book.tell_who(town.people["alice"].id, DONOR) == 1
    book.replace(TAG, book.given_by(town.people["alice"].id)[0].gift.year, 1, "moved")
    town.pays("alice", "#send 10 euros @bob for the rent")
    for number in range(3):
        town.do(town.says("alice", f"#send 1 euro @bob for tea {number}"))
    with town.database.read() as connection:
        waiting = connection.execute(challenges.select().where(challenges.c.state == "open")).first()
    assert waiting is not None
    tap = Press(token(TERMS.keypad_secret, waiting.transfer_id, "4"))
    town.do(replace(town.says("alice", "", private=True), text=SecretText(), press=tap))
    town.pipeline = replace(town.pipeline, terms=replace(TERMS, admission=Admission(level=Level.DEMO)))
    town.do(town.says("dave", "hello", private=True))  # a stranger is asked who they are
    DeadLetters(town.database, town.clock, KEYRING, "en").keep(town.says("alice", "#send"), LedgerFault("x"))
    reachable = Person(id=ids.fresh(town.clock()), name="Erin", language="en", contact_mark="mark")
    reachable = replace(reachable, contact=SecretText("erin@example.org"))
    with town.database.write() as connection:
        save_person(connection, reachable, town.clock(), KEYRING)
        append(connection, AUDIT_KEY, [("erin", "enrolled")], [], town.clock(), [state_of_person(reachable)])
        vault.save_secret(connection, KEYRING, ("slack", "T1", "bot_token"), "xoxb-canary", town.clock())
    with town.database.read() as connection:
        assert set(census(connection)[OLD_ID]) == {str(column) for column in sealed_columns()}
    return town


def rotation(town: Town, keyring: Keyring = NEW) -> Rotation:
    """A change to a new key."""
    return Rotation(database=town.database, clock=town.clock, keyring=keyring, audit_key=AUDIT_KEY)


def test_everything_is_sealed_anew(busy: Town) -> None:
    """After a change of keys the new one alone opens all that there was, in every column, and the books still agree."""
    before = sorted(opened(busy.database, KEYRING))
    count = sum(rotation(busy).census()[OLD_ID].values())
    assert rotation(busy).run() == count == len(before)
    assert sorted(opened(busy.database, NEW_ALONE)) == before
    assert set(rotation(busy).census()) == {NEW_ID}
    assert rotation(busy).run() == 0
    assert busy.problems() == []


def test_it_is_in_the_audit(busy: Town) -> None:
    """A change of keys that changed something is one event of the audit's chain."""
    rotation(busy).run()
    rotation(busy).run()
    assert len(busy.rows("select seq from audit where body like '%\"rotated\"%'")) == 1


def test_it_goes_on_where_it_was_interrupted(busy: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends it in the middle, all can still be opened, and doing it again does the rest."""
    monkeypatch.setattr("botpay.rotation._AT_ONCE", 1)
    before = sorted(opened(busy.database, KEYRING))

    def killed(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotation(busy).run(killed)
    assert {len(counts) > 0 for counts in rotation(busy).census().values()} == {True}
    assert set(rotation(busy).census()) == {OLD_ID, NEW_ID}
    assert sorted(opened(busy.database, NEW)) == before
    assert rotation(busy).run() == len(before) - 1
    assert sorted(opened(busy.database, NEW_ALONE)) == before


def test_what_the_bot_writes_meanwhile_stays(busy: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that changes between reading and writing is not overwritten with the earlier one."""
    real = Rotation._anew

    def overtaken(self: Rotation, column: object, rows: object) -> list[dict[str, object]]:
        values = list(real(self, column, rows))  # type: ignore[arg-type]
        if str(column) == "vault.value":
            values[0]["_seen"] = b"what was there before the bot wrote"
        return values

    monkeypatch.setattr(Rotation, "_anew", overtaken)
    rotation(busy).run()
    assert rotation(busy).census()[OLD_ID] == {"vault.value": 1}
    with busy.database.read() as connection:
        assert vault.load_secret(connection, NEW, ("slack", "T1", "bot_token")) == "xoxb-canary"


def test_payments_go_on_across_it(busy: Town) -> None:
    """A payment asked before the change and confirmed after it is made, and its letters are sent, with either key."""
    busy.pipeline = replace(busy.pipeline, keyring=NEW)
    check = busy.types_pin("alice")
    rotation(busy).run()
    busy.pipeline = replace(busy.pipeline, keyring=NEW_ALONE)
    assert busy.do(busy.verdict(check)).outcome == "posted"
    assert busy.do(busy.says("alice", PINS["alice"], private=True)).outcome == "pin_tried"


def test_what_no_key_opens_is_left_as_it_is(busy: Town) -> None:
    """A value that was tampered with, or whose key is gone, neither stops the change nor is it touched."""
    with busy.database.write() as connection:
        connection.execute(text("update vault set value = substr(value, 1, 20)"))
    before = busy.rows("select value from vault")
    rotation(busy).run()
    assert busy.rows("select value from vault") == before
    assert rotation(busy).census()[OLD_ID] == {"vault.value": 1}


def keys(town: Town, folder: Path, *words: str, old: bool = True) -> Result:
    """`botpay keys` with the new key in the place of the old one, which is kept if `old`."""
    config = folder / "botpay.toml"
    kept = f'[keys.old_data]\ny2025 = "{DATA_KEY.hex()}"\n' if old else ""
    url = town.database.engine.url.render_as_string(hide_password=False)
    lines = (f'{name} = "{key.hex()}"\n' for name, key in (("pepper", PEPPER), ("audit", AUDIT_KEY), ("data", NEW_KEY)))
    config.write_text(f'database = "{url}"\n[keys]\n{"".join(lines)}{kept}', encoding="utf-8")
    result = CliRunner().invoke(app, ["keys", *words, "--config", str(config)])
    assert not any(key.hex() in result.output for key in (DATA_KEY, NEW_KEY, AUDIT_KEY, PEPPER))
    return result


def test_the_operator_sees_what_an_old_key_still_holds(busy: Town, tmp_path: Path) -> None:
    """`keys list` and a dry run name each key by its id and setting, and what it sealed; they change nothing."""
    listed = keys(busy, tmp_path, "list").stdout
    assert NEW_ID in listed
    assert OLD_ID in listed
    assert "old_data.y2025" in listed
    assert "still needed" in listed
    dry = keys(busy, tmp_path, "rotate", "--dry-run")
    assert (dry.exit_code, "would be sealed anew" in dry.stdout) == (0, True)
    assert set(rotation(busy).census()) == {OLD_ID}


def test_the_operator_is_told_when_an_old_key_can_go(busy: Town, tmp_path: Path) -> None:
    """After `keys rotate` the old key is said to be needed no more; without it everything still opens."""
    done = keys(busy, tmp_path, "rotate")
    assert done.exit_code == 0, done.output
    assert "no longer needed" in done.stdout
    listed = keys(busy, tmp_path, "list", old=False).stdout
    assert OLD_ID not in listed


def test_a_key_that_was_removed_too_early_is_missed(busy: Town, tmp_path: Path) -> None:
    """What a key sealed that is not in the settings is listed as such, and a rotation that cannot open it fails."""
    assert "NOT HERE" in keys(busy, tmp_path, "list", old=False).stdout
    done = keys(busy, tmp_path, "rotate", old=False)
    assert (done.exit_code, "still sealed with another key" in done.stdout) == (1, True)


def test_the_doctor_misses_it_too(busy: Town, tmp_path: Path) -> None:
    """The doctor says that a key is missing, by its id."""
    keys(busy, tmp_path, "list", old=False)
    said = CliRunner().invoke(app, ["doctor", "--config", str(tmp_path / "botpay.toml")])
    assert f"sealed with key {OLD_ID}" in said.output

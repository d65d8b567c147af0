"""One's own account: a PIN that is changed or replaced, identities that are linked and parted, and what they may do."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from botpay import proof
from botpay.confirm.challenge import NO_PIN, Pin, may_replace
from botpay.confirm.checker import OwnerCheck, OwnerVerdict
from botpay.directory import linking
from botpay.errors import Code
from botpay.handlers.world import DialogueEntry
from botpay.message import Actor, Inbound, SecretText
from botpay.pipeline import Result
from tests.conftest import AUDIT_KEY, PINS, Town

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
AWAY = Actor("console", "elsewhere", "alice", handle="alice", name="Alice", language="en")


def away(town: Town, words: str) -> Inbound:
    """What Alice writes to the bot from where she has no account."""
    return replace(town.says("alice", words, private=True), tenant=AWAY.tenant, author=AWAY)


def told(town: Town) -> str:
    """What the newest letter says."""
    return town.letters()[-1].outbound.text


def code(town: Town) -> str:
    """A fresh link code of Alice's."""
    town.do(town.says("alice", "#link", private=True))
    return told(town).partition("#link ")[2][:11]


def enters(town: Town, words: str, pin: str) -> Result:
    """A code and a PIN from away; the outcome of the PIN's check."""
    town.do(away(town, f"#link {words}"))
    (work,) = town.do(away(town, pin)).works
    assert isinstance(work, OwnerCheck)
    return town.do(verdict_of(work, work.hash != NO_PIN and pin == PINS["alice"]))


def parts(town: Town, *, between: str | None = None, right: bool = True) -> Result:
    """The identity away shall be parted, and its PIN is checked.

    Args:
        between: what is written there while that takes its time.
    """
    assert town.do(away(town, "#unlink")).outcome == "unlink_pin"
    (work,) = town.do(away(town, PINS["alice"])).works
    if between is not None:
        town.do(away(town, between))
    return town.do(verdict_of(work, right))


def verdict_of(work: object, right: bool) -> OwnerVerdict:
    """What the slow check of an owner would find."""
    assert isinstance(work, OwnerCheck)
    return OwnerVerdict(
        dialogue_id=work.dialogue_id, person_id=work.person_id, number=work.number, right=right, tried_at=work.tried_at
    )


@pytest.fixture(autouse=True)
def proven(town: Town) -> Iterator[None]:
    """Whatever happened, the books and the chain are whole."""
    yield
    with town.database.read() as connection:
        assert [wrong for _, part in proof.steps(connection, AUDIT_KEY) for wrong in part] == []


def test_a_code_and_the_pin_link_once(town: Town) -> None:
    """The identity is Alice's then, the code is gone, and nobody else can use it."""
    fresh = code(town)
    assert enters(town, fresh, PINS["alice"]).outcome == "linked"
    assert town.rows("select count(*) from link_codes") == [(0,)]
    assert town.rows(
        "select count(*) from identities i join people p on i.person_id = p.id where p.name = 'Alice'"
    ) == [(2,)]


def test_a_code_is_kept_as_a_mac(town: Town) -> None:
    """Neither the code nor any part of it stands in the table or in the repr of what is decided."""
    fresh = code(town).replace(" ", "")
    ((kept,),) = town.rows("select mac from link_codes")
    assert len(kept) == 32
    assert fresh.encode() not in kept
    assert fresh not in repr(linking.LinkCode(person_id="x", mac=kept, expires_at=NOW))


def test_a_code_that_is_too_old_links_nothing(town: Town) -> None:
    """After ten minutes a code leads nowhere, though the PIN is right; it is answered like a wrong PIN."""
    fresh = code(town)
    town.clock.move(linking.LIVES)
    assert enters(town, fresh, PINS["alice"]).outcome == "link_pin"
    assert "PIN not accepted" in told(town)


def test_a_code_that_ran_out_while_the_pin_was_checked_links_nothing(town: Town) -> None:
    """The code must still count when the PIN turned out right."""
    town.do(away(town, f"#link {code(town)}"))
    town.clock.move(linking.LIVES - timedelta(seconds=1))
    (work,) = town.do(away(town, PINS["alice"])).works
    town.clock.move(timedelta(seconds=1))
    assert town.do(verdict_of(work, True)).outcome == "link_late"
    assert town.rows("select person_id from identities where tenant = 'elsewhere'") == [(None,)]


def test_five_codes_an_hour_are_tried_from_one_identity(town: Town) -> None:
    """Whoever guesses codes is stopped after five, right or wrong, and reads why; in public none is taken."""
    outcomes = [town.do(away(town, f"#link {letter * 10}")).outcome for letter in "BCDFGH"]
    assert outcomes == ["link_pin"] * 5 + ["too_many_codes"]
    town.clock.move(timedelta(hours=1))
    assert town.do(away(town, "#link BBBBBBBBBB")).outcome == "link_pin"
    public = replace(town.says("carol", "#link BCDFGHJKLM"), tenant=AWAY.tenant, author=replace(AWAY, id="carol"))
    assert town.do(public).outcome == "link_in_public"


def test_a_hundred_codes_an_hour_are_tried_by_all_together(town: Town) -> None:
    """Many identities together find no more than a hundred codes to try."""
    thieves = [replace(AWAY, id=f"thief{number}", handle=None) for number in range(21)]
    tries = [replace(away(town, f"#link {letter * 10}"), author=thief) for thief in thieves for letter in "BCDFG"]
    outcomes = [town.do(tried).outcome for tried in tries]
    assert (outcomes.count("link_pin"), outcomes.count("too_many_codes")) == (100, 5)


def test_whoever_guesses_codes_learns_nothing_from_what_else_is_answered(town: Town) -> None:
    """After a code that leads to somebody and after one that does not, everything else is answered alike."""
    answers = []
    for words in (code(town), "BCDFG HJKLM"):
        town.do(away(town, f"#link {words}"))
        for other in ("#balance", "#pin", "hello", "#cancel"):
            town.do(away(town, other))
            answers.append(told(town))
    assert answers[:4] == answers[4:]


def test_whoever_guesses_pins_behind_a_code_learns_nothing_of_the_account(town: Town) -> None:
    """Six wrong PINs read the same behind a code that leads to somebody, whom they lock, and behind none."""
    read: dict[str, list[str]] = {}
    for words in (code(town), "BCDFG HJKLM"):
        read[words] = []
        for number in range(6):
            if number % 3 == 0:
                town.do(away(town, f"#link {words}"))
            (work,) = town.do(away(town, "111213")).works
            town.do(verdict_of(work, False))
            said = [letter.outbound for letter in town.letters()]
            read[words].append([out.text for out in said if out.tenant == AWAY.tenant][-1])
            town.clock.move(timedelta(seconds=30))
    first, second = read.values()
    assert first == second
    assert town.rows("select failures from pins where locked_at is not null") == [(5,)]
    assert any("Your account is locked: five wrong PINs" in letter.outbound.text for letter in town.letters())


def test_a_linked_identity_may_spend_little_for_a_day(town: Town) -> None:
    """The cap is on what is spent in a day, from the new identity alone, and ends after the time that was set."""
    enters(town, code(town), PINS["alice"])
    assert town.do(away(town, "#send 40 euros #eaupourtous")).outcome == "reserved"
    assert town.do(away(town, "#send 20 euros #eaupourtous")).outcome == "limit_exceeded"
    assert "at most €50.00 a day" in told(town)
    assert town.do(town.says("alice", "#send 20 euros #eaupourtous")).outcome == "reserved"
    town.clock.move(timedelta(hours=24))
    assert town.do(away(town, "#send 100 euros #eaupourtous")).outcome == "reserved"


def test_what_still_waits_is_not_left_behind(town: Town) -> None:
    """An identity is not parted while a payment that began there waits for its PIN, also if it began in between."""
    enters(town, code(town), PINS["alice"])
    town.do(away(town, "#send 1 euro #eaupourtous"))
    assert town.do(away(town, "#unlink")).outcome == "still_waiting"
    town.do(away(town, "#cancel"))
    assert parts(town, between="#send 1 euro #eaupourtous").outcome == "still_waiting"
    town.do(away(town, "#cancel"))
    assert parts(town).outcome == "parted"
    assert town.do(town.says("alice", "#unlink", private=True)).outcome == "last_identity"


def test_who_is_parted_proves_who_they_are(town: Town) -> None:
    """A wrong PIN parts nothing and is counted, so who stole a session cannot enrol anew with it and be paid by it."""
    enters(town, code(town), PINS["alice"])
    assert parts(town, right=False).outcome == "unlink_pin"
    assert town.rows("select count(*) from identities where tenant = 'elsewhere' and person_id is not null") == [(1,)]
    assert town.rows("select failures from pins order by failures desc limit 1") == [(1,)]


def test_a_replaced_pin_unlocks_and_remembers() -> None:
    """A PIN that was replaced begins anew, but how often it was locked stays known, and it cools."""
    kept = Pin(person_id="alice", hash="-", failures=5, locked_at=NOW, wrong_day=1, wrong_today=5).replaced("new", NOW)
    assert (kept.hash, kept.failures, kept.locked, kept.locks, kept.reset_at) == ("new", 0, False, 1, NOW)


@pytest.mark.parametrize(("locks", "minutes"), [(0, 15), (1, 60), (2, 240), (3, 960), (4, 1440), (40, 1440)])
def test_right_after_a_lock_no_pin_is_replaced(locks: int, minutes: int) -> None:
    """The more often somebody was locked, the longer they wait for a code; who is not locked may have one at once."""
    kept = Pin(person_id="alice", hash="-", failures=5, locked_at=NOW, locks=locks)
    free_at = NOW + timedelta(minutes=minutes)
    refusal = may_replace(kept, free_at - timedelta(microseconds=1))
    assert refusal is not None
    assert refusal.code is Code.REPLACED_LATER
    assert may_replace(kept, free_at) is None
    assert may_replace(Pin(person_id="alice", hash="-", failures=4), NOW) is None


def test_without_an_address_a_forgotten_pin_is_the_operators(town: Town) -> None:
    """Who has no second address is told that the operator alone can help."""
    assert town.do(town.says("alice", "#forgot pin", private=True)).outcome == "no_contact"


def test_words_about_an_account_mean_nothing_in_other_talk(town: Town) -> None:
    """With anything else beside them these words are read as ever: in a group they are not answered."""
    for words in (
        "look at this #link",
        "#link https://example.org",
        "#link foobar",
        "#pin that message, please",
        "I #unlink you",
    ):
        assert town.do(town.says("alice", words)).outcome == "ignored", words


@pytest.mark.parametrize(
    "change",
    [
        "update identities set since = null where tenant = 'elsewhere'",
        "update identities set person_id = (select id from people where name = 'Bob') where tenant = 'elsewhere'",
        "update pins set wrong_today = 0",
        "update pins set reset_at = 1",
    ],
)
def test_what_a_thief_would_change_in_the_tables_is_seen(town: Town, change: str) -> None:
    """Whose an identity is, since when it cools, and what was counted of a PIN stand in the audit's chain."""
    enters(town, code(town), PINS["alice"])
    town.do(town.says("alice", "#send 1 euro #eaupourtous"))
    town.types_pin("alice", "111213")
    with town.database.write() as connection:
        before = [list(connection.exec_driver_sql(f"select * from {table}")) for table in ("identities", "pins")]
        connection.exec_driver_sql(change)
    with town.database.read() as connection:
        found = [wrong for _, part in proof.steps(connection, AUDIT_KEY) for wrong in part]
    assert any("is not as link" in wrong for wrong in found)
    with town.database.write() as connection:
        for table, rows in zip(("identities", "pins"), before, strict=True):
            connection.exec_driver_sql(f"delete from {table}")
            for row in rows:
                connection.exec_driver_sql(f"insert into {table} values ({','.join('?' * len(row))})", tuple(row))


def test_the_pin_of_now_is_taken_on_a_page_too(town: Town) -> None:
    """What is entered on the page of a dialogue is a try at a PIN like any other: foreseen, counted, checked."""
    town.do(town.says("alice", "#pin", private=True))
    ((dialogue, version),) = town.rows("select id, version from dialogues")
    name = "-".join((dialogue[:8], dialogue[8:12], dialogue[12:16], dialogue[16:20], dialogue[20:]))
    (work,) = town.do(DialogueEntry(dialogue_id=name, number=version, pin=SecretText("111213"))).works
    assert town.do(verdict_of(work, False)).outcome == "pin_old"
    assert town.rows("select failures from pins where failures > 0") == [(1,)]
    assert town.rows("select tries from guesses where about = 'everybody'") == [(1,)]

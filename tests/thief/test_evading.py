"""Getting away from what the operator decided: a freeze, a lock, by leaving the account that it is about."""

import pytest

from botpay.confirm.checker import PinChoice, PinHashed
from botpay.errors import Code
from botpay.operations import Operations
from botpay.pipeline import Result
from tests.conftest import AUDIT_KEY, PINS, Town
from tests.unit.test_forgetting import gives_all, problems, proves, register, says
from tests.unit.test_own_account import away, code, enters, parts


def hold(town: Town, how: str, who: str) -> None:
    """The operator freezes or locks somebody."""
    if how == "frozen":
        Operations(database=town.database, clock=town.clock, audit_key=AUDIT_KEY).freeze(town.people[who].id)
    else:
        register(town).lock(town.people[who].id, "stolen")


def refused(how: str) -> str:
    """What somebody who is held is told."""
    return (Code.PERSON_FROZEN if how == "frozen" else Code.PERSON_LOCKED).value


@pytest.mark.parametrize("how", ["frozen", "locked"])
@pytest.mark.parametrize("late", [False, True], ids=["before", "in between"])
def test_who_is_held_is_not_forgotten(town: Town, how: str, late: bool) -> None:
    """They would enrol anew with the same chat, and be free; nor does a thief wipe what was done in their name."""
    gives_all(town, "carol")
    if late:
        says(town, "carol", "#forget", "Yes, forget me")
    hold(town, how, "carol")
    asked: Result = says(town, "carol", PINS["carol"] if late else "#forget")
    assert (proves(town, asked, "carol") if late else asked).outcome == refused(how)
    assert town.rows("select count(*) from people where name = 'Carol'") == [(1,)]
    assert problems(town) == []


@pytest.mark.parametrize("how", ["frozen", "locked"])
def test_who_is_held_neither_parts_nor_links(town: Town, how: str) -> None:
    """An identity that is parted would be a way to a fresh account; one that is linked, a thief's way to come back."""
    enters(town, code(town), PINS["alice"])
    hold(town, how, "alice")
    assert town.do(away(town, "#unlink")).outcome == refused(how)
    assert says(town, "alice", "#link").outcome == refused(how)


def test_a_code_from_before_a_lock_links_nothing(town: Town) -> None:
    """Whoever has code and PIN is too late once the operator locked the account; then it may be linked again."""
    fresh = code(town)
    hold(town, "locked", "alice")
    assert enters(town, fresh, PINS["alice"]).outcome == "link_late"
    register(town).unlock(town.people["alice"].id, "it was her")
    assert enters(town, code(town), PINS["alice"]).outcome == "linked"
    assert parts(town).outcome == "parted"


def test_the_pin_of_a_locked_account_stays(town: Town) -> None:
    """Whoever has a stolen session and knows the PIN makes it no PIN of theirs once the operator locked the account."""
    hashes = "select hash from pins order by person_id"
    kept = town.rows(hashes)
    assert proves(town, says(town, "alice", "#pin", PINS["alice"]), "alice").outcome == "pin_new"
    (work,) = says(town, "alice", "571946", "571946").works
    hold(town, "locked", "alice")
    assert isinstance(work, PinChoice)
    made = PinHashed(dialogue_id=work.dialogue_id, person_id=work.person_id, number=work.number, hash="another")
    assert town.do(made).outcome == refused("locked")
    assert says(town, "alice", "#pin").outcome == refused("locked")
    assert town.rows(hashes) == kept
    assert problems(town) == []

"""Keeping others from their own accounts, by what anybody may do: name an address, enter a code, try a PIN."""

from dataclasses import replace

from botpay.confirm.checker import OwnerCheck
from botpay.dialogues import code
from botpay.errors import Code
from botpay.message import Inbound
from tests.conftest import Town
from tests.unit.test_codes import ADDRESS, ASKING, reaches_code, says, sent_code
from tests.unit.test_own_account import AWAY, verdict_of
from tests.unit.test_own_account import code as fresh_code


def test_strangers_who_name_an_address_keep_its_owner_from_no_code(town: Town) -> None:
    """Five strangers who enrol with Dave's address today use up nothing of what he needs to replace his PIN."""
    town.pipeline = replace(town.pipeline, terms=ASKING)
    reaches_code(town)
    assert says(town, sent_code(town)).outcome == "enrolled"
    outcomes = [reaches_code(town, f"stranger{number}").outcome for number in range(code.SENDINGS_A_DAY)]
    assert outcomes[-1] == Code.TOO_MANY_CODES.value
    says(town, "#forgot pin")
    assert says(town, "yes").outcome == "pin_code"
    assert sent_code(town, ADDRESS)


def test_who_fills_their_own_count_reaches_its_end(town: Town) -> None:
    """An account holder is sent five codes a day, and no more, from whichever chat."""
    town.pipeline = replace(town.pipeline, terms=ASKING)
    reaches_code(town)
    says(town, sent_code(town))
    for _ in range(code.SENDINGS_A_DAY - 1):  # one went when the account was opened
        says(town, "#forgot pin")
        assert says(town, "yes").outcome == "pin_code"
    says(town, "#forgot pin")
    assert says(town, "yes").outcome == "too_many_codes"


def test_codes_that_lead_nowhere_use_up_no_guesses_of_everybody(town: Town) -> None:
    """Strangers need no account to enter link codes that are made up; the PINs behind them are guesses at nobody's."""
    fresh = fresh_code(town)
    for number in range(4):
        _guess(town, _stranger(town, number, "#link BCDFGHJKLM"))
    assert town.rows("select coalesce(sum(tries), 0) from guesses where about = 'everybody'") == [(0,)]
    _guess(town, _stranger(town, 9, f"#link {fresh}"))
    assert town.rows("select coalesce(sum(tries), 0) from guesses where about = 'everybody'") == [(1,)]


def _stranger(town: Town, number: int, words: str) -> Inbound:
    """What a stranger elsewhere writes to the bot."""
    author = replace(AWAY, id=f"thief{number}", handle=None)
    return replace(town.says("alice", words, private=True), tenant=AWAY.tenant, author=author)


def _guess(town: Town, entered: Inbound) -> None:
    town.do(entered)
    pin = replace(town.says("alice", "111213", private=True), tenant=entered.tenant, author=entered.author)
    (work,) = town.do(pin).works
    assert isinstance(work, OwnerCheck)
    town.do(verdict_of(work, False))

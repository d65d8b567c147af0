"""Several workers on one PostgreSQL lead one dialogue, and share what is counted and what is somebody's."""

from dataclasses import replace

import pytest

from botpay.dialogues import code
from botpay.handlers.world import Event
from tests.conftest import Town
from tests.ledger.test_several_workers import at_once
from tests.unit.test_codes import ASKING, reaches_code, says, sent_code, wrong_code


@pytest.fixture
def asking(city: Town) -> Town:
    """A town on PostgreSQL that asks all that an installation may ask."""
    city.pipeline = replace(city.pipeline, terms=ASKING)
    return city


def test_a_code_that_two_workers_hear_at_once_opens_one_account(asking: Town) -> None:
    """Two messages with the right code, each on a worker of its own."""
    reaches_code(asking)
    right = sent_code(asking)
    batches: list[list[Event]] = [[asking.says("dave", right, private=True)] for _ in range(2)]
    outcomes = [outcome for found in at_once(asking, *batches) for outcome in found]
    assert outcomes.count("enrolled") == 1
    assert asking.rows("select count(*) from people where name = 'Dave Moore'") == [(1,)]


def test_guesses_on_four_workers_have_five_tries_in_all(asking: Town) -> None:
    """The dialogue is locked while a try is looked at and counted."""
    reaches_code(asking)
    wrong = wrong_code(asking)
    batches: list[list[Event]] = [[asking.says("dave", wrong, private=True) for _ in range(5)] for _ in range(4)]
    at_once(asking, *batches)
    assert asking.rows("select tries from dialogues") == [(code.TRIES,)]


def test_of_two_who_enter_their_codes_for_one_address_at_once_one_has_it(asking: Town) -> None:
    """The address is one person's, whichever worker commits first; the other reads why."""
    reaches_code(asking, "dave")
    of_dave = sent_code(asking)
    reaches_code(asking, "erin")
    of_erin = sent_code(asking)
    mine: list[Event] = [asking.says("dave", of_dave, private=True)]
    theirs: list[Event] = [asking.says("erin", of_erin, private=True)]
    outcomes = sorted(outcome for found in at_once(asking, mine, theirs) for outcome in found)
    assert outcomes == ["contact_taken", "enrolled"]
    assert asking.rows("select count(*) from people where contact_mark is not null") == [(1,)]


def test_two_first_messages_at_once_begin_one_dialogue(asking: Town) -> None:
    """Both are answered, and what is asked next is answered once."""
    batches: list[list[Event]] = [[asking.says("dave", "hello", private=True)] for _ in range(2)]
    at_once(asking, *batches)
    assert asking.rows("select count(*) from dialogues") == [(1,)]
    assert says(asking, "english").outcome == "enrol_name"

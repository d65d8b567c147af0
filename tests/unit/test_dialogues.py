"""Dialogues: what survives a restart, what comes twice or late, and what is left of them."""

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from botpay.confirm.checker import PinChoice, PinHashed
from botpay.confirm.keypad import token
from botpay.dialogues.store import dialogues
from botpay.directory.people import chosen_name
from botpay.handlers.world import DialogueDeadline
from botpay.message import Capabilities, Inbound, Press, SecretText
from botpay.pipeline import Result
from botpay.policy import Admission, Level
from tests.conftest import ADAPTER, DATA_KEY, TERMS, Town, actor

PIN = "571946"
DEMO = Admission(level=Level.DEMO)


@pytest.fixture
def open_town(town: Town) -> Town:
    """A town in which strangers may open an account."""
    town.pipeline = replace(town.pipeline, terms=replace(TERMS, admission=DEMO))
    return town


def says(town: Town, *words: str) -> Result:
    """Dave, who has no account, answers one question after the other; the result of the last."""
    return [town.do(town.says("dave", word, private=True)) for word in words][-1]


def chosen(town: Town) -> PinChoice:
    """Dave gets as far as having entered a PIN twice."""
    (choice,) = says(town, "hello", "english", "Dave Moore", PIN, PIN).works
    assert isinstance(choice, PinChoice)
    return choice


def hashed(choice: PinChoice) -> PinHashed:
    """What the slow hash comes back with."""
    about = {"dialogue_id": choice.dialogue_id, "person_id": choice.person_id}
    return PinHashed(**about, number=choice.number, hash="a hash")


def newest_letter(town: Town) -> str:
    """What the newest letter says."""
    return town.letters()[-1].outbound.text


def test_an_account_is_opened_in_one_commit_and_nothing_of_the_dialogue_is_left(open_town: Town) -> None:
    """Person, PIN, identity, account and audit become true together; the dialogue's row goes in the same commit."""
    choice = chosen(open_town)
    assert open_town.rows("select count(*) from people where name = 'Dave Moore'") == [(0,)]
    assert open_town.do(hashed(choice)).outcome == "enrolled"
    found = open_town.rows(
        "select p.name, i.id, n.hash, a.currency from people p join identities i on i.person_id = p.id "
        "join pins n on n.person_id = p.id join accounts a on replace(a.owner, '-', '') = p.id "
        "where p.name = 'Dave Moore'"
    )
    assert found == [("Dave Moore", "dave", "a hash", "EUR")]
    assert open_town.rows("select count(*) from dialogues") == [(0,)]
    assert open_town.problems() == []


def test_neither_a_name_nor_a_pin_lies_in_clear_while_the_dialogue_goes_on(open_town: Town) -> None:
    """The draft is sealed: a copy of the database shows who is being asked what, and nothing of the answers."""
    says(open_town, "hello", "english", "Dave Moore", PIN)
    with open_town.database.read() as connection:
        (draft,) = connection.execute(dialogues.select()).mappings()
    assert (draft["kind"], draft["step"]) == ("enrol", "pin_again")
    assert PIN.encode() not in draft["draft"]
    assert b"Dave" not in draft["draft"]


def test_a_hash_that_comes_twice_or_for_another_choice_opens_one_account(open_town: Town) -> None:
    """The outcome of slow work counts once, and only for the work that is waited for."""
    choice = chosen(open_town)
    other = replace(hashed(choice), number=choice.number - 1)
    assert open_town.do(other).outcome == "late_work"
    results = open_town.process(hashed(choice), hashed(choice))
    assert [result.outcome for result in results] == ["enrolled", "duplicate"]
    assert open_town.rows("select count(*) from people where name = 'Dave Moore'") == [(1,)]


def test_a_pin_whose_hash_is_lost_with_the_process_is_asked_for_anew(open_town: Town) -> None:
    """The PIN was forgotten when its hashing began; five seconds later the person is asked to choose one again."""
    choice = chosen(open_town)
    assert says(open_town, PIN).outcome == "still_checking"
    open_town.clock.move(timedelta(seconds=6))
    assert open_town.do(DialogueDeadline(dialogue_id=choice.dialogue_id)).outcome == "enrol_pin"
    assert "got lost on the way" in newest_letter(open_town)
    assert open_town.do(hashed(choice)).outcome == "late_work"
    (again,) = says(open_town, PIN, PIN).works
    assert isinstance(again, PinChoice)
    assert open_town.do(hashed(again)).outcome == "enrolled"


def test_what_a_new_person_asks_in_the_batch_of_their_enrolment_is_answered_after_it(open_town: Town) -> None:
    """The account has no number yet in that batch: it fails whole, and the same events one by one do not."""
    choice = chosen(open_town)
    asks = open_town.says("dave", "#balance", private=True)
    with pytest.raises(KeyError):
        open_town.process(hashed(choice), asks)
    assert open_town.do(hashed(choice)).outcome == "enrolled"
    assert open_town.do(asks).outcome == "balance"


def test_the_operator_who_was_faster_is_not_overruled(open_town: Town) -> None:
    """An identity that became somebody's meanwhile stays theirs."""
    choice = chosen(open_town)
    open_town.enrolment.add_person("Dave", "en", SecretText(PIN), [actor("dave")])
    assert open_town.do(hashed(choice)).outcome == "enrolled_already"
    assert open_town.problems() == []


def tap(town: Town, who: str, token_: str) -> Inbound:
    """A tap on a button."""
    return replace(town.says(who, "", private=True), press=Press(token_))


def test_only_ones_own_buttons_of_the_present_question_count(open_town: Town) -> None:
    """Taps of somebody else, on an earlier question, or forged, lead to nothing."""
    can = {ADAPTER: Capabilities(buttons=True, edit=True)}
    open_town.pipeline = replace(open_town.pipeline, terms=replace(TERMS, admission=DEMO, capabilities=can))
    says(open_town, "hello")
    ((dialogue_id,),) = open_town.rows("select id from dialogues")
    about = str(uuid.UUID(dialogue_id))
    french = token(DATA_KEY, about, "language:=fr")
    forged = token(b"another" * 8, about, "language:=fr")
    assert open_town.do(tap(open_town, "erin", french)).outcome == "ignored"
    assert open_town.do(tap(open_town, "dave", forged)).outcome == "ignored"
    assert open_town.do(tap(open_town, "dave", french)).outcome == "enrol_name"
    assert open_town.do(tap(open_town, "dave", french)).outcome == "ignored"


def test_two_answers_at_once_are_two_answers_in_order(open_town: Town) -> None:
    """Of two answers in one batch the second answers the question that the first led to."""
    says(open_town, "hello")
    answers = [open_town.says("dave", word, private=True) for word in ("english", "Dave Moore")]
    assert [result.outcome for result in open_town.process(*answers)] == ["enrol_name", "enrol_pin"]


@pytest.mark.parametrize("name", ["Zoé", "Jean-François O’Neill", "D. Moore", "Марія Шевченко", "山田 はな", "Ngũgĩ"])
def test_names_as_people_bear_them_are_taken(name: str) -> None:
    """Letters of one script, with the signs that names have."""
    assert chosen_name(f" {name}  ") == name


@pytest.mark.parametrize(
    "name",
    ["", "x", "Bob (@bob)", "@bob", "Bob Martіn", "Bob\u202eMartin", "Bob\u200bMartin", "Bob\nMartin", "B0b", "10 €",
     "-Bob", "Z" + "a\u0301" * 3 + "l\u0300\u0301\u0302\u0303go", "a" * 61],
)  # fmt: skip
def test_names_that_could_deceive_are_refused(name: str) -> None:
    """No handle, digit, sign, invisible or turning character, look-alike letter, or tower of accents."""
    assert chosen_name(name) is None

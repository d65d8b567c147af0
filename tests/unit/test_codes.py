"""Codes by e-mail while enrolling: counted, limited, sealed, and never told to anybody but their mailbox."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from botpay import saving
from botpay.confirm.checker import PinChoice, PinHashed
from botpay.dialogues import code
from botpay.handlers.world import Terms
from botpay.outbox.model import Letter
from botpay.pipeline import Result
from botpay.policy import Admission, Level
from tests.conftest import TERMS, Town
from tests.dumps import dumped

PIN, ADDRESS = "571946", "dave@example.org"
STANDARD = Admission(level=Level.STANDARD, countries=("FR",), terms={"en": "Be honest."})


def address_of(written: str) -> str | None:
    """Of a channel that takes everything with an @."""
    return written if "@" in written else None


ASKING: Terms = replace(TERMS, admission=STANDARD, code_secret=b"c" * 32, address_of=address_of)


@pytest.fixture
def asking(town: Town) -> Town:
    """A town that asks all that an installation may ask."""
    town.pipeline = replace(town.pipeline, terms=ASKING)
    return town


def says(town: Town, word: str, who: str = "dave") -> Result:
    """Somebody answers in private."""
    return town.do(town.says(who, word, private=True))


def reaches_code(town: Town, who: str = "dave", address: str = ADDRESS) -> Result:
    """Somebody without an account gets as far as the code; the result of their hash."""
    for word in ("hello", "english", "Dave Moore", "I accept", "France", address, PIN):
        says(town, word, who)
    (choice,) = says(town, PIN, who).works
    assert isinstance(choice, PinChoice)
    about = {"dialogue_id": choice.dialogue_id, "person_id": choice.person_id}
    return town.do(PinHashed(**about, number=choice.number, hash="a hash"))


def mails(town: Town, address: str = ADDRESS) -> list[Letter]:
    """What is on its way to a mailbox."""
    return [letter for letter in town.letters() if letter.outbound.adapter == "mail" and letter.outbound.to == address]


def sent_code(town: Town, address: str = ADDRESS) -> str:
    """The code of the newest mail."""
    text = mails(town, address)[-1].outbound.text
    return text.partition("code is ")[2][:6]


def wrong_code(town: Town) -> str:
    """Six digits that are not the code."""
    return f"{(int(sent_code(town)) + 1) % 10**6:06}"


def test_the_right_code_opens_the_account_with_all_that_was_answered(asking: Town) -> None:
    """Country, accepted terms and address are kept; what was answered is in no table but there, the address sealed."""
    assert reaches_code(asking).outcome == "enrol_code"
    assert says(asking, sent_code(asking)).outcome == "enrolled"
    ((country, terms, mark),) = asking.rows("select country, terms, contact_mark from people where name = 'Dave Moore'")
    assert (country, len(terms)) == ("FR", 16)
    assert mark == code.mark_of_address(b"c" * 32, ADDRESS.upper())
    assert asking.rows("select count(*) from dialogues") == [(0,)]
    assert ADDRESS not in dumped(asking.database)
    assert asking.problems() == []


def test_neither_address_nor_code_lies_in_the_clear_while_they_wait(asking: Town) -> None:
    """Outbox, draft and counts hold them sealed, or as digests that nobody without the key can make."""
    reaches_code(asking)
    dump = dumped(asking.database)
    assert not any(secret in dump for secret in (ADDRESS, sent_code(asking), PIN))


def test_a_wrong_code_is_counted_and_the_sixth_try_is_not_looked_at(asking: Town) -> None:
    """Five tries a code: after them even the right one is of no use."""
    reaches_code(asking)
    for _ in range(code.TRIES):
        assert says(asking, wrong_code(asking)).outcome == "enrol_code"
    assert says(asking, sent_code(asking)).outcome == "enrol_code"
    assert asking.rows("select tries from dialogues") == [(code.TRIES,)]


def test_a_try_that_crashes_before_its_commit_told_nothing_and_one_after_it_counts(
    asking: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Count and look are one commit: killed before it nobody knows more, and the redelivered try counts once."""
    reaches_code(asking)
    attempt = asking.says("dave", wrong_code(asking), private=True)
    letters = len(asking.letters())

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(saving, "save_dialogues", killed)
        with pytest.raises(KeyboardInterrupt):
            asking.do(attempt)
    assert (asking.rows("select tries from dialogues"), len(asking.letters())) == ([(0,)], letters)
    assert [asking.do(attempt).outcome for _ in range(2)] == ["enrol_code", "duplicate"]
    assert asking.rows("select tries from dialogues") == [(1,)]


def test_a_code_entered_twice_at_once_opens_one_account(asking: Town) -> None:
    """In one batch, and from two threads that deliver at the same instant."""
    reaches_code(asking)
    right = sent_code(asking)
    tries = [asking.says("dave", right, private=True) for _ in range(2)]
    done: list[str] = []
    threads = [
        threading.Thread(target=lambda attempt=attempt: done.append(asking.do(attempt).outcome)) for attempt in tries
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done.count("enrolled") == 1
    assert asking.rows("select count(*) from people where name = 'Dave Moore'") == [(1,)]
    assert asking.problems() == []


def test_wrong_guesses_at_once_have_no_more_tries_than_one_after_the_other(asking: Town) -> None:
    """Twenty guesses in one batch count like twenty guesses."""
    reaches_code(asking)
    guesses = [asking.says("dave", f"{n:06}", private=True) for n in range(20) if f"{n:06}" != sent_code(asking)]
    asking.process(*guesses)
    assert asking.rows("select tries from dialogues") == [(code.TRIES,)]
    assert says(asking, sent_code(asking)).outcome == "enrol_code"


def test_a_code_lives_ten_minutes(asking: Town) -> None:
    """On the tenth it is over; a new one counts, and the one before never again."""
    reaches_code(asking)
    first = sent_code(asking)
    asking.clock.move(code.LIVES)
    says(asking, first)
    assert asking.rows("select tries from dialogues") == [(0,)]
    says(asking, "Send the code again")
    assert says(asking, first).outcome == "enrol_code"
    assert says(asking, sent_code(asking)).outcome == "enrolled"


def test_another_code_is_sent_after_a_minute_and_three_times_in_all(asking: Town) -> None:
    """Whoever presses again and again fills nobody's mailbox."""
    reaches_code(asking)
    says(asking, "Send the code again")
    assert len(mails(asking)) == 1
    for _ in range(4):
        asking.clock.move(code.PAUSE)
        says(asking, "Send the code again")
    assert len(mails(asking)) == code.SENDINGS


@pytest.mark.parametrize(
    ("who", "address"),
    [(lambda _: "dave", lambda n: f"dave{n}@example.org"), (lambda n: f"dave{n}", lambda _: "Dave@Example.org")],
    ids=["one identity", "one address"],
)
def test_a_day_has_five_codes_for_an_identity_and_for_an_address(
    asking: Town, who: Callable[[int], str], address: Callable[[int], str]
) -> None:
    """Whoever starts anew again and again is stopped until tomorrow, whatever address or account they use."""
    for number in range(code.SENDINGS_A_DAY):
        assert reaches_code(asking, who(number), address(number)).outcome == "enrol_code"
        says(asking, "#cancel", who(number))
    assert reaches_code(asking, who(9), address(9)).outcome == "too_many_codes"
    asking.clock.move(timedelta(days=1))
    assert reaches_code(asking, who(9), address(9)).outcome == "enrol_code"
    assert len(asking.rows("select * from sendings where count > 0")) == 2  # yesterday's counts are gone


def test_of_two_who_enrol_with_one_address_the_first_to_enter_the_code_has_it(asking: Town) -> None:
    """Both get codes; the second account is not opened, and its owner-to-be, who has the mailbox, is told why."""
    reaches_code(asking, "dave")
    of_dave = sent_code(asking)
    reaches_code(asking, "erin")
    of_erin = sent_code(asking)
    assert says(asking, of_erin, "dave").outcome == "enrol_code"  # the other's code is of no use
    assert says(asking, of_dave, "dave").outcome == "enrolled"
    assert says(asking, of_erin, "erin").outcome == "contact_taken"
    assert asking.rows("select count(*) from people where contact_mark is not null") == [(1,)]


def test_the_chat_does_not_tell_whose_address_has_an_account(asking: Town) -> None:
    """Who tries an address that is somebody's reads what everybody reads; its owner reads a warning without a code."""
    reaches_code(asking, "dave")
    says(asking, sent_code(asking), "dave")
    told = [letter.outbound.text for letter in asking.letters() if letter.outbound.to == "dave"]
    reaches_code(asking, "erin")
    of_erin = [letter.outbound.text for letter in asking.letters() if letter.outbound.to == "erin"]
    assert of_erin == told[: len(of_erin)]
    assert mails(asking)[-1].outbound.text.startswith("You have an account already")
    assert not any(character.isdigit() for character in mails(asking)[-1].outbound.text)


def test_the_same_sending_is_the_same_code_and_another_is_another(asking: Town) -> None:
    """A batch that is decided again sends no second code; dialogue, address and sending all change it."""
    about = ("019b8e07-4600-7726-ab53-681621db0310", ADDRESS, 1)
    made = code.code(b"c" * 32, *about)
    assert made == code.code(b"c" * 32, *about)
    others = [
        code.code(b"d" * 32, *about),
        code.code(b"c" * 32, about[0], ADDRESS, 2),
        code.code(b"c" * 32, about[0], "erin@example.org", 1),
        code.code(b"c" * 32, "019b8e07-4600-7726-ab53-681621db0311", ADDRESS, 1),
    ]
    assert made not in others
    assert code.is_right(made, f" {made[:3]} {made[3:]}")

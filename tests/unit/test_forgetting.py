"""Being forgotten: what goes, what stays, who is refused, and that the proof still holds."""

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from botpay.confirm.checker import OwnerCheck, OwnerVerdict, PinChoice, PinHashed
from botpay.errors import ConfigError
from botpay.handlers.world import Deadline
from botpay.pipeline import Result
from botpay.policy import Admission, Level
from botpay.proof import steps
from botpay.register import Register, Standing
from tests.conftest import AUDIT_KEY, KEYRING, PINS, TERMS, Town
from tests.dumps import dumped


def says(town: Town, who: str, *words: str) -> Result:
    """Somebody writes in private; the result of the last."""
    return [town.do(town.says(who, word, private=True)) for word in words][-1]


def gives_all(town: Town, who: str) -> None:
    """Somebody gives away all that they have."""
    for part in (200, 100):
        town.pays(who, f"#send {part} euros @bob for the pizza of {who}")


def proves(town: Town, result: Result, who: str) -> Result:
    """The check of a PIN in a dialogue comes out as it should."""
    (check,) = result.works
    assert isinstance(check, OwnerCheck)
    verdict = OwnerVerdict(
        dialogue_id=check.dialogue_id,
        person_id=check.person_id,
        number=check.number,
        right=check.pin.reveal() == PINS[who],
        tried_at=check.tried_at,
    )
    return town.do(verdict)


def forgets(town: Town, who: str) -> Result:
    """Somebody is forgotten as they asked."""
    return proves(town, says(town, who, "#forget", "Yes, forget me", PINS[who]), who)


def problems(town: Town) -> list[str]:
    """All that `botpay ledger verify` finds."""
    with town.database.read() as connection:
        return [problem for _, found in steps(connection, AUDIT_KEY) for problem in found]


def register(town: Town, *, approves: bool = False) -> Register:
    """The operator's side."""
    return Register(
        database=town.database,
        clock=town.clock,
        audit_key=AUDIT_KEY,
        keyring=KEYRING,
        approves=approves,
        language="en",
    )


def test_nothing_is_left_of_a_person_but_what_moved(town: Town) -> None:
    """Name, handle, words, PIN and where they wrote are gone; transfers, their owner's id and the proof are there."""
    gives_all(town, "carol")
    hash_ = town.rows("select hash from pins where person_id = :id", id=town.people["carol"].id.replace("-", ""))[0][0]
    assert says(town, "bob", "#send 5 euros @carol for nothing").outcome == "reserved"
    town.clock.move(timedelta(minutes=6))
    ((waiting,),) = town.rows("select transfer_id from challenges where state = 'open'")
    town.do(Deadline(transfer_id=str(uuid.UUID(waiting))))
    before = town.rows("select count(*), sum(amount_minor) from transfers")
    assert forgets(town, "carol").outcome == "forgotten"
    dump = dumped(town.database)
    assert not any(words in dump for words in ("Carol", "@carol", hash_))
    assert town.rows("select count(*) from handles where actor_id = 'carol'") == [(0,)]
    assert town.rows("select handle, name, person_id from identities where id = 'carol'") == [(None, None, None)]
    assert town.rows("select count(*), sum(amount_minor) from transfers") == before
    assert town.rows("select count(*) from dialogues") == [(0,)]
    assert problems(town) == []


def test_who_was_paid_by_them_reads_a_name_that_is_nobodys(town: Town) -> None:
    """The history of others keeps the sums."""
    gives_all(town, "carol")
    forgets(town, "carol")
    says(town, "bob", "#history")
    text = town.letters()[-1].outbound.text
    assert "€200.00 received from Deleted account" in text
    assert "Carol" not in text


def test_the_same_identity_may_enrol_anew_and_is_another_person(town: Town) -> None:
    """Nothing leads from the new account to the old one."""
    town.pipeline = replace(town.pipeline, terms=replace(TERMS, admission=Admission(level=Level.DEMO)))
    gives_all(town, "carol")
    forgets(town, "carol")
    (choice,) = says(town, "carol", "hello", "english", "Carol Again", "571946", "571946").works
    assert isinstance(choice, PinChoice)
    about = {"dialogue_id": choice.dialogue_id, "person_id": choice.person_id}
    assert town.do(PinHashed(**about, number=choice.number, hash="a hash")).outcome == "enrolled"
    assert choice.person_id != town.people["carol"].id
    assert says(town, "carol", "#history").outcome == "history"
    assert town.letters()[-1].outbound.text == "No payments yet."
    assert problems(town) == []


def test_money_that_is_there_or_held_is_not_left_behind(town: Town) -> None:
    """Refused with what to do, at the question and again at the end: money may have come in between."""
    assert says(town, "carol", "#forget").outcome == "money_left"
    gives_all(town, "carol")
    asked = says(town, "carol", "#forget", "Yes, forget me", PINS["carol"])
    town.pays("alice", "#send 1 euro @carol")
    assert proves(town, asked, "carol").outcome == "money_left"
    assert town.rows("select name from people where name = 'Carol'") == [("Carol",)]


def test_a_wrong_pin_forgets_nobody_and_is_counted(town: Town) -> None:
    """Whoever holds a stolen phone cannot close the account either."""
    gives_all(town, "carol")
    assert proves(town, says(town, "carol", "#forget", "Yes, forget me", "111222"), "carol").outcome == "forget_pin"
    assert town.rows("select failures from pins where failures > 0") == [(1,)]


def test_who_is_forgotten_is_not_paid_any_more(town: Town) -> None:
    """A payment that waited for its payer's PIN is given back, and the payer told."""
    gives_all(town, "carol")
    town.do(town.says("alice", "#send 10 euros @carol"))
    check = town.types_pin("alice")
    assert forgets(town, "carol").outcome == "forgotten"
    assert town.do(town.verdict(check)).outcome == "cancelled"
    assert town.counters("alice") == (300_00, 0)
    assert town.do(town.says("alice", "#send 10 euros @carol")).outcome == "unknown_payee"
    assert problems(town) == []


def test_the_operator_may_forget_who_cannot_ask_any_more(town: Town) -> None:
    """By the same rules: not with money, once, audited."""
    carol = town.people["carol"].id
    with pytest.raises(ConfigError, match="money"):
        register(town).forget(carol, "asked by letter")
    gives_all(town, "carol")
    register(town).forget(carol, "asked by letter")
    assert "Carol" not in dumped(town.database)
    assert register(town).entry(carol).standing is Standing.FORGOTTEN
    with pytest.raises(ConfigError, match="already"):
        register(town).forget(carol, "again")
    assert problems(town) == []


def test_a_lock_of_the_operators_stops_what_goes_out_and_not_what_comes_in(town: Town) -> None:
    """Refused at the command, and at a PIN whose payment was reserved before."""
    carol, desk = town.people["carol"].id, register(town)
    town.do(town.says("carol", "#send 10 euros @bob"))
    check = town.types_pin("carol")
    assert desk.lock(carol, "phone stolen")
    assert not desk.lock(carol, "twice")
    assert town.do(town.verdict(check)).outcome == "cancelled"
    assert says(town, "carol", "#send 10 euros @bob").outcome == "person_locked"
    assert town.pays("bob", "#send 10 euros @carol") == "posted"
    assert [entry.name for entry in desk.entries(Standing.LOCKED)] == ["Carol"]
    assert desk.unlock(carol, "phone found")
    assert town.pays("carol", "#send 10 euros @bob") == "posted"
    assert problems(town) == []


def test_nobody_pays_before_they_are_approved_where_that_is_asked(town: Town) -> None:
    """Approval says where they live too, and is told to the person."""
    checked = Admission(level=Level.CHECKED, countries=("FR",), terms={"en": "Be honest."})
    town.pipeline = replace(town.pipeline, terms=replace(TERMS, admission=checked))
    assert says(town, "carol", "#send 10 euros @bob").outcome == "other_country"
    desk = register(town, approves=True)
    for who in ("bob", "carol"):
        assert desk.approve(town.people[who].id, "FR", "passport seen")
    assert not desk.approve(town.people["carol"].id, "FR", "again")
    assert "approved" in town.letters()[-1].outbound.text
    assert town.pays("carol", "#send 10 euros @bob") == "posted"
    assert problems(town) == []

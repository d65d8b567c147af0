"""Between the question and the PIN something changes: what was shown is what is paid, on both databases."""

from dataclasses import replace

from sqlalchemy import text, update

from botpay.charities.store import charities, hashtags
from botpay.confirm.keypad import token
from botpay.confirm.store import challenges
from botpay.directory.store import people
from botpay.message import Flag, Inbound, Press, SecretText
from tests.conftest import DATA_KEY, GROUP, PINS, Town


def asks(place: Town, words: str) -> str:
    """Alice asks for a payment; its id."""
    place.do(place.says("alice", words))
    with place.database.read() as connection:
        found = connection.execute(challenges.select().order_by(challenges.c.created_at.desc())).first()
    assert found is not None
    return str(found.transfer_id)


def confirms(place: Town) -> str:
    """Alice enters her PIN; what became of it."""
    return place.do(place.verdict(place.types_pin("alice"))).outcome


def taps(place: Town, who: str, data: str) -> Inbound:
    """Somebody presses a button, or says that they did."""
    return replace(place.says(who, "", private=True), text=SecretText(), press=Press(data))


def change(place: Town, statement: object) -> None:
    """A row changes while the payment waits."""
    with place.database.write() as connection:
        assert connection.execute(statement).rowcount == 1  # type: ignore[call-overload]


def test_an_edit_of_the_command_changes_nothing(place: Town) -> None:
    """Whoever edits amount or payee after the question pays what the question showed, and is told so."""
    asks(place, "#send 10 euros @bob")
    for words in ("#send 200 euros @bob", "#send 10 euros @carol"):
        edited = replace(place.says("alice", words), flags=frozenset({Flag.EDITED}))
        assert place.do(edited).outcome == "edited"
    assert confirms(place) == "posted"
    assert [place.counters(who)[0] for who in PINS] == [290_00, 310_00, 300_00]


def test_a_payee_who_takes_another_name_or_handle_gains_nothing(place: Town) -> None:
    """The person behind the id that was shown is paid, whatever they or others are called by now."""
    asks(place, "#send 10 euros @bob")
    carol = place.says("carol", "hello")
    assert carol.author is not None
    place.do(replace(carol, author=replace(carol.author, handle="bob", name="Bob")))
    assert confirms(place) == "posted"
    assert [place.counters(who)[0] for who in PINS] == [290_00, 310_00, 300_00]
    assert "Bob (@bob)" in place.letters()[-2].outbound.text


def test_a_hashtag_that_leads_elsewhere_by_now_moves_no_gift(place: Town) -> None:
    """A gift goes to the charity that was shown, though its hashtag was given to another one before the PIN."""
    asks(place, "#donate 20 euros #eaupourtous")
    other = place.enrolment.add_charity("Fondation Mallory", "mallory")
    change(place, update(hashtags).where(hashtags.c.tag == "eaupourtous").values(charity_id=other.id))
    assert confirms(place) == "posted"
    assert place.counters(place.charity.id) == (20_00, 0)
    change(place, update(hashtags).where(hashtags.c.tag == "eaupourtous").values(charity_id=place.charity.id))


def test_a_charity_that_was_renamed_is_called_as_it_was_shown(place: Town) -> None:
    """What is told of a gift names the charity as its giver was shown it."""
    asks(place, "#donate 20 euros #eaupourtous")
    change(place, update(charities).where(charities.c.id == place.charity.id).values(name="Fondation Mallory"))
    assert confirms(place) == "posted"
    said = place.letters()[-1].outbound.text
    assert "Eau pour tous" in said
    assert "Mallory" not in said
    change(place, update(charities).where(charities.c.id == place.charity.id).values(name=place.charity.name))


def test_the_name_in_the_books_does_not_redirect_a_payment(place: Town) -> None:
    """Who can write names into the database changes whom nobody pays: the question names the payee by id."""
    asks(place, "#send 10 euros @bob")
    change(place, update(people).where(people.c.id == place.people["carol"].id).values(name="Bob"))
    assert confirms(place) == "posted"
    assert place.counters("bob")[0] == 310_00
    change(place, update(people).where(people.c.id == place.people["carol"].id).values(name="Carol"))


def test_another_member_presses_in_vain(place: Town) -> None:
    """Nobody but the sender enters digits or cancels, whatever button they hold, and no try is used up."""
    transfer = asks(place, "#send 10 euros @bob")
    for who in ("bob", "carol"):
        for key in (*"0123456789", "cancel", "erase"):
            assert place.do(taps(place, who, token(DATA_KEY, transfer, key))).outcome == "ignored"
    with place.database.read() as connection:
        assert connection.execute(text("select state, tries from challenges where entry is null")).all() == [
            ("open", 0)
        ]


def test_the_sender_pressing_a_forged_button_changes_nothing(place: Town) -> None:
    """A token that is not ours, of another payment or of none, is ignored also when its sender presses it."""
    transfer = asks(place, "#send 10 euros @bob")
    right = token(DATA_KEY, transfer, "4")
    for forged in ("4", transfer, f"{transfer}:4", right[:-1], f"{right}x", token(b"x" * 32, transfer, "4")):
        assert place.do(taps(place, "alice", forged)).outcome == "ignored"
    assert place.do(taps(place, "alice", right)).outcome == "key"


def test_a_press_that_is_replayed_counts_once(place: Town) -> None:
    """The same press delivered again, even after the end, is a duplicate and enters no digit."""
    transfer = asks(place, "#send 10 euros @bob")
    press = taps(place, "alice", token(DATA_KEY, transfer, "4"))
    assert [place.do(press).outcome for _ in range(3)] == ["key", "duplicate", "duplicate"]
    assert place.do(place.says("alice", "#cancel")).outcome == "cancelled"
    assert place.do(taps(place, "alice", token(DATA_KEY, transfer, "4"))).outcome == "already_voided"
    assert place.counters("alice") == (300_00, 0)


def test_a_pin_in_the_group_is_not_used(place: Town) -> None:
    """A PIN that all can read confirms nothing and costs no try; its owner is told in private to change it."""
    asks(place, "#send 10 euros @bob")
    assert place.do(place.says("alice", PINS["alice"])).outcome == "pin_public"
    told = place.letters()[-1].outbound
    assert (told.to, told.chat) == ("alice", GROUP)
    assert "#pin" in told.text
    with place.database.read() as connection:
        assert connection.execute(text("select state, tries from challenges")).all() == [("open", 0)]

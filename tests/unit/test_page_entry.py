"""What is entered on a payment's page: by the same rules as on keys, and by the newest link alone."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from botpay.confirm import link
from botpay.confirm.guessing import Bearable
from botpay.handlers.world import PageEntry
from botpay.message import Capabilities, SecretText
from tests.conftest import ADAPTER, PINS, Town

SECRET = b"l" * 32
Enter = Callable[..., PageEntry]


@pytest.fixture
def town(town: Town) -> Town:
    """A town with pages; its platform has buttons that open them."""
    terms = replace(
        town.pipeline.terms,
        public_url="https://pay.example.org",
        link_secret=SECRET,
        capabilities={ADAPTER: Capabilities(typed_pin=True, url_buttons=True)},
    )
    town.pipeline = replace(town.pipeline, terms=terms)
    return town


@pytest.fixture
def enter(town: Town) -> Enter:
    """Alice's payment to Bob, asked of her; what she then enters on its page."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    ((transfer, linked),) = town.rows("select transfer_id, link from challenges")
    entry = PageEntry(
        transfer_id=f"{transfer[:8]}-{transfer[8:12]}-{transfer[12:16]}-{transfer[16:20]}-{transfer[20:]}",
        person_id=town.people["alice"].id,
        link=linked,
        number=1,
        pin=SecretText(PINS["alice"]),
    )
    return lambda **other: replace(entry, **other)


def test_a_pin_on_the_page_pays(town: Town, enter: Enter) -> None:
    """A PIN entered on the page is counted, checked and posts, as one entered on keys does."""
    (check,) = town.do(enter()).checks
    assert town.counters("alice") == (300_00, 10_00)
    assert town.do(town.verdict(check)).outcome == "posted"
    assert (town.counters("alice"), town.counters("bob")) == ((290_00, 0), (310_00, 0))
    assert town.problems() == []


def test_what_is_entered_twice_is_one_try(town: Town, enter: Enter) -> None:
    """A form that is sent twice, in one batch or later, is one try; so is the page of another tab."""
    wrong = enter(pin=SecretText("918273"))
    tried, again = town.process(wrong, replace(wrong))
    assert (tried.outcome, again.outcome) == ("pin_tried", "duplicate")
    assert town.do(enter(number=2)).outcome == "still_checking"
    assert town.do(town.verdict(tried.checks[0])).outcome == "wrong_pin"
    assert town.do(enter(pin=SecretText("111213"))).outcome == "duplicate"
    assert town.do(enter(number=3)).outcome == "page_out_of_date"
    assert town.rows("select tries from challenges") == [(1,)]


def test_another_link_has_no_effect(town: Town, enter: Enter) -> None:
    """Neither a made-up link nor one of another transfer enters a PIN or calls the payment off."""
    for forged in (link.hash_of("x" * 32), b"", enter().link[:-1]):
        for pin in (SecretText(PINS["alice"]), None):
            assert town.do(enter(link=forged, pin=pin)).outcome == "ignored"
    town.do(town.says("bob", "#send 20 euros @carol"))
    ((bobs,),) = town.rows("select link from challenges where amount_minor = 2000")
    assert town.do(enter(link=bobs)).outcome == "ignored"
    assert town.rows("select tries, state from challenges where amount_minor = 1000") == [(0, "open")]


def test_the_link_of_an_earlier_message_is_worth_nothing(town: Town, enter: Enter) -> None:
    """When the question is put again it has another link, and the earlier one no longer answers it."""
    old = enter()
    town.do(town.says("alice", "#help", private=True))
    ((new,),) = town.rows("select link from challenges")
    assert new != old.link
    assert town.do(old).outcome == "ignored"
    assert town.do(enter(link=new)).outcome == "pin_tried"


def test_calling_off_on_the_page_gives_the_money_back(town: Town, enter: Enter) -> None:
    """The page's cancel releases the hold, once; a PIN that comes after it moves nothing."""
    assert town.do(enter(pin=None)).outcome == "cancelled"
    assert town.do(enter()).outcome == "already_voided"
    assert town.counters("alice") == (300_00, 0)
    assert town.problems() == []


def test_the_page_is_as_late_as_the_clock_says(town: Town, enter: Enter) -> None:
    """From the instant at which the payment expires neither a PIN nor a cancel is taken; the hold is released."""
    town.clock.move(town.pipeline.terms.caps.confirm_within)
    assert town.do(enter()).outcome == "expired"
    assert town.do(enter(pin=None)).outcome == "already_expired"
    assert town.counters("alice") == (300_00, 0)


def test_the_table_keeps_the_hash_alone(town: Town, enter: Enter) -> None:
    """What stands in the table of challenges is the SHA-256 of the token, whatever the prompt shows."""
    ((prompt,),) = town.rows("select prompt_id from challenges")
    prompt_id = f"{prompt[:8]}-{prompt[8:12]}-{prompt[12:16]}-{prompt[16:20]}-{prompt[20:]}"
    token = link.token(SECRET, enter().transfer_id, town.people["alice"].id, prompt_id)
    assert len(token) == 32
    assert link.hash_of(token) == enter().link
    assert token not in str(town.rows("select * from challenges"))
    for other in ((b"m" * 32, prompt_id), (SECRET, town.people["bob"].id)):
        assert link.token(other[0], enter().transfer_id, town.people["alice"].id, other[1]) != token


def test_neither_pin_nor_link_is_in_a_repr(enter: Enter) -> None:
    """An entry says whose and which try it is, and nothing that lets anybody in."""
    entry = enter()
    assert PINS["alice"] not in repr(entry)
    assert repr(entry.link) not in repr(entry)
    assert PINS["alice"] not in entry.source


def test_without_a_public_address_there_is_no_link(town: Town) -> None:
    """An installation without pages shows none, and its challenges are open to no link."""
    town.pipeline = replace(town.pipeline, terms=replace(town.pipeline.terms, public_url=None))
    town.do(town.says("alice", "#send 10 euros @bob"))
    assert town.rows("select link from challenges") == [(None,)]


def test_a_pin_that_was_not_read_can_be_sent_again_from_the_same_page(town: Town, enter: Enter) -> None:
    """While a person has to wait, or too many others guess, a form is not marked as done: sent later, it pays."""
    for number in (1, 2):
        (check,) = town.do(enter(number=number, pin=SecretText("918273"))).checks
        town.do(town.verdict(check))
    third = enter(number=3)
    for terms, code in ((Bearable(per_minute=2), "pins_paused"), (Bearable(per_person_per_day=2), "too_many_today")):
        town.pipeline = replace(town.pipeline, terms=replace(town.pipeline.terms, bearable=terms))
        assert town.do(third).outcome == code
    town.pipeline = replace(town.pipeline, terms=replace(town.pipeline.terms, bearable=Bearable()))
    (check,) = town.do(third).checks
    assert town.do(town.verdict(check)).outcome == "posted"

"""A card's number typed in chat buys nothing, reaches nobody and is kept nowhere; who typed it is told."""

from dataclasses import replace
from itertools import product

import pytest
from sqlalchemy import func, select

from botpay.dead_letters import DeadLetters
from botpay.errors import LedgerFault
from botpay.message import Capabilities, Flag, Inbound
from botpay.outbox.store import outbound
from botpay.policy import Admission, Level
from tests.conftest import ADAPTER, KEYRING, PINS, TERMS, Town, actor
from tests.dumps import dumped, opened

CARD = "4111 1111 1111 1111"
SCRIPTS = [CARD, CARD.replace(" ", ""), CARD.replace(" ", "-"), "٤١١١١١١١١١١١١١١١", "4111 1111 1111 1111"]

WORDS = ["#send 10 euros @bob for {}", "#send {} @bob", "{}", "#balance {}"]


def kept(town: Town) -> str:
    """All that the database holds, sealed values opened, with the digits of all scripts as ASCII and no spaces."""
    whole = " ".join([dumped(town.database), *opened(town.database, KEYRING)])
    return "".join(str(int(char)) if char.isdecimal() else char for char in whole if char not in " -\u202f")


def test_nothing_is_done_and_nothing_kept(place: Town) -> None:
    """Wherever and behind whatever it is written, a card's number is refused, and no digit of it is kept."""
    for card, words, private in product(SCRIPTS, WORDS, (True, False)):
        result = place.do(place.says("alice", words.format(card), private=private))
        assert result.outcome == "card_number", (card, words)
    with place.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(outbound)).scalar() == len(SCRIPTS) * len(WORDS) * 2
    assert {letter.outbound.to for letter in place.letters()} == {"alice"}
    assert all("card number" in letter.outbound.text for letter in place.letters())
    assert "11111111" not in kept(place)
    assert place.counters("alice") == (300_00, 0)


def test_it_is_taken_away_where_the_platform_can(town: Town) -> None:
    """The message goes, where the bot may delete; elsewhere its author is told to do it."""
    able = Capabilities(typed_pin=True, delete_incoming=True)
    town.pipeline = replace(town.pipeline, terms=replace(TERMS, capabilities={ADAPTER: able}))
    for flags in (frozenset[Flag](), frozenset({Flag.EDITED})):
        message = replace(town.says("alice", CARD), message_ref="m1", flags=flags)
        assert town.do(message).outcome == "card_number"
    assert [letter.outbound.deletes for letter in town.letters()] == ["m1", None] * 2


def test_a_payment_that_waits_is_not_confirmed_by_one(town: Town) -> None:
    """A card's number while a payment waits is no PIN, and neither ends the payment nor costs a try."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    assert town.do(town.says("alice", CARD, private=True)).outcome == "card_number"
    assert town.rows("select state, tries from challenges") == [("open", 0)]
    assert town.do(town.verdict(town.types_pin("alice"))).outcome == "posted"


def test_what_strangers_say_among_themselves_is_none_of_ours(town: Town) -> None:
    """A stranger's words in a group, no command, are passed over as all chatter is; in private the bot says why."""
    eve = actor("eve")

    def says(words: str, *, private: bool = False) -> Inbound:
        return replace(town.says("alice", words, private=private), author=eve)

    assert town.do(says(f"my card is {CARD}")).outcome == "ignored"
    assert town.do(says(f"#send 5 euros @bob {CARD}")).outcome == "card_number"
    assert town.do(says(CARD, private=True)).outcome == "card_number"
    forwarded = replace(says(CARD, private=True), flags=frozenset({Flag.FORWARDED}))
    assert town.do(forwarded).outcome == "ignored"


@pytest.mark.parametrize("words", [f"#send 10 {CARD} @bob", PINS["alice"], f"my PIN is {PINS['alice']}!"])
def test_it_is_not_even_buried(place: Town, words: str) -> None:
    """A message that a fault of ours keeps from being handled is kept without the card's number, or the PIN."""
    DeadLetters(place.database, place.clock, KEYRING, "en").keep(place.says("alice", words), LedgerFault("x"))
    whole = kept(place)
    assert "LedgerFault" in whole
    assert "11111111" not in whole
    assert PINS["alice"] not in whole


def test_a_dialogue_takes_none_for_an_answer(town: Town) -> None:
    """Who is asked for a name and answers with a card's number is told, and asked still."""
    town.pipeline = replace(town.pipeline, terms=replace(TERMS, admission=Admission(level=Level.DEMO)))
    for words in ("hello", "english"):
        town.do(replace(town.says("dave", words, private=True), author=actor("dave")))
    assert town.do(town.says("dave", CARD, private=True)).outcome == "card_number"
    assert "11111111" not in kept(town)

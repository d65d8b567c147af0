"""Card numbers are found however they are typed, and other long numbers are left alone."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botpay.cards import has_card, without_cards

# Numbers that the networks publish for tests; they belong to nobody.
CARDS = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "4111 1111 1111 1111",
    "4111 – 1111 – 1111 – 1111",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "3782 822463 10005",
    "3056 930902 5904",
    "6011111111111117",
    "3530111333300000",
    "6200000000000005",
    "6759649826438453",
    "٤١١١١١١١١١١١١١١١",
    "४१११ ११११ ११११ ११११",
    "4111 1111 1111 1111",
]
OTHERS = [
    "4111111111111112",  # the check digit is wrong
    "411111111111111",  # too short for its network
    "41111111111111111111",  # twenty digits
    "+49 1512 3456 7891 234",
    "+4111111111111111",
    "FR14 2004 1010 0505 0001 3M02 606",
    "DE89 3704 0044 0532 0130 00",
    "NL91 ABNA 0417 1643 00",
    "DE89370400440532013000",
    "1234567890123456789",  # an id of a message
    "175928847299117063",
    "1735689600000",
    "73282932000074",  # SIRET: its check digit is made in the same way
    "38012986648625",
    "380 129 866 48625",
    "490154203237518",  # IMEI: likewise
    "06 12 34 56 78, 06 98 76 54 32",
    "facture 2026-01-05-000123",
    "x4111111111111111",  # part of a name
    "10 000 000 000 €",
    "",
]


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize(
    "around", ["{}", "#send 10 euros @bob for {}", "#send 10 {} @bob", "my card: {}, thanks", "({})."]
)
def test_a_card_is_found(card: str, around: str) -> None:
    """The networks' numbers are found alone and among words, in groups, with any dash, space or script's digits."""
    text = around.format(card)
    assert has_card(text)
    hidden = without_cards(text)
    assert not has_card(hidden)
    assert "••••" in hidden
    assert sum(char.isdecimal() for char in hidden) <= 2


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("around", ["{}", "#send 10 euros @bob for {}"])
def test_another_number_is_left_alone(other: str, around: str) -> None:
    """Phone numbers, IBANs, ids, invoices and numbers with a wrong check digit are no cards."""
    text = around.format(other)
    assert not has_card(text)
    assert without_cards(text) == text


def test_an_odd_grouping_counts_where_it_stands_alone() -> None:
    """Grouped as no card is, digits are a card's only with no other number beside them: they might be anything."""
    assert has_card("my card is 41 11 11 11 11 11 11 11")
    assert not has_card("5 41 11 11 11 11 11 11 11")


def test_a_flood_of_digits_is_looked_through_quickly() -> None:
    """The longest message of single digits takes milliseconds."""
    began = time.perf_counter()
    has_card("1 " * 4_000)
    assert time.perf_counter() - began < 2  # 0.1 s on a machine that does nothing else


@given(st.text())
def test_whatever_is_typed_can_be_looked_through(text: str) -> None:
    """No text is too odd to be looked through, and what was hidden stays hidden."""
    assert not has_card(without_cards(text))


@given(st.text("0123456789 -", max_size=60))
def test_numbers_of_any_kind_can_be_looked_through(text: str) -> None:
    """However digits, spaces and dashes follow each other, no card is left."""
    assert not has_card(without_cards(text))

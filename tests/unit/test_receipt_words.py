"""Amounts in French words, held against a library made for that."""

import pytest
from num2words import num2words

from botpay.money import Money
from botpay.receipts.words import in_words


def independent(minor: int) -> str:
    """What the library makes of it."""
    euros, cents = divmod(minor, 100)
    parts = [f"{num2words(euros, lang='fr')} euro{'s' if euros > 1 else ''}"] if euros or not cents else []
    return " et ".join(
        [*parts, *([f"{num2words(cents, lang='fr')} centime{'s' if cents > 1 else ''}"] if cents else [])]
    )


def test_every_amount_up_to_the_cap_is_written_as_the_library_does() -> None:
    """From nothing to 500.00 euros, every cent."""
    assert [m for m in range(50_001) if in_words(Money(m)) != independent(m)] == []


def test_larger_amounts_too() -> None:
    """Whole euros up to a million, every 97th."""
    assert [e for e in range(0, 1_000_000, 97) if in_words(Money(e * 100)) != independent(e * 100)] == []


@pytest.mark.parametrize(
    ("minor", "words"),
    [
        (1, "un centime"),
        (100, "un euro"),
        (8000, "quatre-vingts euros"),
        (8180, "quatre-vingt-un euros et quatre-vingts centimes"),
        (7100, "soixante et onze euros"),
        (20_000, "deux cents euros"),
        (20_199, "deux cent un euros et quatre-vingt-dix-neuf centimes"),
        (50_000, "cinq cents euros"),
        (8_000_000, "quatre-vingt mille euros"),
    ],
)
def test_the_hard_ones(minor: int, words: str) -> None:
    """Plurals, hyphens and "et" where school put them."""
    assert in_words(Money(minor)) == words


def test_what_no_receipt_is_about_is_refused() -> None:
    """A million and more is not written."""
    with pytest.raises(ValueError, match="only amounts in euros"):
        in_words(Money(100_000_000))

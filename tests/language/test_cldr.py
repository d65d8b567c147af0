"""Money as CLDR's locales write it: each amount is read exactly or refused, and never read as another."""

from decimal import Decimal

import pytest
from babel import Locale

from botpay.parsing import Context
from tests.language.cldr import AMOUNTS, NO_CAP, OTHERS, SPOKEN, read_back, ways_to_write


@pytest.mark.parametrize("name", SPOKEN + OTHERS)
def test_an_amount_is_read_exactly_or_refused(name: str) -> None:
    """However a locale of CLDR writes an amount, it is read as that amount or not at all."""
    for amount in map(Decimal, AMOUNTS):
        for written in set(ways_to_write(amount, Locale.parse(name))):
            assert set(read_back(written, NO_CAP)) <= {int(amount * 100)}, written


@pytest.mark.parametrize("name", SPOKEN)
def test_the_languages_that_botpay_speaks_are_understood(name: str) -> None:
    """Every standard way to write an amount below the cap in the languages of `botpay/words` is understood."""
    for amount in map(Decimal, AMOUNTS[:8]):
        for written in set(ways_to_write(amount, Locale.parse(name))):
            assert read_back(written, Context()) == [int(amount * 100)] * 2, written

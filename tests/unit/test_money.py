"""Digits become money in one place, exactly or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botpay.errors import Code
from botpay.money import Money, from_digits, from_minor_digits, from_number, with_cents

CLEAR = {
    "10": 10_00,
    "0": 0,
    "0.05": 5,
    "10,5": 10_50,
    "10.50": 10_50,
    "1 234": 1234_00,
    "1\u00a0234,56": 1234_56,
    "1\u202f234,56": 1234_56,
    "1\u2009234.56": 1234_56,
    "1'234.56": 1234_56,
    "1\u2019234,5": 1234_50,
    "1.234,56": 1234_56,
    "1,234.56": 1234_56,
    "1.234.567": 1234567_00,
    "12,345,678.9": 12345678_90,
    "1234,56": 1234_56,
    "999999999999999": 999999999999999_00,
}
UNCLEAR = {
    "1.234": Code.AMBIGUOUS_AMOUNT,
    "999,999": Code.AMBIGUOUS_AMOUNT,
    "10.000": Code.AMBIGUOUS_AMOUNT,
    "0.123": Code.TOO_MANY_DECIMALS,
    "1234.567": Code.TOO_MANY_DECIMALS,
    "10,1234": Code.TOO_MANY_DECIMALS,
    "1.234,567": Code.TOO_MANY_DECIMALS,
    "1.23,45": Code.BAD_AMOUNT,
    "1 23": Code.BAD_AMOUNT,
    "1.234.56": Code.BAD_AMOUNT,
    "1,23,456.78": Code.BAD_AMOUNT,
    "1234.567,89": Code.BAD_AMOUNT,
    "1 234'567": Code.BAD_AMOUNT,
    "010": Code.BAD_AMOUNT,
    "00": Code.BAD_AMOUNT,
    "0 123": Code.BAD_AMOUNT,
    ".5": Code.BAD_AMOUNT,
    "5.": Code.BAD_AMOUNT,
    "1..5": Code.BAD_AMOUNT,
    "": Code.BAD_AMOUNT,
    "-5": Code.BAD_AMOUNT,
    "1e3": Code.BAD_AMOUNT,
    "1_000": Code.BAD_AMOUNT,
    "NaN": Code.BAD_AMOUNT,
    "１０": Code.BAD_AMOUNT,
    "١٠": Code.BAD_AMOUNT,
    "²": Code.BAD_AMOUNT,
    "9999999999999999": Code.LIMIT_EXCEEDED,
}


@pytest.mark.parametrize(("written", "minor"), CLEAR.items())
def test_clear_digits_are_exact_money(written: str, minor: int) -> None:
    """What can be read in one way only is read, to the cent."""
    assert from_digits(written) == Money(minor)


@pytest.mark.parametrize(("written", "code"), UNCLEAR.items())
def test_unclear_digits_are_refused_with_their_reason(written: str, code: Code) -> None:
    """What can be read in two ways, or in none, is refused and says why."""
    assert from_digits(written) is code


@given(st.integers(0, 10**9), st.sampled_from([" ", "\u00a0", "\u202f", "'", ".", ","]), st.sampled_from(".,"))
def test_every_grouping_reads_back(minor: int, group: str, point: str) -> None:
    """An amount with two decimals reads back whatever its group mark, as long as the two marks differ."""
    whole, cents = divmod(minor, 100)
    written = f"{whole:,}".replace(",", group if group != point else " ") + f"{point}{cents:02d}"
    assert from_digits(written) == Money(minor)


@given(st.text(alphabet="0123456789., '\u00a0_-eE+", max_size=12))
def test_whatever_is_written_no_digit_is_lost(written: str) -> None:
    """If digits become money at all, they are all in it, in their order, and nothing was rounded."""
    found = from_digits(written)
    if isinstance(found, Money):
        digits = "".join(char for char in written if char.isdigit())
        assert str(found.minor).rstrip("0") == digits.lstrip("0").rstrip("0")


def test_euros_and_cents_are_one_amount() -> None:
    """Ten euros and fifty cents are 10.50; a hundred cents, or cents upon cents, are no second part."""
    assert with_cents(Money(10_00), Money(50)) == Money(10_50)
    assert with_cents(Money(10_00), Money(0)) == Money(10_00)
    assert with_cents(Money(10_00), Money(100)) is Code.BAD_AMOUNT
    assert with_cents(Money(10_50), Money(20)) is Code.BAD_AMOUNT


def test_minor_units_are_whole() -> None:
    """A number of cents has no decimals, no groups and no leading zero."""
    assert from_minor_digits("50") == Money(50)
    assert from_minor_digits("150") == Money(150)
    for written in ("0,5", "1 000", "050", "", "٥"):
        assert from_minor_digits(written) is Code.BAD_AMOUNT
    assert from_minor_digits("9" * 16) is Code.LIMIT_EXCEEDED


def test_a_number_in_words_is_whole_units() -> None:
    """Number words count euros."""
    assert from_number(25) == Money(25_00)


def test_money_is_a_natural_number_of_a_known_currency() -> None:
    """No money is negative, a fraction, a truth value, or in a currency that botpay does not know."""
    for minor in (-1, 1.5, True, "1"):
        with pytest.raises(ValueError, match="whole number"):
            Money(minor)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown currency"):
        Money(1, "XYZ")


def test_a_decimal_string_has_all_digits_of_its_currency() -> None:
    """Scripts get "10.50", never "10.5"."""
    assert Money(10_50).to_decimal_string() == "10.50"
    assert Money(5).to_decimal_string() == "0.05"
    assert Money(0).to_decimal_string() == "0.00"

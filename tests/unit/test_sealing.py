"""Sealing: what is sealed is not readable, and opens only unchanged, in its place, with its key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botpay.errors import LedgerFault
from botpay.sealing import seal, unseal

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
PLACE = "challenges|1|entry"


@given(st.text())
def test_what_is_sealed_opens_in_its_place(text: str) -> None:
    """A sealed text opens again with its key in its place."""
    assert unseal(KEY, PLACE, seal(KEY, PLACE, text)) == text


def test_a_sealed_text_cannot_be_read() -> None:
    """The text does not stand in its sealed form, and sealing it twice does not show that it is the same."""
    first, second = seal(KEY, PLACE, "482915"), seal(KEY, PLACE, "482915")
    assert b"482915" not in first
    assert first != second


def test_a_moved_value_does_not_open() -> None:
    """A value moved to another row or column is refused."""
    sealed = seal(KEY, PLACE, "4829")
    for elsewhere in ("challenges|2|entry", "challenges|1|memo", ""):
        with pytest.raises(LedgerFault, match="cannot be opened"):
            unseal(KEY, elsewhere, sealed)


@given(st.integers(0, 12 + 4 + 16 - 1), st.integers(1, 255))
def test_a_changed_value_does_not_open(at: int, flip: int) -> None:
    """A value of which any byte was changed is refused: nonce, ciphertext or tag."""
    sealed = bytearray(seal(KEY, PLACE, "4829"))
    sealed[at] ^= flip
    with pytest.raises(LedgerFault):
        unseal(KEY, PLACE, bytes(sealed))


@pytest.mark.parametrize("length", [0, 1, 11, 12, 27, 31])
def test_a_truncated_value_does_not_open(length: int) -> None:
    """A value cut short is refused as a changed one, not with another exception."""
    with pytest.raises(LedgerFault):
        unseal(KEY, PLACE, seal(KEY, PLACE, "4829")[:length])


def test_another_key_does_not_open() -> None:
    """A value sealed with another key is refused, and the refusal names the place but not the text."""
    with pytest.raises(LedgerFault) as refused:
        unseal(OTHER_KEY, PLACE, seal(KEY, PLACE, "4829"))
    assert PLACE in str(refused.value)
    assert "4829" not in str(refused.value)
    assert refused.value.__cause__ is None

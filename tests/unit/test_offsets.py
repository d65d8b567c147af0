"""Places in a text, whatever a platform counts."""

import pytest

from botpay.adapters.offsets import from_utf8, from_utf16

TEXT = "💶 é @bob"


def test_places_are_counted_in_code_points() -> None:
    """The same place, however it was counted."""
    place = TEXT.index("@")
    assert from_utf16(TEXT, len(TEXT[:place].encode("utf-16-le")) // 2) == place
    assert from_utf8(TEXT, len(TEXT[:place].encode())) == place
    assert (from_utf16(TEXT, 0), from_utf8("", 0)) == (0, 0)


@pytest.mark.parametrize("place", [-1, 1, 99])
def test_a_place_that_is_none_is_refused(place: int) -> None:
    """Before the text, after it, or in the middle of a character."""
    for count in (from_utf16, from_utf8):
        with pytest.raises(ValueError, match=r"outside the text|can't decode"):
            count(TEXT, place)

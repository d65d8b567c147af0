"""Places in a text: platforms count UTF-16 units or bytes, an envelope counts code points.

"💶 @bob" has its mention at 2 in code points, at 3 in UTF-16 and at 5 in UTF-8.
"""


def from_utf16(text: str, place: int) -> int:
    """A place counted in UTF-16 units (JavaScript, Java, Telegram), in code points."""
    return _code_points(text, "utf-16-le", 2 * place)


def from_utf8(text: str, place: int) -> int:
    """A place counted in bytes of UTF-8 (Go, Rust, Bluesky), in code points."""
    return _code_points(text, "utf-8", place)


def _code_points(text: str, encoding: str, size: int) -> int:
    """Raises `ValueError` for a place before the text, after it, or in the middle of a character."""
    encoded = text.encode(encoding)
    if not 0 <= size <= len(encoded):
        raise ValueError("a place outside the text")
    return len(encoded[:size].decode(encoding))

"""Hashtags that nobody can take for another: which may be registered, and what they look like. Pure.

A look-alike hashtag is the cheapest fraud there is, so a tag is registered only if it looks like no other. Two things
make that simple enough to be sure of. Tags are of Latin letters, ASCII digits and "_": a Cyrillic or Greek letter that
looks Latin is refused outright, so no table of all the world's look-alikes (Unicode's confusables.txt, UTS 39) is
needed, nor a current one. And what looks alike within Latin is written here: accents, letters drawn like digits, pairs
that run into one.
"""

import unicodedata
from datetime import timedelta

from botpay.errors import ConfigError

LONGEST_TAG = 50
WAITS = timedelta(hours=24)
"""How long another hashtag of a charity that is there already waits before it leads to it: time to notice."""
RESTS = timedelta(days=30)
"""How long a hashtag that was given up leads to nobody before another charity may have it."""

_DRAWN_ALIKE = str.maketrans(
    {
        **dict.fromkeys("1ıiłľ|", "l"),
        **dict.fromkeys("0øœ", "o"),
        "5": "s",
        "ß": "s",
        "2": "z",
        "8": "b",
        "6": "b",
        "9": "g",
        "q": "g",
        "_": "",
        "æ": "ae",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ŧ": "t",
        "þ": "p",
        "ŋ": "n",
    }
)
_RUN_TOGETHER = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("ll", "l"))


def checked_tag(tag: str) -> str:
    """A normalised tag that may be registered. Raises `ConfigError` that says what is wrong with any other."""
    if not tag or len(tag) > LONGEST_TAG:
        raise ConfigError(f"a hashtag has 1 to {LONGEST_TAG} characters")
    if wrong := next((char for char in tag if not _is_plain(char)), None):
        name = unicodedata.name(wrong, "a character without a name").lower()
        raise ConfigError(f"#{tag} holds {wrong!r} ({name}): Latin letters, digits 0 to 9 and _ only")
    if not any(char.isalpha() for char in tag):
        raise ConfigError(f"#{tag} has no letter: people could not tell it from a number")
    return tag


def skeleton(tag: str) -> str:
    """What a normalised tag looks like at a glance: two tags with one skeleton are look-alikes.

    It has the manner of UTS 39's skeletons, for Latin alone, and is stricter: accents do not count.
    """
    bare = "".join(char for char in unicodedata.normalize("NFKD", tag) if not unicodedata.combining(char))
    drawn = bare.casefold().translate(_DRAWN_ALIKE)
    for pair, one in _RUN_TOGETHER:
        while pair in drawn:
            drawn = drawn.replace(pair, one)
    return drawn


def _is_plain(char: str) -> bool:
    latin = char.isalpha() and unicodedata.name(char, "").startswith("LATIN SMALL ")
    return latin or char in "0123456789_"

"""The fewest words that pay: "10 € ana", where only a payment can be meant, as behind a bot's name in inline mode."""

import re
from collections.abc import Collection, Iterator

from botpay.commands import Donate, SendMoney
from botpay.parsing.context import Context, Reading
from botpay.parsing.reader import read

_NAME = re.compile(r"(?<![\w@#/.,])@?([A-Za-z0-9_]{2,32})(?![\w@.])")
_VERB = "#send"


def names_in(text: str) -> frozenset[str]:
    """The words of a text that could name somebody, folded, whether "@" stands before them or not."""
    return frozenset(found[1].casefold() for found in _NAME.finditer(text))


def read_brief(text: str, context: Context, known: Collection[str]) -> Reading:
    """What a text means if it is to pay: the verb may be left out, and so may "@" before a name that is known.

    A name without "@" counts only if it is the one word of the text that somebody known bears.

    Args:
        known: the folded names of those who can be paid.
    """
    bare = [found.start() for found in _NAME.finditer(text) if found[0][0] != "@" and found[1].casefold() in known]
    named = f"{text[: bare[0]]}@{text[bare[0] :]}" if len(bare) == 1 else text
    readings = list(_readings((text, named, f"{_VERB} {text}", f"{_VERB} {named}"), context))
    return next((reading for reading in readings if isinstance(reading.meaning, SendMoney | Donate)), readings[-1])


def _readings(texts: tuple[str, ...], context: Context) -> Iterator[Reading]:
    return (read(text, context) for text in dict.fromkeys(texts))

"""What people ask about their own account: `#pin`, `#lier`, ... Such a message holds nothing else.

A message with anything more in it is read as any other: "#link" may stand in any talk.
"""

import re

from botpay.commands import ChangePin, Command, ForgetMe, ForgotPin, LinkMe, ShowProfile, ShowReceipts, UnlinkMe
from botpay.parsing.context import Context, Reading
from botpay.parsing.vocabulary import fold, vocabulary

_SIGNED = re.compile(r"[#/＃]\s?")
_CODE = re.compile(r"[B-DF-HJ-NP-TV-XZ]{10}")  # as `botpay.directory.linking` makes them
_CODE_IN_PRIVATE = re.compile(r"[A-Z]{6,14}")  # mistyped, it is still one: it is answered as such
_MOST_WORDS = 8


def read_own(text: str, context: Context) -> Reading | None:
    """The request that a message is; None if it is none."""
    words = text.split(maxsplit=_MOST_WORDS)
    named = len(words) > 1 and words[0].startswith("@") and _is_us(words[0][1:], context)
    said = " ".join(words[1:] if named else words)
    sign = _SIGNED.match(said)
    if not said or not (sign or named or context.private) or len(words) > _MOST_WORDS:
        return None
    first, *rest = said[sign.end() :].split() if sign else said.split()
    command, at, bot = first.partition("@")
    if at and not _is_us(bot, context):
        return None
    return _asked([fold(command), *rest], _CODE_IN_PRIVATE if context.private else _CODE)


def _asked(words: list[str], is_code: re.Pattern[str]) -> Reading | None:
    """The longest request that these words begin with; behind it a code may stand, if it takes one."""
    for length in range(len(words), 0, -1):
        found = vocabulary().own.get(" ".join(map(fold, words[:length])))
        if found is not None:
            code = "".join(words[length:]).upper()
            command = _command(found[0], code) if not code or is_code.fullmatch(code) else None
            return Reading(command, found[1]) if command else None
    return None


def _command(kind: str, code: str) -> Command | None:
    if kind == "link":
        return LinkMe(code)
    return None if code else _PLAIN[kind]


def _is_us(name: str, context: Context) -> bool:
    return name.rstrip(":,").casefold() in {own.casefold() for own in context.me}


_PLAIN: dict[str, Command] = {
    "pin": ChangePin(),
    "forgot": ForgotPin(),
    "unlink": UnlinkMe(),
    "profile": ShowProfile(),
    "forget": ForgetMe(),
    "receipts": ShowReceipts(),
}

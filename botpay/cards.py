"""Card numbers in what people type: found so that they can be refused, and with as few false alarms as can be.

A number counts if it has the length of a network that issues numbers beginning like it (ISO/IEC 7812-1) and its check
digit is right (Luhn). Phone numbers behind "+" and account numbers whose own check digits are right (IBAN, ISO 13616)
are passed over. The digits of all scripts count, in one piece or in groups.
"""

import re
import unicodedata

_HIDDEN = "••••"
_LONGEST = 19
_RUN = re.compile(r"(?<![\w+])\d(?:[  \s]?[-‐-―−]?[  \s]?\d)*(?!\w)")
_GROUP = re.compile(r"\d+")
_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{1,4}){3,8}\b", re.IGNORECASE)
_AS_PRINTED = re.compile(r"4(,4)*(,[1-4])?|4,6,[45]")
"""How numbers are grouped on cards. In other groups a number is one only if nothing else stands beside it."""

_NETWORKS = (
    (re.compile(r"4"), {16, 19}),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), {16}),
    (re.compile(r"3[47]"), {15}),
    (re.compile(r"6011|64[4-9]|65|62"), range(16, 20)),
    (re.compile(r"352[89]|35[3-8]"), range(16, 20)),
    (re.compile(r"5018|5020|5038|5893|6304|6759|676[1-3]"), range(13, 20)),
)
_DINERS = re.compile(r"30[0-5]|3095|36|3[89]")
"""Of fourteen digits, as the numbers of French establishments (SIRET), whose check is the same: only as printed."""


def has_card(text: str) -> bool:
    """Whether a card's number stands in a text."""
    return bool(_found(text))


def without_cards(text: str) -> str:
    """The text with dots in the place of every card's number."""
    for start, end in reversed(_found(text)):
        text = f"{text[:start]}{_HIDDEN}{text[end:]}"
    return text


def _found(text: str) -> list[tuple[int, int]]:
    """Where card numbers stand, in order."""
    passed_over = [found.span() for found in _IBAN.finditer(text) if _is_iban(found[0])]
    found: list[tuple[int, int]] = []
    for run in _RUN.finditer(text):
        if not any(start <= run.start() < end for start, end in passed_over):
            found += _in_run(text, run)
    return found


def _in_run(text: str, run: re.Match[str]) -> list[tuple[int, int]]:
    """The first card number among groups of digits that follow each other, if there is one."""
    groups = list(_GROUP.finditer(text, run.start(), run.end()))
    for first in range(len(groups)):
        for last in range(first, min(first + _LONGEST, len(groups))):
            some = groups[first : last + 1]
            if _is_card(some, alone=len(some) == len(groups)):
                return [(some[0].start(), some[-1].end())]
    return []


def _is_card(groups: list[re.Match[str]], *, alone: bool) -> bool:
    grouping = ",".join(str(len(group[0])) for group in groups)
    if not (alone or len(groups) == 1 or _AS_PRINTED.fullmatch(grouping)):
        return False
    digits = "".join(str(unicodedata.decimal(char)) for group in groups for char in group[0])
    if not _is_issued(digits, grouping):
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def _is_issued(digits: str, grouping: str) -> bool:
    """Whether a network issues numbers of this length that begin like this."""
    if grouping == "4,6,4" and _DINERS.match(digits):
        return True
    return any(len(digits) in lengths and begins.match(digits) for begins, lengths in _NETWORKS)


def _is_iban(text: str) -> bool:
    written = re.sub(r"\s", "", text).upper()
    moved = written[4:] + written[:4]
    return moved.isascii() and moved.isalnum() and int("".join(str(int(char, 36)) for char in moved)) % 97 == 1

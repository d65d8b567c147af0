"""Amounts in French words, as a receipt repeats them. Pure.

A few lines of our own in the place of a library for fifty languages: this is money, and they are held against such a
library, word by word, over every amount that may be given. Spelling is the traditional one, with hyphens below a
hundred only.
"""

from botpay.money import Money

_BELOW_17 = "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize".split()
_TENS = {2: "vingt", 3: "trente", 4: "quarante", 5: "cinquante", 6: "soixante"}
_FROM_TENS_OF = {7: "soixante", 8: "quatre-vingt", 9: "quatre-vingt"}
_MOST_EUROS = 999_999


def in_words(amount: Money) -> str:
    """ "cent cinq euros et vingt centimes". Raises `ValueError` for what no receipt is about."""
    euros, cents = divmod(amount.minor, 100)
    if amount.currency != "EUR" or not 0 <= euros <= _MOST_EUROS:
        raise ValueError("only amounts in euros, up to 999,999.99, are written in words")
    parts = [_counted(euros, "euro")] if euros or not cents else []
    return " et ".join([*parts, *([_counted(cents, "centime")] if cents else [])])


def _counted(number: int, unit: str) -> str:
    return f"{_number(number)} {unit}{'s' if number > 1 else ''}"


def _number(number: int) -> str:
    thousands, rest = divmod(number, 1000)
    if not thousands:
        return _below_1000(rest)
    many = "mille" if thousands == 1 else f"{_below_1000(thousands, last=False)} mille"
    return f"{many} {_below_1000(rest)}" if rest else many


def _below_1000(number: int, *, last: bool = True) -> str:
    """Args: last: whether nothing follows; only then "cent" and "vingt" take the s of the plural."""
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _below_100(rest, last=last)
    one = "cent" if hundreds == 1 else f"{_BELOW_17[hundreds]} cent"
    if rest:
        return f"{one} {_below_100(rest, last=last)}"
    return f"{one}s" if hundreds > 1 and last else one


def _below_100(number: int, *, last: bool) -> str:
    if number < 17:
        return _BELOW_17[number]
    if number < 20:
        return f"dix-{_BELOW_17[number - 10]}"
    ten, unit = divmod(number, 10)
    if ten in _TENS:
        return _joined(_TENS[ten], unit, "et un" if unit == 1 else _BELOW_17[unit])
    if number == 80:
        return "quatre-vingts" if last else "quatre-vingt"
    beyond = number - (60 if ten == 7 else 80)
    return _joined(_FROM_TENS_OF[ten], beyond, "et onze" if number == 71 else _below_100(beyond, last=last))


def _joined(ten: str, unit: int, words: str) -> str:
    if not unit:
        return ten
    return f"{ten} {words}" if words.startswith("et ") else f"{ten}-{words}"

"""The only door from digits to money and back.

Amounts are integers in minor units with an ISO 4217 currency; never a float, never rounded. Nothing here guesses: what
can be read in two ways is refused with the code that says why.
"""

from dataclasses import dataclass

from botpay.errors import Code

MINOR_DIGITS = {"EUR": 2}
"""The currencies that botpay knows and how many digits their minor unit has (ISO 4217)."""

SPACES = " \u00a0\u202f\u2009"
"""Spaces that group digits: SPACE, NO-BREAK SPACE, NARROW NO-BREAK SPACE and THIN SPACE (CLDR, ISO 80000-1)."""
APOSTROPHES = "'\u2019"
"""Apostrophes that group digits, as in Switzerland."""
POINTS = ".,"
"""Marks that group digits in one country and begin the decimals in another."""

_DIGITS = frozenset("0123456789")
_MARKS = frozenset(SPACES + APOSTROPHES + POINTS)
_MOST_DIGITS = 15  # far above any cap, far below what a column of the ledger can hold


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in minor units (cents for EUR), zero or more."""

    minor: int
    currency: str = "EUR"

    def __post_init__(self) -> None:
        if type(self.minor) is not int or self.minor < 0:
            raise ValueError("money is a whole number of minor units, zero or more")
        if self.currency not in MINOR_DIGITS:
            raise ValueError(f"unknown currency {self.currency!r}")

    def to_decimal_string(self) -> str:
        """The amount with all digits of its currency and a point: "10.50"."""
        digits = MINOR_DIGITS[self.currency]
        whole, part = divmod(self.minor, 10**digits)
        return f"{whole}.{part:0{digits}d}"


def from_digits(written: str, currency: str = "EUR") -> Money | Code:
    """The money that digits and their marks mean: "10", "10,5", "1 234,56", "1.234,56", "1'234.56".

    Args:
        written: ASCII digits with group and decimal marks between them; nothing else.
        currency: what the amount is in; one of `MINOR_DIGITS`.

    Returns:
        The amount, or the code of what is wrong: `BAD_AMOUNT`, `AMBIGUOUS_AMOUNT` ("1.234": thousands or
        decimals?), `TOO_MANY_DECIMALS`, or `LIMIT_EXCEEDED` for more digits than any ledger holds. Zero is an amount.
    """
    if written.isascii() and written.isdigit():
        return _money(written, "", currency)
    runs, marks = _split(written)
    if not all(runs):
        return Code.BAD_AMOUNT
    if len(marks) == 1 and marks[0] in POINTS:
        return _one_point(runs[0], runs[1], currency)
    if marks and marks[-1] in POINTS and marks.count(marks[-1]) == 1:
        return _grouped(runs[:-1], marks[:-1], runs[-1], currency)
    return _grouped(runs, marks, "", currency)


def with_cents(whole: Money, cents: Money) -> Money | Code:
    """Two parts of one amount, as in "10 euros et 50 centimes": whole units, then less than one more."""
    unit = 10 ** MINOR_DIGITS[whole.currency]
    if whole.minor % unit or not cents.minor < unit or whole.currency != cents.currency:
        return Code.BAD_AMOUNT
    return Money(whole.minor + cents.minor, whole.currency)


def from_minor_digits(written: str, currency: str = "EUR") -> Money | Code:
    """The money that a whole number of minor units means: the "50" of "50 centimes"."""
    if not (written.isascii() and written.isdigit()) or (written[0] == "0" and written != "0"):
        return Code.BAD_AMOUNT
    return Money(int(written), currency) if len(written) <= _MOST_DIGITS else Code.LIMIT_EXCEEDED


def from_number(units: int, currency: str = "EUR") -> Money:
    """The money that a whole number of units means, as number words give it."""
    return Money(units * 10 ** MINOR_DIGITS[currency], currency)


def _split(written: str) -> tuple[list[str], str]:
    """Runs of digits and the marks between them; an empty run stands for whatever is out of place."""
    runs, marks = [""], ""
    for char in written:
        if char in _DIGITS:
            runs[-1] += char
        elif char in _MARKS:
            runs.append("")
            marks += char
        else:
            return [""], ""
    return runs, marks


def _one_point(whole: str, rest: str, currency: str) -> Money | Code:
    """One point or comma. Three digits behind it are thousands or decimals, unless thousands cannot be."""
    if len(rest) == 3 and len(whole) <= 3 and whole[0] != "0":
        return Code.AMBIGUOUS_AMOUNT
    return _money(whole, rest, currency)


def _grouped(groups: list[str], marks: str, decimals: str, currency: str) -> Money | Code:
    """Groups of three after a first one of one to three, all with the same mark."""
    right = len(set(marks)) == 1 and 1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
    return _money("".join(groups), decimals, currency) if right else Code.BAD_AMOUNT


def _money(whole: str, decimals: str, currency: str) -> Money | Code:
    digits = MINOR_DIGITS[currency]
    if whole[0] == "0" and len(whole) > 1:
        return Code.BAD_AMOUNT
    if len(decimals) > digits:
        return Code.TOO_MANY_DECIMALS
    if len(whole) > _MOST_DIGITS:
        return Code.LIMIT_EXCEEDED
    return Money(int(whole + decimals.ljust(digits, "0")), currency)

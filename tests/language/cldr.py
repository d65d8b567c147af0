"""Money as CLDR's locales write it, and how much of it is understood.

`python -m tests.language.cldr` prints the share of each locale, and ends with 1 if any amount was read as another.
"""

import sys
from collections.abc import Iterator
from decimal import Decimal

from babel import Locale
from babel.numbers import format_currency

from botpay.commands import SendMoney
from botpay.money import Money
from botpay.parsing import Context, read

SPOKEN = "fr fr_CH fr_BE fr_CA en en_GB en_IE en_IN es es_MX de de_AT de_CH it it_CH pt pt_BR nl nl_BE".split()
OTHERS = (
    "af ar ar_EG az be bg bn bs ca cs cy da dz el et eu fa fi fil ga gl gsw gu he hi hr hu hy id is ja ka kea kk km kn"
    " ko lb lo lt lv mk ml mn mr ms mt my nb ne nn pa pl ps ro rm ru se sk sl sq sr sv sw ta te th tr uk ur uz vi zh"
).split()
AMOUNTS = ("0.05", "0.5", "1", "10", "12.34", "99.9", "249.99", "250", "1234.56", "12345.6", "1000000")
PATTERNS = ("#,##0.00 ¤¤", "¤¤#,##0.00", "¤¤ #,##0.00", "¤#,##0.00", "#,##0.##¤")
NO_CAP = Context(cap_person=Money(10**12), cap_charity=Money(10**12))


def ways_to_write(amount: Decimal, locale: Locale) -> Iterator[str]:
    """All that Babel knows: with the symbol, for accountants, with the currency's name, and patterns of shops."""
    for kind in ("standard", "accounting", "name"):
        for digits in (True, False):
            yield format_currency(amount, "EUR", locale=locale, format_type=kind, currency_digits=digits)
    for pattern in PATTERNS:
        yield format_currency(amount, "EUR", format=pattern, locale=locale, currency_digits=False)


def read_back(written: str, context: Context) -> list[int]:
    """The amounts that the message was read as, with the amount before the recipient and behind; none if refused."""
    readings = [read(text, context).meaning for text in (f"#envoyer {written} @bob", f"#envoyer @bob {written}")]
    return [meaning.amount.minor for meaning in readings if isinstance(meaning, SendMoney)]


def share(name: str) -> tuple[int, int, int]:
    """How many of a locale's ways to write the amounts are read exactly, how many wrongly, and of how many."""
    exact = wrong = total = 0
    for amount in map(Decimal, AMOUNTS):
        for written in set(ways_to_write(amount, Locale.parse(name))):
            readings = read_back(written, NO_CAP)
            total += 2
            exact += readings.count(int(amount * 100))
            wrong += len(readings) - readings.count(int(amount * 100))
    return exact, wrong, total


def main() -> int:
    """Print a line a locale; the exit code says whether any amount was read wrongly."""
    found = {name: share(name) for name in SPOKEN + OTHERS}
    for name, (exact, wrong, total) in found.items():
        print(f"{name:8} {exact / total:6.1%} understood of {total}, {wrong} wrong")
    wrong_in_all = sum(wrong for _, wrong, _ in found.values())
    print(f"{len(found)} locales, {sum(total for *_, total in found.values())} readings, {wrong_in_all} wrong")
    return 1 if wrong_in_all else 0


if __name__ == "__main__":
    sys.exit(main())

"""Outcome -> sentence, in the person's language. The catalogues in `botpay/locales` hold all user-facing prose.

Catalogues are gettext's `.po` files with symbolic keys ("refusal.missing_amount"), one per language, so that
translators use the tools they know; they are read at start, without a compile step. Money, dates and durations are
written as CLDR says for the language.
"""

import gettext
import io
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from babel import Locale
from babel.dates import format_datetime, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency

from botpay.money import MINOR_DIGITS, Money

_MINUTE = 60

LANGUAGES = ("en", "fr")
"""The languages with a catalogue."""


@cache
def catalogue(language: str) -> gettext.GNUTranslations:
    """The catalogue of a language of `LANGUAGES`, read once."""
    text = resources.files("botpay").joinpath("locales", f"{language}.po").read_bytes()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(text), locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def best_language(wanted: Iterable[str | None], default: str) -> str:
    """The first of the wanted languages (BCP 47 codes) that has a catalogue, else the default."""
    for code in wanted:
        if code and (primary := code.replace("_", "-").split("-")[0].lower()) in LANGUAGES:
            return primary
    return default


def sentence(key: str, language: str, **params: Any) -> str:
    """The sentence of a key. `count`, if given, chooses the plural form.

    Args:
        key: a symbolic key of the catalogues; an unknown one is a fault (KeyError).
        language: any language code; one without a catalogue is answered in English.
        params: what the sentence names; `Money`, `datetime` and `timedelta` are written the language's way.
    """
    language = best_language([language], "en")
    found = catalogue(language)
    text = found.ngettext(key, key, params["count"]) if "count" in params else found.gettext(key)
    if text == key:
        raise KeyError(key)
    return text.format_map({name: _written(value, language) for name, value in params.items()})


@lru_cache(maxsize=10_000)
def money(amount: Money, language: str) -> str:
    """An amount as the language writes it: "10,00 €", "€10.00"."""
    decimal = Decimal(amount.minor).scaleb(-MINOR_DIGITS[amount.currency])
    return format_currency(decimal, amount.currency, locale=language)


@lru_cache(maxsize=1000)
def _duration(span: timedelta, language: str) -> str:
    seconds = int(span.total_seconds())  # rounded down: nobody shall be promised more time than there is
    if seconds >= 2 * _MINUTE:
        seconds -= seconds % _MINUTE
    return format_timedelta(timedelta(seconds=seconds), locale=language, threshold=2)


def country(code: str, language: str) -> str:
    """A country of ISO 3166 as the language calls it."""
    return str(Locale.parse(best_language([language], "en")).territories[code])


def _written(value: Any, language: str) -> Any:
    if isinstance(value, Money):
        return money(value, language)
    if isinstance(value, timedelta):
        return _duration(value, language)
    if isinstance(value, datetime):
        dates = "en_GB" if language == "en" else language  # with euros: the day before the month
        return format_datetime(value, format="short", locale=dates)
    return value

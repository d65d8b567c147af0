"""Sentences: the same keys in every language, none missing, none idle, amounts and durations as CLDR writes them."""

import re
import string
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from itertools import accumulate
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from botpay.errors import Code
from botpay.money import Money
from botpay.replies import LANGUAGES, best_language, catalogue, money, sentence

SOURCE = Path(str(resources.files("botpay")))


def entries(language: str) -> Iterator[tuple[str, list[str]]]:
    """Each key of a catalogue with its sentences: one, or one for each plural form."""
    with (SOURCE / "locales" / f"{language}.po").open("rb") as file:
        for message in read_po(file):
            if message.id:
                key = message.id if isinstance(message.id, str) else message.id[0]
                found = [message.string] if isinstance(message.string, str) else list(message.string or ())
                yield key, found


def keys(language: str) -> set[str]:
    """The keys of a catalogue."""
    return {key for key, _ in entries(language)}


def fields(text: str) -> set[str]:
    """What a sentence names."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_language_says_the_same() -> None:
    """A key of one catalogue is in all."""
    for language in LANGUAGES:
        assert keys(language) ^ keys("en") == set(), language


def test_every_catalogue_is_offered() -> None:
    """The languages offered are those with a catalogue."""
    assert sorted(path.stem for path in (SOURCE / "locales").glob("*.po")) == sorted(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_empty(language: str) -> None:
    """No key is without a sentence, in any plural form."""
    assert [key for key, texts in entries(language) if not all(text.strip() for text in texts)] == []


def test_sentences_of_one_key_name_the_same() -> None:
    """What a sentence names, it names in every language: none leaves out an amount or a payee."""
    named = {
        language: {key: set().union(*map(fields, texts)) for key, texts in entries(language)} for language in LANGUAGES
    }
    assert named["fr"] == named["en"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", Code)
def test_every_refusal_has_a_sentence(code: Code, language: str) -> None:
    """Every reason for a "no" can be told, in every language."""
    assert f"refusal.{code.value}" in keys(language)


def test_every_key_is_said_somewhere() -> None:
    """No key is idle: it stands in the source, whole or up to the part that is filled in, or it is a refusal's."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))
    codes = {code.value for code in Code}
    idle = []
    for key in sorted(keys("en")):
        head, _, rest = key.partition(".")
        refusal = head == "refusal" and rest.partition(".")[0] in codes
        whole = re.search(rf'["\']{re.escape(key)}["\']', source)
        begins = accumulate(key.split(".")[:-1], "{}.{}".format)
        filled = any(re.search(rf'f"{re.escape(begin)}\.{{', source) for begin in begins)
        if not (refusal or whole or filled):
            idle.append(key)
    assert idle == []


def test_an_unknown_key_is_a_fault() -> None:
    """A key without a sentence is never shown to people; nor is one whose sentence misses what it names."""
    with pytest.raises(KeyError):
        sentence("no.such.key", "en")
    with pytest.raises(KeyError):
        sentence("no.such.key", "fr", count=2)
    with pytest.raises(KeyError):
        sentence("balance", "en")


@pytest.mark.parametrize(
    ("language", "count", "expected"),
    [
        ("en", 0, "0 tries"),
        ("en", 1, "1 try "),
        ("en", 2, "2 tries"),
        ("fr", 0, "0 essai "),
        ("fr", 1, "1 essai "),
        ("fr", 2, "2 essais "),
    ],
)
def test_plurals_follow_the_language(language: str, count: int, expected: str) -> None:
    """One and many are told apart as the language does: French says zero in the singular."""
    assert expected in sentence("prompt.attempts", language, count=count)


@pytest.mark.parametrize(
    ("language", "minor", "expected"),
    [
        ("fr", 10_00, "10,00\u00a0€"),
        ("en", 10_00, "€10.00"),
        ("fr", 5, "0,05\u00a0€"),
        ("en", 5, "€0.05"),
        ("fr", 1_234_567_89, "1\u202f234\u202f567,89\u00a0€"),
        ("en", 1_234_567_89, "€1,234,567.89"),
        ("en", 10**17 + 1, "€1,000,000,000,000,000.01"),
    ],
)
def test_money_is_written_as_cldr_says(language: str, minor: int, expected: str) -> None:
    """An amount has all its cents, and the marks of the language; no digit is lost to a float."""
    assert money(Money(minor), language) == expected
    assert expected in sentence("balance", language, left=Money(minor))


@pytest.mark.parametrize(
    ("language", "ttl", "expected"),
    [
        ("en", timedelta(seconds=300), "5 minutes"),
        ("fr", timedelta(seconds=300), "5 minutes"),
        ("fr", timedelta(seconds=45), "45\u00a0secondes"),
        ("en", timedelta(hours=1), "60 minutes"),
    ],
)
def test_durations_are_written_as_cldr_says(language: str, ttl: timedelta, expected: str) -> None:
    """How long a question stands is said in the unit that people would use."""
    assert expected in sentence("prompt.ask", language, left=Money(0), ttl=ttl)


def test_instants_are_written_as_cldr_says() -> None:
    """A time in somebody's history stands in the order of their language."""
    at = datetime(2026, 3, 1, 14, 5, tzinfo=UTC)
    french = sentence("history.sent", "fr", at=at, amount=Money(1), other="Bob")
    english = sentence("history.sent", "en", at=at, amount=Money(1), other="Bob")
    assert french.startswith("01/03/2026 14:05")
    assert english.startswith("01/03/2026, 14:05")


def test_braces_that_people_type_stay_as_they_are() -> None:
    """What is filled in is never filled in again: a memo cannot ask for what it should not see."""
    assert "{left} {0.__class__}" in sentence("prompt.memo", "en", memo="{left} {0.__class__}")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (["fr-CA"], "fr"),
        (["FR_be"], "fr"),
        (["de", "en"], "en"),
        ([None, "", "fr"], "fr"),
        (["de", None], "fr"),
        (["frr"], "fr"),
        ([], "fr"),
    ],
)
def test_the_best_language_is_the_first_that_has_a_catalogue(wanted: list[str | None], expected: str) -> None:
    """The first wanted language that we speak, whatever its region; else the default."""
    assert best_language(wanted, "fr") == expected


def test_a_language_without_a_catalogue_is_answered_in_english() -> None:
    """Somebody whose language we do not speak is answered in English."""
    assert sentence("history.empty", "de") == sentence("history.empty", "en")


def test_catalogues_are_read_once() -> None:
    """A catalogue is compiled at its first use and kept."""
    assert catalogue("en") is catalogue("en")

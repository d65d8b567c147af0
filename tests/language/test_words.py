"""The files of words, and numbers in words."""

import tomllib
from importlib import resources
from typing import Any

import pytest

from botpay.commands import SendMoney
from botpay.parsing import Context, numerals, read
from botpay.parsing.near import Keywords
from botpay.parsing.vocabulary import LANGUAGES, fold, vocabulary

SPELL = {
    "fr": numerals._french,
    "en": numerals._english,
    "es": numerals._spanish,
    "de": numerals._german,
    "it": numerals._italian,
    "pt": numerals._portuguese,
    "nl": numerals._dutch,
}


def words_of(language: str) -> dict[str, Any]:
    """The file of a language, as it stands."""
    return tomllib.loads(resources.files("botpay").joinpath("words", f"{language}.toml").read_text(encoding="utf-8"))


def test_every_language_has_a_file_and_every_file_the_same_parts() -> None:
    """A translator fills in the same tables for every language; none is left out."""
    shape = {name: set(part) for name, part in words_of("fr").items() if isinstance(part, dict)}
    for language in LANGUAGES:
        file = words_of(language)
        assert file["language"] == language
        assert {name: set(part) for name, part in file.items() if isinstance(part, dict)} == shape


def test_no_word_is_two_actions() -> None:
    """Whatever the language, a keyword means one action: a hashtag does not say which language it is in."""
    meanings: dict[str, set[str]] = {}
    for language in LANGUAGES:
        for action, words in words_of(language)["actions"].items():
            for word in words:
                meanings.setdefault(fold(word), set()).add(action)
    assert {word: actions for word, actions in meanings.items() if len(actions) > 1} == {}


def test_no_currency_of_ours_is_foreign_too() -> None:
    """A word is a name of the euro, of its cents, of another currency, or of none: never of two."""
    words = vocabulary()
    assert not words.euro & words.foreign
    assert not words.euro & set(words.cent)
    assert not words.foreign & set(words.cent)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_spelling_is_one_number_in_all_languages(language: str) -> None:
    """No number below 1,000 is spelled like another one, in its own language or in another."""
    for number in range(1000):
        spellings = list(SPELL[language](number))
        assert spellings, number
        assert {numerals.number_of(words) for words in spellings} == {number}


@pytest.mark.parametrize("language", LANGUAGES)
def test_amounts_in_words_are_understood(language: str) -> None:
    """Every amount from 1 to 250 euros may be spelled out."""
    for number in range(1, 251):
        for words in SPELL[language](number):
            meaning = read(f"#envoyer {words} euros @bob", Context()).meaning
            assert isinstance(meaning, SendMoney), words
            assert meaning.amount.minor == number * 100, words


def test_what_nobody_spells_is_no_number() -> None:
    """Number words in an order that no language has are no number."""
    for words in (
        "vingt dix",
        "dix vingt",
        "cent cent",
        "two twenty",
        "hundred two",
        "mille mille",
        "et",
        "zehn zwei",
        "",
    ):
        assert numerals.number_of(words) is None, words
    assert numerals.number_of("deux mille quatre cents") == 2400
    assert numerals.number_of("two thousand and five") == 2005


def test_a_near_miss_is_one_slip_away() -> None:
    """One letter put in, left out, changed or swapped is a near miss; two are another word, and so are short ones."""
    near = Keywords(("envoyer", "payer", "pay"))
    for slip in ("envoyr", "envoyerr", "envoyet", "envyoer", "nevoyer", "envoyer10", "pay10", "paye"):
        assert near.nearest(slip), slip
    for other in ("envoyer", "enver", "voyage", "pya", "pax", "ne", "", "envo", "10"):
        assert near.nearest(other) is None, other

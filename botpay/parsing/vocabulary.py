"""The words of payments, from one file per language in `botpay/words`, read once.

Words are compared folded: without capitals and accents. The same word may mean different things in two languages
("of" joins in English and chooses in Dutch), so what a word means is asked with the language of the action.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from botpay.parsing.near import Keywords

LANGUAGES = ("fr", "en", "es", "de", "it", "pt", "nl")
"""In order of precedence where a word alone does not tell the language."""

_ROLES = (
    "not if story ask about each minus or and to of from for me thanks please hurry filler open polite show".split()
)
"""In order of precedence where a file gives a word two roles."""
_SHARED = frozenset("or and to of from for thanks please hurry filler open polite".split())
"""Roles that a word keeps in a message of another language: "#send 10 € à @bob"."""
_ELISION = re.compile(r"(n|j|l|d|s|m|t|c|qu|jusqu|lorsqu|all|dell|un)'(?=.)")
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "’": "'", "ʼ": "'"})

Phrase = tuple[str, ...]
Phrases = dict[str, list[tuple[Phrase, str]]]
"""First word -> the phrases that begin with it, longest first, each with its role."""


@dataclass(frozen=True, slots=True)
class Language:
    """What the words of one language mean.

    Attributes:
        roles: phrases of one word or more, with their roles.
        last: verbs that may close an order in bare words ("10 € an Bob senden").
        taken_back: phrases that take an order back, folded, with single spaces.
        corrections: words that correct an amount ("non", "rather") where another number follows.
    """

    roles: Phrases
    last: Mapping[str, str]
    taken_back: frozenset[str]
    corrections: frozenset[str]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All languages.

    Attributes:
        keywords: one-word actions -> (action, the languages that have it).
        near: the same, to be found by words that are nearly one of them.
        phrases: the same for actions of several words ("faire un don"), by their first word.
        not_actions: words that would be actions but for their accent ("payé"), with accents, in lower case.
        euro, foreign: names of currencies.
        cent: names of the minor unit -> the languages in which it may stand alone; all if empty.
        near_money: names of the euro and its cents, to be found by words that are nearly one of them.
        own: requests about one's own account -> (kind, the first language that has it).
        names: what languages are called, in any language -> their codes.
        common: what words mean in a message whose language is unknown: all roles of French and English words, and the
            shared ones of every language.
        shared: what French and English words mean in a message of another language: "#enviar 10 € to @bob".
    """

    keywords: Mapping[str, tuple[str, tuple[str, ...]]]
    near: Keywords
    phrases: Mapping[str, list[tuple[Phrase, str]]]
    not_actions: frozenset[str]
    euro: frozenset[str]
    cent: Mapping[str, frozenset[str]]
    near_money: Keywords
    foreign: frozenset[str]
    languages: Mapping[str, Language]
    own: Mapping[str, tuple[str, str]]
    names: Mapping[str, str]
    common: Phrases
    shared: Phrases

    def tables(self, languages: Sequence[str]) -> tuple[Phrases, ...]:
        """Where to look a word up in a message of these languages, in order."""
        return (*(self.languages[name].roles for name in languages), self.shared) if languages else (self.common,)


@lru_cache(maxsize=8192)
def fold(word: str) -> str:
    """A word without capitals and accents. Letters of other scripts or widths stay what they are."""
    if word.isascii():
        return word.lower()
    bare = "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
    return bare.casefold().translate(_LIGATURES)


def split_words(text: str) -> Phrase:
    """The folded words of a phrase, as the scanner cuts them: at spaces, hyphens and elisions."""
    return tuple(part for word in re.split(r"[\s\-]+", text) for part in split_elision(fold(word)))


def split_elision(word: str) -> tuple[str, ...]:
    """ "n'envoie" -> "n'", "envoie"; other words are whole."""
    found = _ELISION.match(word)
    return (found[0], word[found.end() :]) if found else (word,)


@cache
def vocabulary() -> Vocabulary:
    """The words of all languages."""
    files = {language: _load(language) for language in LANGUAGES}
    keywords: dict[str, tuple[str, tuple[str, ...]]] = {}
    phrases: Phrases = {}
    for language, file in files.items():
        for action, words in file["actions"].items():
            for words_of in map(split_words, words):
                if len(words_of) == 1:
                    known = keywords.get(words_of[0], (action, ()))
                    keywords[words_of[0]] = (known[0], (*known[1], language))
                else:
                    phrases.setdefault(words_of[0], []).append((words_of, action))
    return Vocabulary(
        keywords=keywords,
        near=Keywords(keywords),
        phrases=_longest_first(phrases),
        not_actions=frozenset(word for file in files.values() for word in file["not_actions"]["words"]),
        euro=_money(files, "euro"),
        cent=_cents(files),
        near_money=Keywords((*_money(files, "euro"), *_cents(files))),
        foreign=_money(files, "foreign"),
        languages={language: _language(file) for language, file in files.items()},
        own=_own(files),
        names={fold(name): language for language, file in files.items() for name in file["names"]},
        common=_merged(files, LANGUAGES, every=("fr", "en")),
        shared=_merged(files, ("fr", "en"), every=()),
    )


def _own(files: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Requests about one's own account, folded; the first language to have one keeps it."""
    found: dict[str, tuple[str, str]] = {}
    for language, file in files.items():
        for kind, phrases in file["own"].items():
            for phrase in phrases:
                found.setdefault(fold(phrase), (kind, language))
    return found


def _load(language: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("botpay").joinpath("words", f"{language}.toml").read_text(encoding="utf-8"))


def _language(file: Mapping[str, Any]) -> Language:
    last = {fold(word): action for action, words in file["actions_at_the_end"].items() for word in words}
    back = file["taken_back"]
    return Language(
        roles=_phrases(file["roles"], _ROLES),
        last=last,
        taken_back=frozenset(" ".join(split_words(phrase)) for phrase in back["phrases"]),
        corrections=frozenset(" ".join(split_words(phrase)) for phrase in back["corrections"]),
    )


def _merged(files: Mapping[str, Mapping[str, Any]], names: Sequence[str], every: Sequence[str]) -> Phrases:
    """The shared roles of some languages, and every role of those in `every`; the first to have a phrase keeps it."""
    merged: Phrases = {}
    for name in names:
        roles = _ROLES if name in every else [role for role in _ROLES if role in _SHARED]
        for first, found in _phrases(files[name]["roles"], roles).items():
            known = {words for words, _ in merged.get(first, [])}
            merged.setdefault(first, []).extend(pair for pair in found if pair[0] not in known)
    return _longest_first(merged)


def _phrases(roles: Mapping[str, Iterable[str]], wanted: Iterable[str]) -> Phrases:
    table: Phrases = {}
    seen = set()
    for role in wanted:
        for words in map(split_words, roles[role]):
            if words not in seen:
                seen.add(words)
                table.setdefault(words[0], []).append((words, role))
    return _longest_first(table)


def _longest_first(table: Phrases) -> Phrases:
    for found in table.values():
        found.sort(key=lambda pair: -len(pair[0]))
    return table


def _money(files: Mapping[str, Mapping[str, Any]], name: str) -> frozenset[str]:
    return frozenset(fold(word) for file in files.values() for word in file["money"][name])


def _cents(files: Mapping[str, Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    doubtful = {fold(word) for file in files.values() for word in file["money"]["cent_after_euros"]}
    alone: dict[str, frozenset[str]] = {word: frozenset() for word in doubtful}
    for language, file in files.items():
        for word in map(fold, file["money"]["cent"]):
            alone[word] = alone.get(word, frozenset()) | ({language} if word in doubtful else frozenset())
    return alone

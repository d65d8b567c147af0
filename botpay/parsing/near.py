"""Near misses: which keyword was probably meant. Only ever a suggestion, never a command."""

import re
from collections.abc import Iterable
from functools import lru_cache

_SHORTEST = 4  # of three letters, too many words differ by one
_LONGEST = 24


class Keywords:
    """Keywords that can be found by a word that is one slip away: a letter put in, left out, changed or swapped.

    Words that are one slip apart become equal when at most one letter of each is left out, so that a few look-ups
    tell whether any keyword is near, however many there are.
    """

    def __init__(self, keywords: Iterable[str]) -> None:
        self._known = frozenset(keywords)
        self._shortened: dict[str, list[str]] = {}
        for keyword in sorted(self._known):
            if len(keyword) >= _SHORTEST:
                for short in _shortened(keyword):
                    self._shortened.setdefault(short, []).append(keyword)

    def nearest(self, word: str) -> str | None:
        """The keyword that a folded word misses by one slip, or that digits are glued to; None if there is none."""
        stem = re.split(r"[\d_]", word, maxsplit=1)[0]
        if stem in self._known:
            return stem if stem != word else None
        if not _SHORTEST <= len(stem) <= _LONGEST:
            return None
        found = {keyword for short in _shortened(stem) for keyword in self._shortened.get(short, ())}
        return min((keyword for keyword in found if _is_one_slip(stem, keyword)), default=None)


@lru_cache(maxsize=1024)
def _shortened(word: str) -> frozenset[str]:
    return frozenset((word, *(word[:at] + word[at + 1 :] for at in range(len(word)))))


def _is_one_slip(one: str, two: str) -> bool:
    """Whether one letter was put in, left out, changed, or swapped with its neighbour."""
    same = next((at for at, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    rest, other = one[same:], two[same:]
    swapped = rest[:2] == other[1::-1] and rest[2:] == other[2:]
    return swapped or rest[1:] == other[1:] or rest[1:] == other or rest == other[1:]

"""Near misses: which keyword was probably meant. Only ever a suggestion, never a command."""

import re
from collections.abc import Iterable

_SHORTEST = 4  # of three letters, too many words differ by one


def nearest(word: str, keywords: Iterable[str]) -> str | None:
    """The keyword that a folded word misses by a slip or two, or that digits are glued to; None if there is none."""
    known = [keyword for keyword in keywords if len(keyword) >= _SHORTEST]
    stem = re.split(r"[\d_]", word, maxsplit=1)[0]
    if stem != word and stem in keywords:
        return stem
    if len(stem) < _SHORTEST:
        return None
    allowed = 1 if len(stem) < 7 else 2
    close = [(distance(stem, keyword, allowed), keyword) for keyword in known if abs(len(stem) - len(keyword)) <= allowed]
    best = min(close, default=(allowed + 1, ""))
    return best[1] if best[0] <= allowed else None


def distance(one: str, two: str, most: int) -> int:
    """How many letters must be put in, left out, changed or swapped with a neighbour (Damerau); above `most`, any more."""
    before: list[int] = []
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, b in enumerate(two, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == two[j - 2] and one[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]

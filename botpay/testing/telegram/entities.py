"""The entities that Telegram finds by itself in what people type, in UTF-16 units (Bot API, MessageEntity)."""

import re
from collections.abc import Collection, Mapping
from typing import Any

_SHORTEST_MENTION = 4

# In order of precedence: what stands in a link is no mention, what stands in an e-mail address neither.
_PATTERNS = (
    (
        "url",
        re.compile(r"(?:https?://|www\.)\S+|(?<![\w@.])(?:[a-z0-9-]+\.)+(?:com|org|net|fr|me|io)\b(?:/\S*)?", re.I),
    ),
    ("email", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("hashtag", re.compile(r"(?<![\w/])#(?=\w*[^\W\d])\w{1,256}(?:@[A-Za-z0-9_]{3,32})?")),
    ("bot_command", re.compile(r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/<>])")),
    ("mention", re.compile(r"(?<!\w)@[A-Za-z0-9_]{2,32}(?!\w)")),
    ("cashtag", re.compile(r"(?<![\w$])\$[A-Z]{1,8}(?!\w)")),
)
_CODE = re.compile(r"`([^`\n]+)`")

Found = tuple[str, int, int]


def units(text: str) -> int:
    """The length of a text in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def take_code(text: str) -> tuple[str, list[Found]]:
    """The text as Telegram's clients send it, `code` in backticks turned into entities (in code points)."""
    found: list[Found] = []
    plain = ""
    end = 0
    for match in _CODE.finditer(text):
        plain += text[end : match.start()]
        found.append(("code", len(plain), len(plain) + len(match[1])))
        plain += match[1]
        end = match.end()
    return plain + text[end:], found


def entities_of(
    text: str, found: Collection[Found], usernames: Collection[str], by_id: Mapping[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """The entities of a text.

    Args:
        found: those that are there already, in code points.
        usernames: who exists: "@bob" is too short for Telegram to see a name in it unless somebody bears it.
        by_id: words that mention a person by id, and that person as the Bot API shows users.
    """
    taken = list(found)
    people: dict[int, dict[str, Any]] = {}
    for words, user in by_id.items():
        start = text.index(words)
        people[start] = user
        taken.append(("text_mention", start, start + len(words)))
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            is_free = all(match.end() <= start or end <= match.start() for _, start, end in taken)
            if is_free and (kind != "mention" or _is_name(match[0][1:], usernames)):
                taken.append((kind, match.start(), match.end()))
    return [_entity(text, item, people) for item in sorted(taken, key=lambda item: item[1])]


def _is_name(word: str, usernames: Collection[str]) -> bool:
    return len(word) >= _SHORTEST_MENTION or word.lower() in usernames


def _entity(text: str, item: Found, people: Mapping[int, dict[str, Any]]) -> dict[str, Any]:
    kind, start, end = item
    entity = {"type": kind, "offset": units(text[:start]), "length": units(text[start:end])}
    return entity | {"user": people[start]} if kind == "text_mention" else entity

"""Text -> tokens: where words, numbers, currencies, mentions and hashtags are, and what stands glued to them.

The scanner is ours, and not lark's, because a token's meaning hangs on what touches it: "10" is a number in "10 €" and
nothing that may be paid in "10x", "@bob" is a person and in "@bob.example" a cut piece of somebody else. The order in
which tokens make a command is the grammar's.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from botpay.markup import merge, plain_spans
from botpay.message import Span, SpanKind
from botpay.parsing.vocabulary import fold, split_elision

_CURRENCY_SIGNS = (
    "$¢£¤¥֏؋߾߿৲৳৻૱௹฿៛₠-⃀꠸﷼﹩＄￠￡￥￦\U00011fdd-\U00011fe0\U0001e2ff\U0001ecb0"  # every character of category Sc
)
_MARKS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_EMOJI = "\u2600-\u27bf\u2b05-\u2bff\u231a-\u23ff\U0001f000-\U0001faff"
_LIKE = "\ufe0e\ufe0f\u200d\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"  # what follows an emoji and belongs to it

MASK = "\ufffc"  # OBJECT REPLACEMENT CHARACTER stands for text that is not said: code, a link

_TOKEN = re.compile(
    rf"(?P<word>(?:[^\W\d_][{_MARKS}]*)+(?:['’ʼ](?:[^\W\d_][{_MARKS}]*)+)*)"
    r"|(?P<number>\d+(?:[.,'’_]\d+|[ \u00a0\u202f\u2009]\d{3}(?!\d))*)"
    r"|(?P<at>[@＠][^\s,;:!?()\[\]{}\"«»<>|@＠]*)"
    rf"|(?P<hash>[#＃](?:\w[{_MARKS}]*)+)"
    r"|(?P<slash>(?<!\S)/[^\W\d_]\w*(?:@\w+)?)"
    rf"|(?P<sign>[{_CURRENCY_SIGNS}])"
    r"|(?P<arrow>→|->|=>|➡\ufe0f?)"
    rf"|(?P<emoji>[{_EMOJI}][{_LIKE}]*)"
    rf"|(?P<mask>{MASK}+)"
    r"|(?P<other>\S)"
)
_HASHTAG = re.compile(rf"[#＃](?:\w[{_MARKS}]*)+")
_URL = re.compile(r"(?:https?://|www\.)\S+|(?<![\w@])[\w-]++(?:\.[\w-]++)++/\S*", re.IGNORECASE)
_HYPHENS = frozenset("-\u2010\u2011")
_SOFT = frozenset(",;:!.…¡·•")
_SPACES = frozenset(" \t\r\n\u00a0\u202f\u3000")  # those that are seen: a hair space is none
_QUOTES = frozenset("\"'“”„«»‹›‘’`´")
_AFTER = re.compile(r"[.,;:!?)…\]\"»”’'*_~]*")
_HANDLE = re.compile(r"[A-Za-z0-9_]{1,64}")  # as twitter-text has it; other letters imitate these
_PLATFORM_HANDLE = re.compile(r"[A-Za-z0-9_.@\-]{1,255}")
_NOBODY = frozenset("everyone here channel all tous group everybody online".split())


@dataclass(slots=True)
class Token:
    """A piece of the text: `text[start:end]`.

    Attributes:
        kind: a terminal of the grammar, or a name of the scanner's own that no rule takes.
        word: the folded word, or the characters as they stand.
        value: what later steps found it to mean.
        glued: nothing stands between this token and the one before.
    """

    kind: str
    start: int
    end: int
    word: str
    value: Any = None
    glued: bool = False


def scan(text: str, spans: Sequence[Span], me: frozenset[str]) -> tuple[str, list[Token]]:
    """The text without what was quoted, and its tokens in order.

    Args:
        spans: what the platform marked.
        me: the bot's names, folded: a mention of one of them is a token `BOT`.
    """
    spans = [span for span in spans if 0 <= span.start < span.end <= len(text)]
    spans = merge(spans, list(plain_spans(text)))
    heard = _blank(text, (s for s in spans if s.kind is SpanKind.QUOTE), "\n")
    said = _blank(heard, (s for s in spans if s.kind in (SpanKind.CODE, SpanKind.LINK, SpanKind.EMAIL)), MASK)
    if "/" in said or "www." in said:
        for found in _URL.finditer(said):
            said = _cover(said, found.start(), found.end(), MASK)
    tokens: list[Token] = []
    at = 0
    for span in spans:
        if span.kind in (SpanKind.MENTION, SpanKind.OTHER):
            tokens += _tokens(said, at, span.start, me)
            tokens.append(_marked(said, span, me))
            at = span.end
    tokens += _tokens(said, at, len(said), me)
    tokens = tokens if _HYPHENS.isdisjoint(said) else _without_hyphens(tokens)
    for before, after in pairwise(tokens):
        after.glued = before.end == after.start
    return heard, tokens


def _without_hyphens(tokens: list[Token]) -> list[Token]:
    """Tokens without the hyphens inside of words: "vingt-cinq", "peux-tu"."""
    inner = {
        index + 1
        for index, (a, b, c) in enumerate(zip(tokens, tokens[1:], tokens[2:], strict=False))
        if b.word in _HYPHENS and a.kind == c.kind == "WORD" and a.end == b.start and b.end == c.start
    }
    return [token for index, token in enumerate(tokens) if index not in inner] if inner else tokens


def hashtags(text: str) -> Iterator[str]:
    """The bodies of what looks like hashtags, as written."""
    return (found[0][1:] for found in _HASHTAG.finditer(text))


def _tokens(text: str, start: int, end: int, me: frozenset[str]) -> Iterator[Token]:
    for found in _TOKEN.finditer(text, start, end):
        kind, at, to = found.lastgroup, found.start(), found.end()
        if kind == "word":
            yield from _words(found[0], at)
        elif kind == "at":
            mention = _mention(text, at, to, me)
            yield mention
            if mention.end < to:
                yield Token("SOFT", mention.end, to, text[mention.end : to])
        elif kind == "hash":
            yield _hashtag(text, at, to)
        else:
            yield _other(kind or "other", found[0], at, to)


def _words(written: str, start: int) -> Iterator[Token]:
    word = fold(written)
    if "'" not in word or len(parts := split_elision(word)) == 1:
        numeric = not word.isascii() and any(c.isnumeric() for c in word)
        yield Token("FIGURE" if numeric else "WORD", start, start + len(written), word, written)
        return
    cut = start + len(re.split(r"['’ʼ]", written, maxsplit=1)[0]) + 1
    yield Token("WORD", start, cut, parts[0], written[: cut - start])
    yield Token("WORD", cut, start + len(written), parts[1], written[cut - start :])


def _other(kind: str, written: str, start: int, end: int) -> Token:
    match kind:
        case "number":
            return Token("DIGITS", start, end, written)
        case "sign":
            return Token("CURRENCY", start, end, written)
        case "slash":
            return Token("SLASH", start, end, fold(written[1:]), written)
        case "arrow":
            return Token("TO", start, end, written)
        case "emoji" if not written.isnumeric() and "\u20e3" not in written:
            return Token("SOFT", start, end, written)
        case "mask":
            return Token("MASK", start, end, written)
    if written in _SOFT:
        return Token("SOFT", start, end, written)
    if written in _QUOTES:
        return Token("QUOTE", start, end, written)
    return Token("FIGURE" if written.isnumeric() else "SIGN", start, end, written)


def _mention(text: str, start: int, end: int, me: frozenset[str]) -> Token:
    """ "@" and what follows: a person if it is a whole handle with nothing glued to either side."""
    handle = _without_end(text[start + 1 : end])
    to = start + 1 + len(handle)
    if start and text[start - 1].isalnum():
        return Token("EMAIL", start, end, text[start:end])
    if _touches_left(text, start) or _touches_right(text, to) or text[start] != "@":
        return Token("INVALID", start, end, text[start:end])
    label = handle.casefold()
    if label in me:
        return Token("BOT", start, to, label)
    if not _HANDLE.fullmatch(handle) or label in _NOBODY:
        return Token("INVALID", start, end, text[start:end])
    return Token("PAYEE", start, to, label, (None, handle))


def _without_end(body: str) -> str:
    """The body of a mention without the punctuation and emoji that end it; an ellipsis is a cut name, and stays."""
    body = re.sub(rf"[{_EMOJI}][{_EMOJI}{_LIKE}]*$", "", body)
    stripped = body.rstrip(".*~'’”")
    return body if body[len(stripped) :].startswith("..") else stripped


def _hashtag(text: str, start: int, end: int) -> Token:
    """A hashtag; `INVALIDTAG` if it is glued to something that makes it a piece of another."""
    body = text[start + 1 : end]
    kind = "HASHTAG"
    if _touches_left(text, start) or not any(c.isalpha() for c in body):
        kind = "SIGN"
    elif _touches_right(text, end) or not _one_script(body):
        kind = "INVALIDTAG"
    return Token(kind, start, end, fold(body), text[start:end])


def _marked(text: str, span: Span, me: frozenset[str]) -> Token:
    """What the platform marked itself: somebody by id or handle, or what is neither a person nor a charity."""
    written = text[span.start : span.end]
    handle = written.lstrip("@")
    if span.kind is SpanKind.OTHER:
        kind = "INVALID" if written[0] in "@#<" else "WORD" if any(c.isalnum() for c in written) else "SOFT"
        return Token("SOFT" if re.fullmatch(r":[^:\s]+:", written) else kind, span.start, span.end, written, written)
    label = (span.actor_id or handle).casefold()
    if label in me:
        return Token("BOT", span.start, span.end, label)
    if span.actor_id is not None:
        return Token("PAYEE", span.start, span.end, span.actor_id, (span.actor_id, None))
    if not _PLATFORM_HANDLE.fullmatch(handle):
        return _mention(text, span.start, span.end, me)
    if _touches_left(text, span.start) or _touches_right(text, span.end) or label in _NOBODY:
        return Token("INVALID", span.start, span.end, written)
    return Token("PAYEE", span.start, span.end, label, (None, handle))


def _touches_left(text: str, start: int) -> bool:
    """Something before that makes the mention or tag a piece of a longer word, an address or a path."""
    before = text[start - 1] if start else " "
    return not (before in _SPACES or before in "([{\"'“«:,;.!?¡¿€→>*" or unicodedata.category(before) == "So")


def _touches_right(text: str, end: int) -> bool:
    """Something behind, past closing punctuation, that makes the mention or tag a piece of something longer."""
    found = _AFTER.match(text, end)
    stop = found.end() if found else end
    behind = text[end:stop]
    if behind.startswith(("…", "..")) or stop == len(text):
        return behind.startswith(("…", ".."))
    after = text[stop]
    return not (after in _SPACES or unicodedata.category(after) == "So" or (behind and after in "@#"))


def _one_script(word: str) -> bool:
    """Whether the letters of a word come from one script (Latin letters beside Cyrillic ones imitate each other)."""
    if word.isascii():
        return True
    scripts = {unicodedata.name(c, "?").split()[0] for c in unicodedata.normalize("NFKC", word) if c.isalpha()}
    return len(scripts - {"HIRAGANA", "KATAKANA", "CJK", "KATAKANA-HIRAGANA"}) <= 1


def _blank(text: str, spans: Iterable[Span], by: str) -> str:
    for span in spans:
        text = _cover(text, span.start, span.end, by)
    return text


def _cover(text: str, start: int, end: int, by: str) -> str:
    return text[:start] + by * (end - start) + text[end:]

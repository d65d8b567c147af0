"""Platform mark-up in a text -> plain text and spans.

Adapters use it at the edge where a platform sends mark-up instead of spans, and the parser uses it for what people mark
by hand. All offsets are code points of the text that is returned. Spans come in order and do not overlap.
"""

import re

from botpay.message import Span, SpanKind

_SLACK = re.compile(
    r"(?P<block>```.*?(?:```|\Z))"
    r"|(?P<code>`[^`\n]+`)"
    r"|(?P<quote>^[ \t]*&gt;(?P<all>&gt;&gt;)?)"
    r"|<(?P<angle>[^<>\n]+)>"
    r"|(?P<emoji>(?<![\w:]):(?=[a-z0-9_+'-]{1,100}:)[0-9_']*[a-z+-][a-z0-9_+'-]*:(?![\w:]))"
    r"|&(?P<entity>amp|lt|gt);",
    re.DOTALL | re.MULTILINE,
)
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">"}
_PLAIN = re.compile(
    r"(?P<code>```.*?(?:```|\Z)|`[^`\n]+`)"
    r"|(?P<quote>^[ \t]*(?:>>>.*\Z|>[^\n]*))"
    r"|(?P<passed_on>(?:(?<!\S)(?:RT|MT|QT)[ \t]*:?[ \t]*@|[\"“”«][ \t]*@\w+[ \t]*:|"
    r"^[ \t]*(?:-+[ \t]*)?(?:Forwarded (?:from|message)|Transféré de|Message transféré)\b).*)",
    re.DOTALL | re.MULTILINE,
)
_PLAIN_SIGNS = re.compile(r"[`>]|[RMQ]T|@\w+[ \t]*:|orwarded|ransféré")


def read_slack(text: str, *, channels_are_tags: bool = False) -> tuple[str, tuple[Span, ...]]:
    """Slack's mrkdwn as it stands in events and in slash commands with escaping on.

    `<@U1|label>` becomes "<@U1>" with a mention of U1 (the label is for show), `<#C1|tag>` becomes "#tag" and is no
    hashtag, `<!here>` becomes "@here" and is no person; links give their label, and `&amp; &lt; &gt;` are undone.
    (docs.slack.dev, "Formatting message text")

    Args:
        channels_are_tags: a channel that is named counts as the hashtag that somebody typed and Slack made a link of.
    """
    out: list[str] = []
    spans: list[Span] = []
    quotes: list[tuple[int, bool]] = []
    length = at = 0
    for found in _SLACK.finditer(text):
        before = text[at : found.start()]
        shown, kind, actor_id = _slack_piece(found)
        length += len(before)
        if found["quote"] is not None:
            quotes.append((length, found["all"] is not None))
        if channels_are_tags and (found["angle"] or "").startswith("#") and _label(found["angle"]):
            kind = SpanKind.HASHTAG
        if kind is not None and shown:
            spans.append(Span(kind, length, length + len(shown), actor_id))
        out += before, shown
        length += len(shown)
        at = found.end()
    plain = "".join(out) + text[at:]
    return plain, merge(spans, [_quoted(plain, start, to_the_end) for start, to_the_end in quotes])


def read_plain(text: str) -> tuple[str, tuple[Span, ...]]:
    """What people mark by hand anywhere; the text comes back as it is.

    `Code` in backticks, lines that begin with ">", and words passed on, as in "RT @x: ...".
    """
    return text, plain_spans(text)


def plain_spans(text: str) -> tuple[Span, ...]:
    """The spans of `read_plain`; quick where there is nothing to find."""
    if not _PLAIN_SIGNS.search(text):
        return ()
    kinds = {"code": SpanKind.CODE, "quote": SpanKind.QUOTE, "passed_on": SpanKind.QUOTE}
    return tuple(Span(kinds[m.lastgroup or "quote"], m.start(), m.end()) for m in _PLAIN.finditer(text))


def merge(spans: list[Span], strong: list[Span]) -> tuple[Span, ...]:
    """Both lists as one, in order and without overlaps; where two overlap, the strong one and then the first stays."""
    if not spans and not strong:
        return ()
    kept: list[Span] = []
    for span in sorted(strong, key=lambda s: (s.start, -s.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    free = [s for s in spans if not any(s.start < k.end and k.start < s.end for k in kept)]
    for span in sorted(free, key=lambda s: (s.start, -s.end)):
        if not any(span.start < k.end and k.start < span.end for k in kept[-1:]):
            kept.append(span)
    return tuple(sorted(kept, key=lambda s: s.start))


def _slack_piece(found: re.Match[str]) -> tuple[str, SpanKind | None, str | None]:
    """What a piece of mark-up shows, and what it marks."""
    if found["angle"] is not None:
        return _slack_angle(found["angle"])
    if found["entity"] is not None:
        return _ENTITIES[found["entity"]], None, None
    if found["emoji"] is not None:
        return found["emoji"], SpanKind.OTHER, None
    if found["quote"] is not None:
        return _unescaped(found["quote"]), None, None
    return _unescaped(found[0]), SpanKind.CODE, None


def _slack_angle(inside: str) -> tuple[str, SpanKind | None, str | None]:
    """`<...>`: a mention, a channel, a group or a link, each with an optional label after "|"."""
    target, label = inside.partition("|")[0], _label(inside)
    if target.startswith("@"):
        known = re.fullmatch(r"@[UW][A-Z0-9]+", target)
        return f"<{target}>", SpanKind.MENTION if known else SpanKind.OTHER, target[1:] if known else None
    if target.startswith("#"):
        return f"#{label or target[1:]}", SpanKind.OTHER, None
    if target.startswith("!"):
        return "@" + (label or target[1:]).lstrip("@"), SpanKind.OTHER, None
    kind = SpanKind.EMAIL if target.startswith("mailto:") else SpanKind.LINK
    return label or _unescaped(target), kind, None


def _label(inside: str) -> str:
    return _unescaped(inside.partition("|")[2])


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _quoted(text: str, start: int, to_the_end: bool) -> Span:
    end = -1 if to_the_end else text.find("\n", start)
    return Span(SpanKind.QUOTE, start, len(text) if end < 0 else end)

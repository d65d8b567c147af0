"""Platform mark-up becomes plain text and spans."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botpay.markup import merge, read_plain, read_slack
from botpay.message import Span, SpanKind


def marked(text: str, spans: tuple[Span, ...]) -> list[tuple[str, str, str | None]]:
    """Spans as what they are, what they cover and whom they name."""
    return [(span.kind.value, text[span.start : span.end], span.actor_id) for span in spans]


SLACK = [
    ("10 € <@U1AB>", "10 € <@U1AB>", [("mention", "<@U1AB>", "U1AB")]),
    ("<@W1AB|bob> <@U2>", "<@W1AB> <@U2>", [("mention", "<@W1AB>", "W1AB"), ("mention", "<@U2>", "U2")]),
    ("<@bob>", "<@bob>", [("other", "<@bob>", None)]),
    ("<#C1|eau>", "#eau", [("other", "#eau", None)]),
    ("<!here> <!subteam^S1|@all>", "@here @all", [("other", "@here", None), ("other", "@all", None)]),
    ("<https://a.b|ici>", "ici", [("link", "ici", None)]),
    ("<https://a.b/c>", "https://a.b/c", [("link", "https://a.b/c", None)]),
    ("<mailto:a@b.c|a@b.c>", "a@b.c", [("email", "a@b.c", None)]),
    ("1 &lt; 2 &amp;&gt; 1 &amp;lt;", "1 < 2 &> 1 &lt;", []),
    ("a `&lt;@U1&gt;` b", "a `<@U1>` b", [("code", "`<@U1>`", None)]),
    ("```\n<@U1>\n``` x", "```\n<@U1>\n``` x", [("code", "```\n<@U1>\n```", None)]),
    ("&gt; <@U1> 10 €\nsuite", "> <@U1> 10 €\nsuite", [("quote", "> <@U1> 10 €", None)]),
    ("a\n&gt;&gt;&gt; b\nc", "a\n>>> b\nc", [("quote", ">>> b\nc", None)]),
    (":pizza: 10:30", ":pizza: 10:30", [("other", ":pizza:", None)]),
    ("<>", "<>", []),
    ("a<|>b", "ab", []),
    ("a < b", "a < b", []),
]


@pytest.mark.parametrize(("written", "text", "spans"), SLACK)
def test_slack_mark_up_becomes_text_and_spans(
    written: str, text: str, spans: list[tuple[str, str, str | None]]
) -> None:
    """Ids count and labels do not; a channel is no hashtag, a group no person; escapes are undone once."""
    plain, found = read_slack(written)
    assert plain == text
    assert marked(plain, found) == spans


PLAIN = [
    ("`#envoyer` ok", [("code", "`#envoyer`", None)]),
    ("```a\nb``` ok", [("code", "```a\nb```", None)]),
    ("> a\nb\n  > c", [("quote", "> a", None), ("quote", "  > c", None)]),
    ("a > b", []),
    ("RT @x: b c", [("quote", "RT @x: b c", None)]),
    ("lol RT @x b", [("quote", "RT @x b", None)]),
    ("ART @x", []),
    ('"@x: b"', [("quote", '"@x: b"', None)]),
    ("Forwarded from Bob\nb", [("quote", "Forwarded from Bob\nb", None)]),
    ("plain", []),
]


@pytest.mark.parametrize(("text", "spans"), PLAIN)
def test_hand_made_marks_are_found(text: str, spans: list[tuple[str, str, str | None]]) -> None:
    """Backticks, quoted lines and words passed on are marked on any platform; the text stays as it is."""
    plain, found = read_plain(text)
    assert plain == text
    assert marked(plain, found) == spans


@given(st.text(alphabet="<>@#!|&;`ab1U \n:gtlamp/", max_size=40))
@settings(max_examples=300, deadline=None)
def test_spans_come_in_order_and_do_not_overlap(text: str) -> None:
    """Whatever is written, spans lie inside the text, in order, without overlaps."""
    for plain, spans in (read_slack(text), read_plain(text)):
        ends = [0, *(span.end for span in spans)]
        assert all(end <= span.start < span.end <= len(plain) for end, span in zip(ends, spans, strict=False))


def test_the_stronger_span_stays() -> None:
    """A mention inside of a quotation is part of the quotation."""
    quote, mention = Span(SpanKind.QUOTE, 0, 9), Span(SpanKind.MENTION, 2, 5, "U1")
    assert merge([mention], [quote]) == (quote,)
    assert merge([Span(SpanKind.LINK, 8, 12)], [quote]) == (quote,)
    assert merge([mention], [Span(SpanKind.CODE, 6, 8)]) == (mention, Span(SpanKind.CODE, 6, 8))

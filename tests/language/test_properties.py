"""What must hold for every text and every command, tried on many."""

import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botpay.commands import (
    Cancel,
    Command,
    Donate,
    Help,
    Payee,
    RequestMoney,
    SendMoney,
    SetLanguage,
    ShowBalance,
    ShowHistory,
)
from botpay.errors import Code, Refusal
from botpay.markup import read_slack
from botpay.money import Money
from botpay.parsing import Context, read, render
from botpay.parsing.vocabulary import LANGUAGES

HANDLES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{2,20}", fullmatch=True).filter(lambda h: not h.lower().endswith("bot"))
NOBODY = {"everyone", "here", "channel", "all", "tous", "group", "everybody", "online"}
PAYEES = st.one_of(
    HANDLES.filter(lambda h: h.lower() not in NOBODY).map(lambda h: Payee(f"@{h}", None, h)),
    st.from_regex(r"U[A-Z0-9]{6,10}", fullmatch=True).map(lambda i: Payee(f"<@{i}>", i, None)),
)
WORDS = st.sampled_from(
    ["la pizza", "le ciné 🎬", "lunch", "2 bières", "die Karten", "o jantar", "é já", "🍕🍕", "a/b", "18h"]
)
MEMOS = st.one_of(st.none(), st.lists(WORDS, min_size=1, max_size=4).map(lambda words: "pour " + " ".join(words)))
PERSON = st.integers(1, 250_00).map(Money)
TAGS = st.sampled_from(["#eaupourtous", "#ÉcoleDemain", "#croix_rouge", "#水"])
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(SendMoney, PERSON, PAYEES, MEMOS),
    st.builds(RequestMoney, PERSON, PAYEES, MEMOS),
    st.builds(Donate, st.integers(1, 500_00).map(Money), TAGS, MEMOS),
    st.sampled_from([ShowBalance(), ShowHistory(), Cancel(), Help(), *map(SetLanguage, ("fr", "en", "nl"))]),
)
PIECES = st.sampled_from(
    "#envoyer|#send|/pay|envoie|10|€|10 €|1.234|@bob|@PayBot|#eaupourtous|à|pour|et|ou|pas|?|dix|euros|centimes|-|%|`|>"
    "|\n|\u200b|\u202e|🍕|RT @x:|١|n'|<@U1>".split("|")
)
TEXTS = st.one_of(st.text(), st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=12).map(" ".join))


@given(COMMANDS, st.sampled_from(LANGUAGES))
@settings(max_examples=300, deadline=None)
def test_what_a_command_says_is_read_as_that_command(command: Command, language: str) -> None:
    """`read(render(c)) == c`, for every command in every language."""
    text, spans = read_slack(render(command, language))
    assert read(text, Context(spans=spans)).meaning == command


@given(TEXTS, st.booleans())
@settings(max_examples=500, deadline=None)
def test_every_text_has_a_reading(text: str, private: bool) -> None:
    """Reading is total: any text gives a command, a refusal or nothing, and never an exception."""
    said, spans = read_slack(text)
    for words, marks in ((text, ()), (said, spans)):
        meaning = read(words, Context(private=private, me=("PayBot",), spans=marks)).meaning
        if isinstance(meaning, SendMoney | Donate | RequestMoney):
            assert 0 < meaning.amount.minor <= 500_00


@given(st.integers(1, 99), st.integers(0, 99), st.characters(), st.integers(0, 5))
@settings(max_examples=500, deadline=None)
def test_no_character_inside_an_amount_makes_it_another(euros: int, cents: int, char: str, at: int) -> None:
    """Whatever one character slips into "12,34": refused, or it is a digit, or it stands outside."""
    amount = f"{euros},{cents:02d}"
    at = min(at, len(amount))
    written = amount[:at] + char + amount[at:]
    meaning = read(f"#envoyer {written} € @bob", Context()).meaning
    if isinstance(meaning, SendMoney):
        digit = char in "0123456789"
        assert digit or at in (0, len(amount)), written
        expected = Decimal((written if digit else amount).replace(",", "."))
        assert meaning.amount.minor == expected * 100, written


@pytest.mark.parametrize(
    "piece",
    ["1 000 ", "@", "#", "a.", "10€ ", "@bob ", "`", "> x\n", "<@U1> ", "dix ", "à ", "a-b-", "'", "(", "RT @x: "],
)
def test_reading_takes_bounded_time(piece: str) -> None:
    """The longest message takes well under a second, whatever it repeats."""
    for start in ("", "#envoyer 10 € @bob "):
        text = (start + piece * 4096)[:4096]
        began = time.perf_counter()
        said, spans = read_slack(text)
        read(text, Context(private=True, me=("PayBot",)))
        read(said, Context(private=True, me=("PayBot",), spans=spans))
        assert time.perf_counter() - began < 1


@pytest.mark.parametrize("private", [True, False])
def test_a_text_that_is_too_long_is_no_command(private: bool) -> None:
    """Above 4,096 characters nothing is read: refused where it is said to us, passed over elsewhere."""
    text = "#envoyer 10 € @bob pour " + "la " * 4096
    meaning = read(text, Context(private=private)).meaning
    assert meaning == (Refusal(Code.BAD_INPUT) if private else None)

"""The lines that scripts send and get."""

import json
from typing import Any

import pytest

from botpay.errors import Code, Refusal
from botpay.explain import explain
from botpay.jsonl import ParseOptions, parse_line
from botpay.money import Money

OPTIONS = ParseOptions(bots=("PayBot", "telegram:@SmoneyBot"), charities=("eaupourtous",))


def parsed(**asked: Any) -> dict[str, Any]:
    """The answer to one message."""
    answer: dict[str, Any] = json.loads(parse_line(json.dumps(asked), OPTIONS))
    return answer


def test_a_transfer_has_all_its_parts() -> None:
    """Amounts are decimal strings with all digits; keys that say nothing are left out."""
    assert parsed(id="a1", text="#envoyer 10,5 € @bob pour la pizza 🍕") == {
        "id": "a1",
        "outcome": "transfer",
        "amount": "10.50",
        "currency": "EUR",
        "recipient": "@bob",
        "memo": "pour la pizza 🍕",
    }
    assert parsed(id=2, text="salut") == {"id": 2, "outcome": "not_a_command"}


def test_a_refusal_speaks_the_language_of_the_message() -> None:
    """The message of an error is the sentence that its author would get."""
    french, english = parsed(id=1, text="#envoyer 10 @bob"), parsed(id=1, text="#send 10 @bob")
    assert french["error"]["code"] == english["error"]["code"] == "missing_currency"
    assert "rien n’est parti" in french["error"]["message"]
    assert "othing was sent" in english["error"]["message"]


@pytest.mark.parametrize(
    ("line", "known"),
    [
        ("", None),
        ("not json", None),
        ("[]", None),
        ("1", None),
        ('{"id": 5}', 5),
        ('{"id": "x", "text": 1}', "x"),
        ('{"id": "x", "text": "a", "private": "yes"}', "x"),
        ('{"id": "x", "text": "a", "platform": 3}', "x"),
        ('{"id": [1], "text": "a"}', None),
        ('{"id": NaN, "text": "a"}', None),
        ('{"id": 1e999, "text": "a"}', None),
        ("[" * 100000, None),
    ],
)
def test_a_malformed_line_is_answered_with_its_id(line: str, known: object) -> None:
    """A line that is no message is bad input; the rest of the stream goes on."""
    answer = json.loads(parse_line(line, OPTIONS))
    assert answer["id"] == known
    assert (answer["outcome"], answer["error"]["code"]) == ("error", "bad_input")


def test_an_answer_is_one_line_of_ascii() -> None:
    """No character of a message can break a line or fail to be written."""
    answer = parse_line(json.dumps({"id": "\u2028\ud800", "text": "#envoyer 10 € @bob a\u2028b\u0085c"}), OPTIONS)
    assert answer.isascii()
    assert answer.splitlines() == [answer]


def test_a_bot_name_may_be_of_one_platform() -> None:
    """ "telegram:SmoneyBot" is the bot's name there, and somebody else's elsewhere."""
    assert parsed(id=1, text="@SmoneyBot solde", platform="telegram")["outcome"] == "balance"
    assert parsed(id=1, text="@SmoneyBot solde", platform="twitter")["outcome"] == "not_a_command"
    assert parsed(id=1, text="@PayBot solde", platform="twitter")["outcome"] == "balance"


def test_without_charities_no_tag_is_one() -> None:
    """A forgotten --charity shows as an unknown charity, never as a donation."""
    line = json.dumps({"id": 1, "text": "#envoyer 20 € #eaupourtous"})
    assert json.loads(parse_line(line, ParseOptions()))["error"]["code"] == "unknown_charity"
    assert json.loads(parse_line(line, OPTIONS))["charity"] == "#eaupourtous"


@pytest.mark.parametrize("language", ["fr", "en", "nl"])
@pytest.mark.parametrize("code", list(Code)[: list(Code).index(Code.LIMIT_EXCEEDED) + 1])
def test_every_refusal_of_a_message_has_a_sentence(code: Code, language: str) -> None:
    """Whatever was understood besides, each code has a sentence in each language, and all its words are filled in."""
    known = {"amount": Money(10_00), "limit": Money(250_00), "payee": "@bob", "tag": "#eau", "suggestion": "#envoyer"}
    for details in (known, {"tag": "#eau", "limit": Money(250_00)}):
        said = explain(Refusal.because(code, **details), language)
        assert said
        assert "{" not in said

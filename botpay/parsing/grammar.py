"""The only importer of lark: tokens in; which is the action, the amount, the payee and the memo out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from botpay.parsing.scanner import Token

_PARTS = {
    "GIVE": "action",
    "GIVE_LAST": "action",
    "ASK_FOR": "action",
    "ASK_FOR_LAST": "action",
    "BALANCE": "action",
    "HISTORY": "action",
    "CANCEL": "action",
    "HELP": "action",
    "MONEY": "amount",
    "PAYEE": "recipient",
    "CHARITY": "recipient",
}

_TERMINALS = dict.fromkeys(("STORY", "ME", "TAG", "MASK"), "WORD") | dict.fromkeys(
    ("OR", "NOT", "IF", "ABOUT", "EACH", "MINUS", "DIGITS", "FIGURE", "NUMERAL", "SIGN", "EMAIL"), "LOOSE"
)
"""Kinds that the grammar does not tell apart; every other kind is a terminal of its own, or none."""
_STARTS = {"GIVE": "give", "GIVE_LAST": "give", "ASK_FOR": "ask", "ASK_FOR_LAST": "ask", "CHOOSE": "choice"}


@dataclass(slots=True)
class Sentence:
    """What the grammar found, as tokens; `memo` holds the first and the last token of the memo."""

    action: Token
    amount: Token | None = None
    recipient: Token | None = None
    memo: tuple[Token, Token] | None = None
    chosen: Token | None = None


def parse(tokens: Sequence[Token], action: str) -> Sentence | None:
    """The sentence that these tokens make, or None if they make none.

    Args:
        action: the kind of the action among the tokens.
    """
    from lark.exceptions import UnexpectedInput

    try:
        tree = _parser().parse(tokens, start=_STARTS.get(action, "enquiry"))
    except UnexpectedInput:
        return None
    if tree.data == "choice":
        action_token, chosen = (child.value for child in tree.children)
        return Sentence(action=action_token, chosen=chosen)
    parts: dict[str, Any] = {}
    between: list[Token] = []
    for child in tree.children:
        if child.__class__.__name__ == "Tree":
            parts["memo"] = (child.children[0].value, child.children[-1].value)
        elif child.type in _PARTS:
            parts[_PARTS[child.type]] = child.value
        elif "amount" in parts:
            between.append(child.value)
    if tree.data == "give_with_memo_between":
        parts["memo"] = (between[0], between[-2])
    return Sentence(**parts)


@cache
def _parser() -> Any:
    """lark is imported when the first command comes, so that what never parses does not wait for it."""
    from lark import Lark
    from lark import Token as Terminal
    from lark.lexer import Lexer

    class Hand(Lexer):
        """Hands our tokens over; lark calls for a class that makes its lexer."""

        def __init__(self, conf: object) -> None:
            del conf

        def lex(self, data: Sequence[Token]) -> Iterator[Terminal]:  # type: ignore[override]
            for token in data:
                terminal = Terminal(_TERMINALS.get(token.kind, token.kind), "")
                terminal.value = token
                yield terminal

    text = resources.files("botpay").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer=Hand, maybe_placeholders=False, start=["give", "ask", "enquiry", "choice"])

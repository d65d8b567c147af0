"""A parsed sentence -> a command: the amount, the payee and the memo as they were written."""

import re
import unicodedata

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
from botpay.parsing.context import Context
from botpay.parsing.grammar import Sentence
from botpay.parsing.listening import Heard
from botpay.parsing.scanner import Token
from botpay.parsing.vocabulary import vocabulary

LONGEST_MEMO = 140
"""Characters, as in the remittance information of a SEPA credit transfer (EPC115-06)."""

_ENQUIRIES: dict[str, Command] = {
    "BALANCE": ShowBalance(),
    "HISTORY": ShowHistory(),
    "CANCEL": Cancel(),
    "HELP": Help(),
}
_KEPT_FORMATS = re.compile("[\u200c\u200d\U000e0020-\U000e007f]")  # they shape emoji and some scripts


def command_of(sentence: Sentence, heard: Heard, context: Context) -> Command | None:
    """The command; None if it names nobody and answers nobody."""
    if sentence.action.kind in _ENQUIRIES:
        return _ENQUIRIES[sentence.action.kind]
    if sentence.chosen is not None:
        chosen = vocabulary().names.get(sentence.chosen.word)
        return SetLanguage(chosen) if chosen else None
    payee = payee_of(sentence.recipient, heard.text) if sentence.recipient else context.reply_to
    if sentence.amount is None or payee is None:
        return None
    amount, memo = sentence.amount.value, memo_of(sentence, heard)
    if sentence.recipient and sentence.recipient.kind == "CHARITY":
        return Donate(amount, sentence.recipient.value, memo)
    if sentence.action.kind.startswith("ASK_FOR"):
        return RequestMoney(amount, payee, memo)
    return SendMoney(amount, payee, memo)


def payee_of(token: Token, text: str) -> Payee:
    """Whom a mention names, as written."""
    actor_id, handle = token.value if token.kind == "PAYEE" else (None, None)
    return Payee(written=text[token.start : token.end], id=actor_id, handle=handle)


def memo_of(sentence: Sentence, heard: Heard) -> str | None:
    """The words after the last part, or between two parts, as written; None if there are none."""
    parts = [part for part in (sentence.action, sentence.amount, sentence.recipient) if part is not None]
    if sentence.memo is None:
        start, end = max(part.end for part in parts), len(heard.text)
    else:
        first, last = sentence.memo
        start = max(part.end for part in parts if part.end <= first.start)
        after = [part.start for part in parts if part.start >= last.end]
        end = last.end if after else len(heard.text)
    inside = [token for token in heard.tokens if token.start >= start and token.end <= end]
    while inside and _is_trimmed(inside[0]):
        start = inside.pop(0).end
    dangling = len(inside)
    while inside and (inside[-1].kind in ("PLEASE", "BOT", "ECHO") or (inside[-1].word == "?" and heard.polite)):
        end = inside.pop().start
    memo = clean_memo(heard.text[start:end])
    memo = memo.rstrip(" ,;:-") if dangling != len(inside) else memo
    said = any(not _is_trimmed(token) and token.kind != "HURRY" for token in inside)
    return memo if said and memo else None


def _is_trimmed(token: Token) -> bool:
    """What is no word of a memo where it begins: punctuation, "please", the bot's name."""
    return token.kind in ("PLEASE", "BOT", "ECHO", "DASH") or (token.kind == "SOFT" and token.word in ",;:!.…¡·•")


def clean_memo(memo: str) -> str:
    """A memo without control and bidi characters, on one line, of at most `LONGEST_MEMO` characters."""
    kept = []
    for char in memo:
        category = unicodedata.category(char)
        if char.isspace():
            kept.append(char if category == "Zs" else " ")
        elif category[0] != "C" or _KEPT_FORMATS.match(char):
            kept.append(char)
    return "".join(kept).strip()[:LONGEST_MEMO].strip()

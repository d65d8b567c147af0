"""Why a message that was meant as a command is none: the first reason in the order of `Code`.

Also where to say nothing: a question, a negation or a story told is no command, however much it looks like one.
"""

from collections.abc import Sequence
from typing import Any

from botpay import money
from botpay.errors import Code, Refusal
from botpay.money import Money
from botpay.parsing.amounts import SIGNS
from botpay.parsing.context import Context
from botpay.parsing.listening import MONEY_ACTIONS, Heard
from botpay.parsing.scanner import Token

SMALL_TALK = Refusal.because(Code.UNKNOWN_COMMAND, small_talk=True)
"""Somebody spoke to the bot without giving an order: a hint is due, but nothing went wrong."""

_ORDER = {code: rank for rank, code in enumerate(Code)}
_AMOUNTS = frozenset(("MONEY", "WRONG"))
_NUMBERS = frozenset(("DIGITS", "FIGURE", "NUMERAL"))
_NAMES = frozenset(("PAYEE", "CHARITY", "INVALID", "INVALIDTAG"))
_NEVER = frozenset(("STORY", "NOT", "QUESTION", "IF", "QUOTE"))
_WRITTEN = 40  # characters of a message that a reply may repeat


def why_not(heard: Heard, context: Context) -> Refusal | None:
    """The refusal of a message with an action that is not a clear command; None if nothing should be said."""
    if _is_never(heard) or (is_question(heard) and not _is_complete(heard)):
        return SMALL_TALK if heard.addressed or heard.named else None
    if len(heard.actions) > 1:
        return Refusal(Code.SEVERAL_COMMANDS)
    action = heard.actions[0]
    amounts, names = _amounts(heard.kept), _names(heard)
    if action.kind == "CHOOSE" and (heard.addressed or heard.named):
        return Refusal.because(Code.BAD_INPUT, languages=True)
    if action.kind not in MONEY_ACTIONS:
        return SMALL_TALK if heard.addressed or heard.named else None
    others = [token for token in heard.kept if token is not action]
    if not amounts and not names and others and not (heard.addressed or heard.named):
        return None
    details: dict[str, Any] = {"action": action.value[0]}
    code = min(
        filter(None, (_amount_code(heard, amounts, details), _name_code(heard, context, names, details))),
        key=_ORDER.__getitem__,
        default=None,
    )
    cap = context.cap_charity if names and names[0].kind == "CHARITY" else context.cap_person
    if code in (None, Code.LIMIT_EXCEEDED) and (code or _is_above(details.get("amount"), cap)):
        code, details["limit"] = Code.LIMIT_EXCEEDED, cap
    return Refusal.because(code or Code.UNKNOWN_COMMAND, **details)


def _is_above(amount: object, cap: Money) -> bool:
    return isinstance(amount, Money) and amount.currency == cap.currency and amount > cap


def recipient_code(heard: Heard, context: Context) -> Code | None:
    """What is wrong with whom a message names; None if they may be paid."""
    return _name_code(heard, context, _names(heard), {})


def is_self(token: Token, context: Context) -> bool:
    """Whether a mention names who wrote the message, by id or by handle."""
    author, (actor_id, handle) = context.author, token.value
    if author is None:
        return False
    if actor_id is not None:
        return str(actor_id) == author.id
    return handle.casefold() in (author.id.casefold(), (author.handle or author.id).casefold())


def is_question(heard: Heard) -> bool:
    """It ends with a question mark and does not ask for something to be done."""
    words = [token for token in heard.tokens if token.kind not in ("SOFT", "BOT", "PLEASE", "HURRY", "THANKS")]
    return bool(words) and (words[-1].word == "?" or any(token.word == "¿" for token in words)) and not heard.polite


def says_never(heard: Heard) -> bool:
    """Any word of a question, a negation, a condition or a story, wherever it stands.

    A past participle may be an order that lacks a letter: "envoyé 10 €". It is a story behind another word.
    """
    kept = heard.kept[1:] if heard.kept and heard.kept[0].kind == "STORY" else heard.kept
    return any(token.kind in _NEVER for token in kept)


def _is_never(heard: Heard) -> bool:
    """A question, a negation, a condition, a quotation or a story before the last part of the command."""
    first_action = heard.actions[0].start
    starts = [next((t.start for t in heard.kept if t.kind in kinds), first_action) for kinds in (_AMOUNTS, _NAMES)]
    last = max(first_action, *starts)
    for token in heard.kept:
        if token.kind in _NEVER and token.start < last and not (token.kind == "QUOTE" and token.start > first_action):
            return True
    return False


def _is_complete(heard: Heard) -> bool:
    """It has every part of a payment, so that silence would leave its author to wonder."""
    kinds = {token.kind for token in heard.kept}
    return heard.actions[0].kind in MONEY_ACTIONS and "MONEY" in kinds and bool(kinds & _NAMES)


def _amounts(kept: Sequence[Token]) -> list[Token]:
    """Amounts anywhere; numbers without a currency where they may be amounts: not in a memo."""
    found = [token for token in kept if token.kind in _AMOUNTS]
    end = _memo_start(kept, bool(found))
    numbers = [token for token in kept[:end] if token.kind in _NUMBERS]
    behind = [token for token in kept[end : end + 2] if token.kind not in ("OR", "AND", "NOT")]
    if behind and behind[0].kind in _NUMBERS and (len(behind) == 1 or kept[end] is behind[0]):
        numbers.append(behind[0])
    return sorted(found + numbers, key=lambda token: token.start)


def _memo_start(kept: Sequence[Token], with_currency: bool) -> int:
    """The index behind the first amount and the first name."""
    wanted = _AMOUNTS if with_currency else _NUMBERS
    ends = [
        next((index + 1 for index, token in enumerate(kept) if token.kind in kinds), len(kept))
        for kinds in (wanted, _NAMES)
    ]
    return max(ends)


def _amount_code(heard: Heard, amounts: Sequence[Token], details: dict[str, Any]) -> Code | None:
    if not amounts:
        return Code.MISSING_AMOUNT
    if len(amounts) > 1:
        return Code.SEVERAL_AMOUNTS
    token = amounts[0]
    details["written"] = heard.text[token.start : token.end][:_WRITTEN]
    codes = [_own_code(token, details), *_codes_around(heard.kept, token)]
    return min(filter(None, codes), key=_ORDER.__getitem__, default=None)


def _own_code(token: Token, details: dict[str, Any]) -> Code | None:
    """What is wrong with the amount itself; notes it in the details if it can be said."""
    found = money.from_digits(token.word) if token.kind == "DIGITS" else token.value
    if isinstance(found, Money):
        details["amount"] = found
        if found.minor == 0:
            return Code.ZERO_AMOUNT
        return None if token.kind == "MONEY" else Code.MISSING_CURRENCY
    if isinstance(found, Code):
        return found
    return Code.MISSING_CURRENCY if token.kind == "NUMERAL" else Code.BAD_AMOUNT


def _codes_around(kept: Sequence[Token], amount: Token) -> list[Code]:
    """What signs and words beside an amount make of it: "- 10 €", "environ 10 €", "10 €/mois"."""
    at = kept.index(amount)
    before = kept[at - 1] if at else None
    after = kept[at + 1] if at + 1 < len(kept) else None
    codes = []
    if before is not None and before.kind in ("SIGN", "DASH", "PAREN"):
        codes.append(SIGNS.get(before.word, Code.BAD_AMOUNT))
    if before is not None and before.kind == "MINUS":
        codes.append(Code.NEGATIVE_AMOUNT)
    if after is not None and after.kind in ("SIGN", "DASH") and (after.glued or after.word in "%‰×*"):
        codes.append(Code.BAD_AMOUNT)
    memo = kept[_memo_start(kept, amount.kind in _AMOUNTS) :][:1]
    if any(near is not None and near.kind in ("ABOUT", "EACH") for near in (before, after, *memo)):
        codes.append(Code.AMBIGUOUS_AMOUNT)
    return codes


def _names(heard: Heard) -> list[Token]:
    """Whoever is named: one token each; pieces that are glued together are one."""
    found: list[Token] = []
    for token in heard.tokens:
        if token.kind in _NAMES:
            if token.glued and found and found[-1].end == token.start and "INVALID" in (token.kind, found[-1].kind):
                found[-1] = token if token.kind == "INVALID" else found[-1]
            else:
                found.append(token)
    return found


def _name_code(heard: Heard, context: Context, names: Sequence[Token], details: dict[str, Any]) -> Code | None:
    if len(names) > 1:
        return Code.SEVERAL_RECIPIENTS
    if not names:
        return _nobody_code(heard, context, details)
    token, text = names[0], heard.text
    if token.kind in ("PAYEE", "INVALID"):
        details["payee"] = text[token.start : token.end][:_WRITTEN]
    else:
        details["tag"] = text[token.start : token.end][:_WRITTEN]
    if token.kind == "INVALID":
        return Code.INVALID_RECIPIENT
    if token.kind == "PAYEE" and is_self(token, context):
        return Code.SELF_PAYMENT
    if any(part.kind == "ME" for part in heard.kept[: heard.kept.index(token)]):
        return Code.SELF_PAYMENT
    if heard.named and _pays_bot(heard):
        return Code.BOT_PAYMENT
    if token.kind == "CHARITY":
        return Code.INVALID_RECIPIENT if heard.actions[0].kind.startswith("ASK_FOR") else None
    return Code.UNKNOWN_CHARITY if token.kind == "INVALIDTAG" else _joined_by(heard, token)


def _joined_by(heard: Heard, token: Token) -> Code | None:
    """ "@bob et Ana": somebody else may be meant too, without a mention."""
    at = heard.kept.index(token)
    after = heard.kept[at + 1 : at + 3]
    joined = len(after) == 2 and after[0].kind in ("AND", "OR") and after[1].kind == "WORD"
    return Code.SEVERAL_RECIPIENTS if joined else None


def _nobody_code(heard: Heard, context: Context, details: dict[str, Any]) -> Code | None:
    """Nobody is named by mention or by a charity's tag."""
    tag = next((token for token in heard.tokens if token.kind == "TAG"), None)
    if any(token.kind in ("EMAIL", "MASK") for token in heard.kept):
        return Code.INVALID_RECIPIENT
    if any(token.kind == "ME" for token in heard.kept):
        return Code.SELF_PAYMENT
    if _pays_bot(heard):
        return Code.BOT_PAYMENT
    if tag is not None:
        details["tag"] = heard.text[tag.start : tag.end][:_WRITTEN]
        return Code.UNKNOWN_CHARITY
    if context.reply_to is None:
        return Code.MISSING_RECIPIENT
    details["payee"] = context.reply_to.written
    if context.author is not None and context.reply_to.id == context.author.id:
        return Code.SELF_PAYMENT
    if context.reply_to.id in context.me:
        return Code.BOT_PAYMENT
    return Code.INVALID_RECIPIENT if any(token.kind in ("TO", "FROM") for token in heard.kept) else None


def _pays_bot(heard: Heard) -> bool:
    """The bot's name stands where the recipient should be."""
    if any(token.kind == "BOT" for token in heard.kept):
        return True
    spoken = [
        token
        for token in heard.tokens
        if token.kind not in ("SOFT", "FILLER", "PLEASE", "HURRY", "OPEN", "POLITE", "THANKS")
    ]
    named = any(token.kind in ("PAYEE", "CHARITY") for token in spoken)
    return not named and any(token.kind == "BOT" for token in spoken[1:])

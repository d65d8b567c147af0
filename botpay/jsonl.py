"""`botpay parse --jsonl`: one message a line in, what it means a line out, for scripts and for judging the parser.

In: `{"id", "text", "platform"?, "author"?, "private"?}`. Out: `{"id", "outcome", "amount"?, "currency"?, "recipient"?,
"charity"?, "memo"?, "error"?: {"code", "message"}}`. Lines are ASCII, with everything else escaped as JSON does, so
that no character of a message can be taken for the end of a line.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botpay.commands import (
    Cancel,
    ChangePin,
    Command,
    Donate,
    ForgetMe,
    ForgotPin,
    Help,
    LinkMe,
    RequestMoney,
    SendMoney,
    SetLanguage,
    ShowBalance,
    ShowHistory,
    ShowProfile,
    ShowReceipts,
    UnlinkMe,
)
from botpay.errors import Code, Refusal
from botpay.explain import explain
from botpay.markup import read_slack
from botpay.message import Actor
from botpay.money import Money
from botpay.parsing import Context, normalise_tag, read

_LANGUAGE = "en"  # of a sentence about a line that is no message


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseOptions:
    """The command line's options.

    Attributes:
        bots: the bot's names, "SmoneyBot" for every platform or "telegram:SmoneyBot" for one.
        charities: the tags that are known, with or without "#". With none given no tag is a charity's, so that a
            forgotten option shows as `unknown_charity` and never as a donation.
    """

    bots: tuple[str, ...] = ()
    charities: tuple[str, ...] = ()

    def names_on(self, platform: str) -> tuple[str, ...]:
        """The bot's names on a platform."""
        named = [bot.rpartition(":") for bot in self.bots]
        return tuple(name.lstrip("@") for place, _, name in named if place in ("", platform))


@dataclass(frozen=True, slots=True)
class _Line:
    id: Any
    text: str
    platform: str
    author: str | None
    private: bool


def parse_line(line: str, options: ParseOptions) -> str:
    """What one line means, as one line. Total: a malformed line is outcome "error" with code `bad_input`."""
    asked = _read(line)
    if not isinstance(asked, _Line):
        return _written({"id": asked, **_refused(Refusal(Code.BAD_INPUT), _LANGUAGE)})
    return _written({"id": asked.id, **_meaning(asked, options)})


def _read(line: str) -> Any:
    """The line as a message, or the id of a line that is none (null if it has no id)."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    text, platform, author = found.get("text"), found.get("platform"), found.get("author")
    id_, private = found.get("id"), found.get("private")
    if not isinstance(id_, str | int | float | None) or (isinstance(id_, float) and not math.isfinite(id_)):
        return None
    words = isinstance(platform, str | None) and isinstance(author, str | None)
    if not isinstance(text, str) or not words or not isinstance(private, bool | None):
        return id_
    return _Line(id_, text, platform or "console", author, bool(private))


def _meaning(asked: _Line, options: ParseOptions) -> Mapping[str, Any]:
    text, spans = read_slack(asked.text) if asked.platform == "slack" else (asked.text, ())
    handle = asked.author.lstrip("@") if asked.author else None
    known = frozenset(map(normalise_tag, options.charities))
    context = Context(
        private=asked.private,
        me=options.names_on(asked.platform),
        author=Actor(asked.platform, "", handle, handle) if handle else None,
        spans=spans,
        is_charity=known.__contains__,
    )
    reading = read(text, context)
    if reading.meaning is None:
        return {"outcome": "not_a_command"}
    if isinstance(reading.meaning, Refusal):
        small_talk = bool(reading.meaning.details.get("small_talk"))
        return {"outcome": "not_a_command"} if small_talk else _refused(reading.meaning, reading.language or _LANGUAGE)
    return _said(reading.meaning)


def _said(command: Command) -> dict[str, Any]:
    match command:
        case SendMoney(amount, payee, memo):
            return _payment("transfer", amount, memo, recipient=payee.written)
        case Donate(amount, tag, memo):
            return _payment("donation", amount, memo, charity=tag)
        case RequestMoney(amount, payee, memo):
            return _payment("request", amount, memo, recipient=payee.written)
        case ShowBalance():
            return {"outcome": "balance"}
        case ShowHistory():
            return {"outcome": "history"}
        case Cancel():
            return {"outcome": "cancel"}
        case Help():
            return {"outcome": "help"}
        case (
            SetLanguage()
            | ChangePin()
            | ForgotPin()
            | LinkMe()
            | UnlinkMe()
            | ShowProfile()
            | ForgetMe()
            | ShowReceipts()
        ):  # concerns no money, and has no outcome of its own
            return {"outcome": "not_a_command"}


def _payment(outcome: str, amount: Money, memo: str | None, **whom: str) -> dict[str, Any]:
    said = {"outcome": outcome, "amount": amount.to_decimal_string(), "currency": amount.currency, **whom}
    return {**said, "memo": memo} if memo else said


def _refused(refusal: Refusal, language: str) -> dict[str, Any]:
    return {"outcome": "error", "error": {"code": refusal.code.value, "message": explain(refusal, language)}}


def _written(answer: Mapping[str, Any]) -> str:
    return json.dumps(answer, allow_nan=False)

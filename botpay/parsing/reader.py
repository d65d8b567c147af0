"""Reading a message: look whether it can concern us, listen, parse, and say what it means or why it means nothing."""

import re
from collections.abc import Callable

from botpay.commands import Command, Help
from botpay.errors import Code, Refusal
from botpay.money import Money
from botpay.parsing import grammar, refusals
from botpay.parsing.context import SILENCE, Context, Reading
from botpay.parsing.grammar import Sentence
from botpay.parsing.listening import MONEY_ACTIONS, Heard, listen, normalise_tag
from botpay.parsing.meaning import command_of
from botpay.parsing.own import read_own
from botpay.parsing.scanner import hashtags
from botpay.parsing.vocabulary import fold, split_words, vocabulary

LONGEST = 4096
"""Characters of a message that is read: the most that Telegram lets people send at once."""

_MARKED = re.compile(r"[#＃](\w+)|(?<!\S)/(\w+)")
_NO_WORD = re.compile(r"[^\w'’]+")
_SIGNS = ("#", "/", "＃")


def read(text: str, context: Context) -> Reading:
    """What a message means. Total: every text gives a reading, in bounded time, and none an exception."""
    if context.own and (asked := read_own(text[:LONGEST], context)) is not None:
        return asked
    if not _may_concern_us(text[:LONGEST], context):
        return SILENCE
    if len(text) > LONGEST or not _is_text(text):
        spoken_to = context.private or _names_us(text[:LONGEST], context)
        return Reading(Refusal(Code.BAD_INPUT), _primary(context)) if spoken_to else SILENCE
    heard = listen(text, context, _charities(context))
    meaning = _meaning(heard, context)
    return (
        SILENCE if meaning is None else Reading(meaning, heard.language or _suggested_in(meaning) or _primary(context))
    )


def _meaning(heard: Heard, context: Context) -> Command | Refusal | None:
    if heard.elsewhere:
        return None
    if heard.started:
        return Help()
    if not heard.actions:
        return _without_action(heard)
    sentence = _sentence(heard)
    command = _checked(sentence, heard, context) if sentence else None
    return command or refusals.why_not(heard, context)


def _sentence(heard: Heard) -> Sentence | None:
    """What the grammar makes of the message, unless it asks, or takes back what it says."""
    enquiry = heard.actions[0].kind not in MONEY_ACTIONS
    if len(heard.actions) > 1 or (not enquiry and refusals.is_question(heard)):
        return None
    if heard.polite and not (heard.addressed or heard.named):  # somebody else is asked
        return None
    kept = heard.kept
    if kept[-1].word == "?" and (enquiry or heard.polite):
        kept = kept[:-1]
    sentence = grammar.parse(kept, heard.actions[0].kind)
    return None if sentence and sentence.memo and _is_taken_back(heard) else sentence


def _is_taken_back(heard: Heard) -> bool:
    """ "mais non", "never mind"; or a correction that names another number: "plutôt 15"."""
    language = vocabulary().languages.get(heard.language or "")
    if language is None:
        return False
    said = f" {' '.join(split_words(_NO_WORD.sub(' ', heard.text)))} "
    if any(f" {phrase} " in said for phrase in language.taken_back):
        return True
    numbers = any(token.kind in ("DIGITS", "FIGURE", "NUMERAL") for token in heard.kept)
    return numbers and any(f" {word} " in said for word in language.corrections)


def _checked(sentence: Sentence, heard: Heard, context: Context) -> Command | None:
    """The command, if its amount and payee may be; otherwise the refusal is for `refusals.why_not` to find."""
    command = command_of(sentence, heard, context)
    if sentence.amount is None or command is None:
        return command
    amount, recipient = sentence.amount.value, sentence.recipient
    cap = context.cap_charity if recipient and recipient.kind == "CHARITY" else context.cap_person
    if not isinstance(amount, Money) or not 0 < amount.minor <= cap.minor:
        return None
    return command if refusals.recipient_code(heard, context) is None else None


def _without_action(heard: Heard) -> Refusal | None:
    """No action: perhaps one was nearly there; else it is talk, which is answered only if it is said to us."""
    money = any(token.kind in ("MONEY", "WRONG", "CURRENCY") for token in heard.tokens)
    numbers = money or any(token.kind in ("DIGITS", "FIGURE") for token in heard.tokens)
    spoken_to = heard.addressed or heard.named
    if refusals.says_never(heard):
        return refusals.SMALL_TALK if spoken_to else None
    if spoken_to or numbers:
        suggestion = _suggestion(heard)
        if suggestion:
            return Refusal.because(Code.UNKNOWN_COMMAND, suggestion=suggestion)
    if not spoken_to:
        return None
    meant = money and any(token.kind in ("PAYEE", "CHARITY") for token in heard.tokens)
    told = any(token.kind == "STORY" for token in heard.kept)
    return Refusal(Code.UNKNOWN_COMMAND) if meant and not told else refusals.SMALL_TALK


def _suggested_in(meaning: Command | Refusal) -> str | None:
    """The language of the keyword that was probably meant: "#envoyr" is answered in French."""
    suggestion = meaning.details.get("suggestion") if isinstance(meaning, Refusal) else None
    found = vocabulary().keywords.get(suggestion.lstrip("#/＃")) if suggestion else None
    return found[1][0] if found else None


def _suggestion(heard: Heard) -> str | None:
    """The keyword that a hashtag, a slash command or, said to us, the first word nearly is, with its sign."""
    near = vocabulary().near
    for token in heard.tokens:
        if token.kind in ("TAG", "INVALIDTAG", "CHARITY"):
            found = near.nearest(token.word.partition("@")[0])
            if found:
                return heard.text[token.start] + found
    first = next((token for token in heard.kept if token.kind != "SIGN"), None)
    if not heard.addressed or first is None or first.kind not in ("WORD", "STORY"):
        return None
    return near.nearest(first.word)


def tags_in(text: str, spans: object = ()) -> frozenset[str]:
    """The normalised hashtags of a text, to look up which of them are charities before it is read."""
    del spans
    return frozenset(map(normalise_tag, hashtags(text)))


def _charities(context: Context) -> Callable[[str], bool]:
    asked = context.is_charity
    return lambda tag: asked is None or asked(normalise_tag(tag))


def _may_concern_us(text: str, context: Context) -> bool:
    """Quickly: is anything in the text that could be an order, or is it said to us?"""
    if context.private or _names_us(text, context):
        return True
    if not any(sign in text for sign in _SIGNS):
        return False
    words = vocabulary()
    marked = [fold(tag or slash) for tag, slash in _MARKED.findall(text)]
    return any(word in words.keywords or word == "start" or words.near.nearest(word) for word in marked)


def _names_us(text: str, context: Context) -> bool:
    if "@" not in text and not any(span.actor_id for span in context.spans):
        return False
    lowered = text.casefold()
    if any(f"@{name.casefold()}" in lowered for name in context.me):
        return True
    return any(span.actor_id in context.me for span in context.spans if span.actor_id)


def _is_text(text: str) -> bool:
    """Whether it can be written as UTF-8: JSON can smuggle in half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _primary(context: Context) -> str | None:
    spoken = context.author.language if context.author else None
    return spoken.replace("_", "-").split("-")[0].lower() if spoken else None

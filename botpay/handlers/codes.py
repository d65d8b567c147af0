"""Codes over the second channel: sent, sent again, entered; for every dialogue that needs one. Pure.

A dialogue that sends codes keeps in its draft: `contact`, the address; `sending`, the number of the last one;
`sent_at`, when it went. Counting a try and looking at it are one commit, whose letter tells the outcome: a process that
dies before it has told nobody anything, and one that dies after it has counted.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from botpay.dialogues import code
from botpay.dialogues.model import Dialogue
from botpay.handlers import talk
from botpay.handlers.dialogue import Question, Step, Turn, again, count, finish, go
from botpay.handlers.world import Decision, Terms, World
from botpay.message import Outbound, Visibility
from botpay.outbox.model import Letter
from botpay.replies import sentence

RESEND = "resend"


def marks_of(terms: Terms, dialogue: Dialogue) -> tuple[str, ...]:
    """By what the sendings of a dialogue are counted: its address, once there is one, and its identity.

    Account holders are counted by who they are, not by their address: strangers who name it use up nothing of theirs.
    """
    contact = dialogue.draft.get("contact")
    if contact is None:
        return ()
    secret, person_id = terms.code_secret, dialogue.person_id
    whose = code.mark_of_person(secret, person_id) if person_id else code.mark_of_address(secret, contact)
    return whose, code.mark_of_identity(secret, dialogue.key)


def send(world: World, turn: Turn, step: Step, key: str, **draft: str | None) -> Decision:
    """Send a code to the address in the draft and ask for it in `step`; or end, where too many went today.

    Args:
        key: of the sentence that the message says, its subject in the first line.
    """
    dialogue = turn.dialogue
    marks = marks_of(world.terms, dialogue)
    if any(world.sendings[mark] >= code.SENDINGS_A_DAY for mark in marks):
        return finish(world, turn, "too_many_codes", sentence("code.too_many_today", dialogue.language))
    number = int(dialogue.draft.get("sending", "0")) + 1
    why = sentence("code.sent_again", dialogue.language) if number > 1 else None
    asked = go(world, turn, step, why=why, sending=str(number), sent_at=world.now.isoformat(), **draft)
    fresh = tuple(replace(found, tries=0) for found in asked.dialogues)
    letter = _letter(world, dialogue, key, number)
    return replace(asked, dialogues=fresh, letters=(*asked.letters, letter), sendings=marks)


def ask(world: World, dialogue: Dialogue) -> Question:
    """For the code that was sent, with the choice to have another one sent."""
    language = dialogue.language
    left = _until(dialogue) - world.now
    text = sentence(f"code.ask.{world.terms.channel}", language, contact=masked(dialogue.draft["contact"]))
    if left > timedelta() and dialogue.tries < code.TRIES:
        text += " " + sentence("code.time_left", language, ttl=left)
    return Question(text, ((RESEND, sentence("code.resend", language)),), free=True)


def take(world: World, turn: Turn, step: Step, key: str, right: Callable[[World, Turn], Decision]) -> Decision:
    """A code, or the wish for another one; `right` goes on if it is the one that was sent."""
    dialogue, language = turn.dialogue, turn.dialogue.language
    if turn.said == RESEND:
        return _resend(world, turn, step, key)
    said = code.digits_of(turn.said)
    if len(said) != code.DIGITS or not (said.isascii() and said.isdigit()):
        return again(world, turn, step, sentence("code.six_digits", language))
    if world.now >= _until(dialogue):
        return again(world, turn, step, sentence("code.too_late", language))
    if dialogue.tries >= code.TRIES:
        return again(world, turn, step, sentence("code.used_up", language))
    if code.is_right(_expected(world, dialogue, _number(dialogue)), said):
        return right(world, turn)
    left = code.TRIES - dialogue.tries - 1
    why = sentence("code.wrong", language, count=left) if left else sentence("code.used_up", language)
    return count(world, turn, step, why)


def masked(contact: str) -> str:
    """An address as it is shown: enough for its owner to know it, and no more."""
    mailbox, at, domain = contact.rpartition("@")
    return f"{mailbox[:1]}…{at}{domain}" if at else f"…{contact[-2:]}"


def _resend(world: World, turn: Turn, step: Step, key: str) -> Decision:
    dialogue, language = turn.dialogue, turn.dialogue.language
    if _number(dialogue) >= code.SENDINGS:
        return again(world, turn, step, sentence("code.no_more", language))
    if world.now < _sent_at(dialogue) + code.PAUSE:
        return again(world, turn, step, sentence("code.wait", language))
    return send(world, turn, step, key)


def _letter(world: World, dialogue: Dialogue, key: str, number: int) -> Letter:
    """The message; where its address cannot be reached, its owner-to-be is told in the chat."""
    text = sentence(key, dialogue.language, code=_expected(world, dialogue, number), ttl=code.LIVES)
    contact = dialogue.draft["contact"]
    outbound = Outbound(
        id="", adapter=world.terms.channel, tenant="", visibility=Visibility.PRIVATE, to=contact, text=text
    )
    told = sentence("code.unreachable", dialogue.language, contact=masked(contact))
    fallback = talk.private(dialogue.adapter, dialogue.tenant, dialogue.actor_id, told, chat=dialogue.chat)
    return Letter(outbound=outbound, fallback=fallback)


def _expected(world: World, dialogue: Dialogue, number: int) -> str:
    return code.code(world.terms.code_secret, dialogue.id, dialogue.draft["contact"], number)


def _number(dialogue: Dialogue) -> int:
    return int(dialogue.draft["sending"])


def _sent_at(dialogue: Dialogue) -> datetime:
    return datetime.fromisoformat(dialogue.draft["sent_at"])


def _until(dialogue: Dialogue) -> datetime:
    return _sent_at(dialogue) + code.LIVES

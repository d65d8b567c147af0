"""A new PIN: for who knows theirs, and by a code over the second channel for who forgot it or is locked. Pure.

    the PIN of now ---------------.
                                  |-> the new one, twice
    shall a code be sent? -> code '

Whoever has a new PIN is told so at every address of theirs: if it was not them, they are the first to know. Who forgot
theirs may spend little for a day.
"""

from dataclasses import replace

from botpay.confirm.challenge import may_replace
from botpay.confirm.pin import is_weak
from botpay.dialogues.model import Dialogue
from botpay.directory.people import Person
from botpay.errors import Code, Refusal
from botpay.handlers import codes, talk
from botpay.handlers.dialogue import Question, Step, Turn, again, begin, choose_pin, finish, go, prove_owner, script
from botpay.handlers.world import Decision, World
from botpay.message import Actor, Inbound
from botpay.replies import sentence

KIND = "pin"
_CONTACT = "contact"  # in the draft: the PIN is replaced by a code to this address
_YES, _NO = "yes", "no"
_MAIL = "mail.forgotten"


def start(world: World, inbound: Inbound, author: Actor, person: Person, language: str) -> Decision | Refusal:
    """Ask for the PIN of now. What the operator locked is the operator's to unlock: a thief may know it."""
    if person.locked_at is not None:
        return Refusal(Code.PERSON_LOCKED)
    return begin(world, inbound, author, KIND, OLD, language, person_id=person.id)


def forgot(world: World, inbound: Inbound, author: Actor, person: Person, language: str) -> Decision | Refusal:
    """Ask whether a code shall be sent; refused where there is no address, and right after a lock.

    What the operator locked is the operator's to unlock.
    """
    if person.locked_at is not None:
        return Refusal(Code.PERSON_LOCKED)
    if not world.can_mail(person):
        return Refusal(Code.NO_CONTACT)
    if refusal := may_replace(world.pins.get(person.id), world.now):
        return refusal
    draft = {_CONTACT: person.contact.reveal()}
    return begin(world, inbound, author, KIND, SURE, language, person_id=person.id, draft=draft)


def _ask_sure(world: World, dialogue: Dialogue) -> Question:  # noqa: ARG001 - every step is asked alike
    language = dialogue.language
    text = sentence("pin.sure", language, contact=codes.masked(dialogue.draft[_CONTACT]))
    return Question(text, ((_YES, sentence("pin.send", language)), (_NO, sentence("keypad.cancel", language))))


def _take_sure(world: World, turn: Turn) -> Decision:
    if turn.said == _NO:
        return finish(world, turn, "dialogue_cancelled", sentence("dialogue.cancelled", turn.dialogue.language))
    return codes.send(world, turn, CODE, _MAIL)


def _take_code(world: World, turn: Turn) -> Decision:
    return codes.take(world, turn, CODE, _MAIL, lambda world, turn: go(world, turn, NEW))


def _ask_old(world: World, dialogue: Dialogue) -> Question:  # noqa: ARG001 - every step is asked alike
    return Question(sentence("pin.old", dialogue.language), pin=True)


def _take_old(world: World, turn: Turn) -> Decision:
    """The old one is kept until the new one is chosen, sealed like all of a draft: the new one must be another."""
    known = turn.dialogue.changed(draft={**turn.dialogue.draft, "old": turn.said})
    return prove_owner(world, replace(turn, dialogue=known), OLD)


def _old_was_right(world: World, turn: Turn) -> Decision:
    return go(world, turn, NEW)


def _ask_new(world: World, dialogue: Dialogue) -> Question:  # noqa: ARG001
    return Question(sentence("pin.new", dialogue.language), pin=True)


def _take_new(world: World, turn: Turn) -> Decision:
    language = turn.dialogue.language
    if is_weak(turn.said):
        return again(world, turn, NEW, sentence("dialogue.weak_pin", language))
    if turn.said == turn.dialogue.draft.get("old"):
        return again(world, turn, NEW, sentence("pin.same", language))
    return go(world, turn, NEW_AGAIN, pin=turn.said)


def _ask_again(world: World, dialogue: Dialogue) -> Question:  # noqa: ARG001
    return Question(sentence("dialogue.pin_again", dialogue.language), pin=True)


def _take_again(world: World, turn: Turn) -> Decision:
    if turn.said != turn.dialogue.draft.get("pin"):
        return go(world, turn, NEW, why=sentence("dialogue.pins_differ", turn.dialogue.language), pin=None)
    return choose_pin(world, turn, NEW, turn.dialogue.person_id or "", turn.said)


def _change(world: World, turn: Turn) -> Decision:
    """The new hash in the place of the old one. Who knew the old one stays locked if that came meanwhile."""
    dialogue = turn.dialogue
    pin = world.pins[dialogue.person_id or ""]
    if world.people[pin.person_id].locked_at is not None:
        return finish(world, turn, Code.PERSON_LOCKED.value, sentence("refusal.person_locked", dialogue.language))
    forgotten = _CONTACT in dialogue.draft
    told = talk.to_all(world, pin.person_id, "pin.changed_elsewhere", besides=dialogue.key)
    cooling = world.terms.cooling
    text = (
        sentence("pin.replaced", dialogue.language, limit=cooling.per_day, hours=cooling.lasts)
        if forgotten
        else sentence("pin.changed", dialogue.language)
    )
    changed = pin.replaced(turn.said, world.now) if forgotten else pin.changed(hash=turn.said)
    return finish(world, turn, "pin_replaced" if forgotten else "pin_changed", text, pins=(changed,), letters=told)


SURE = Step("sure", _ask_sure, _take_sure)
CODE = Step("code", codes.ask, _take_code)
OLD = Step("old", _ask_old, _take_old, worked=_old_was_right)
NEW = Step("new", _ask_new, _take_new, worked=_change)
NEW_AGAIN = Step("new_again", _ask_again, _take_again)

SCRIPT = script(SURE, CODE, OLD, NEW, NEW_AGAIN)

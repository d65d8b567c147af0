"""A new PIN for somebody who knows theirs: the old one, then the new one twice. Pure.

Whoever has a new PIN is told so at every address of theirs: if it was not them, they are the first to know.
"""

from dataclasses import replace

from botpay.confirm.pin import is_weak
from botpay.dialogues.model import Dialogue
from botpay.directory.people import Person
from botpay.handlers import talk
from botpay.handlers.dialogue import Question, Step, Turn, again, begin, choose_pin, finish, go, prove_owner, script
from botpay.handlers.world import Decision, World
from botpay.message import Actor, Inbound
from botpay.replies import sentence

KIND = "pin"


def start(world: World, inbound: Inbound, author: Actor, person: Person, language: str) -> Decision:
    """Ask for the PIN of now."""
    return begin(world, inbound, author, KIND, OLD, language, person_id=person.id)


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
    """The new hash in the place of the old one; a lock that came meanwhile stays."""
    dialogue = turn.dialogue
    changed = world.pins[dialogue.person_id or ""].changed(hash=turn.said)
    told = talk.to_all(world, changed.person_id, "pin.changed_elsewhere", besides=dialogue.key)
    text = sentence("pin.changed", dialogue.language)
    return finish(world, turn, "pin_changed", text, pins=(changed,), letters=told)


OLD = Step("old", _ask_old, _take_old, worked=_old_was_right)
NEW = Step("new", _ask_new, _take_new, worked=_change)
NEW_AGAIN = Step("new_again", _ask_again, _take_again)

SCRIPT = script(OLD, NEW, NEW_AGAIN)

"""Enrolling: somebody without an account becomes an account holder, in private, step by step. Pure."""

from dataclasses import replace

from botpay import ids
from botpay.confirm.challenge import Pin
from botpay.confirm.pin import is_weak
from botpay.dialogues.model import Dialogue
from botpay.directory.people import Person, chosen_name
from botpay.handlers.dialogue import Question, Step, Turn, again, begin, choose_pin, finish, go, script
from botpay.handlers.world import Decision, World
from botpay.message import Actor, Inbound
from botpay.replies import sentence

KIND = "enrol"


def start(world: World, inbound: Inbound, author: Actor, language: str, why: str | None = None) -> Decision:
    """Ask a stranger the first question.

    Args:
        why: said before it, as that nothing was sent.
    """
    return begin(world, inbound, author, KIND, LANGUAGE, language, why=why)


def _ask_language(world: World, dialogue: Dialogue) -> Question:  # noqa: ARG001 - every step is asked alike
    choices = (("fr", "Français"), ("en", "English"))
    return Question(sentence("enrol.language", dialogue.language), choices)


def _take_language(world: World, turn: Turn) -> Decision:
    spoken = replace(turn, dialogue=turn.dialogue.changed(language=turn.said))
    return go(world, spoken, NAME)


def _ask_name(world: World, dialogue: Dialogue) -> Question:  # noqa: ARG001
    return Question(sentence("enrol.name", dialogue.language))


def _take_name(world: World, turn: Turn) -> Decision:
    name = chosen_name(turn.said)
    if name is None:
        return again(world, turn, NAME, sentence("enrol.bad_name", turn.dialogue.language))
    return go(world, turn, PIN, name=name)


def _ask_pin(world: World, dialogue: Dialogue) -> Question:  # noqa: ARG001
    return Question(sentence("enrol.pin", dialogue.language), pin=True)


def _take_pin(world: World, turn: Turn) -> Decision:
    if is_weak(turn.said):
        return again(world, turn, PIN, sentence("dialogue.weak_pin", turn.dialogue.language))
    return go(world, turn, PIN_AGAIN, pin=turn.said)


def _ask_pin_again(world: World, dialogue: Dialogue) -> Question:  # noqa: ARG001
    return Question(sentence("dialogue.pin_again", dialogue.language), pin=True)


def _take_pin_again(world: World, turn: Turn) -> Decision:
    if turn.said != turn.dialogue.draft.get("pin"):
        return go(world, turn, PIN, why=sentence("dialogue.pins_differ", turn.dialogue.language), pin=None)
    return choose_pin(world, turn, PIN, _person_id(turn.dialogue), turn.said)


def _open(world: World, turn: Turn) -> Decision:
    """The account, with everything that belongs to it, in one commit; unless the operator was faster."""
    dialogue = turn.dialogue
    if world.person_of(dialogue.key) is not None:
        return finish(world, turn, "enrolled_already", sentence("enrol.already", dialogue.language))
    person = Person(id=_person_id(dialogue), name=dialogue.draft["name"], language=dialogue.language)
    identity = replace(world.identities[dialogue.key], person_id=person.id)
    return finish(
        world,
        turn,
        "enrolled",
        sentence("enrol.done", dialogue.language, name=person.name),
        people=(person,),
        pins=(Pin(person_id=person.id, hash=turn.said),),
        identities=(identity,),
    )


def _person_id(dialogue: Dialogue) -> str:
    """Of the person to be; a PIN's hash is bound to it."""
    return ids.derived(ids.made_at(dialogue.id), f"{dialogue.id}:person")


LANGUAGE = Step("language", _ask_language, _take_language)
NAME = Step("name", _ask_name, _take_name)
PIN = Step("pin", _ask_pin, _take_pin, worked=_open)
PIN_AGAIN = Step("pin_again", _ask_pin_again, _take_pin_again)

SCRIPT = script(LANGUAGE, NAME, PIN, PIN_AGAIN)

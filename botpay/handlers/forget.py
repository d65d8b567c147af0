"""Being forgotten: all that is known of a person goes but what moved, once they proved that it is them. Pure.

An account with money in it, or with a payment that waits, is not closed: whose would the money be?
"""

from dataclasses import replace

from botpay.dialogues.model import Dialogue
from botpay.directory import linking
from botpay.directory.people import Person, erased
from botpay.errors import Code, Refusal
from botpay.explain import explain
from botpay.handlers import talk, tries
from botpay.handlers.dialogue import Question, Step, Turn, begin, finish, go, prove_owner, script
from botpay.handlers.world import CURRENCY, Decision, World
from botpay.message import Actor, Inbound
from botpay.money import Money
from botpay.replies import sentence

KIND = "forget"
_YES, _NO = "yes", "no"


def start(world: World, inbound: Inbound, author: Actor, person: Person, language: str) -> Decision | Refusal:
    """Ask once more; or say what has to be done with the money first."""
    refusal = tries.held(person) or _money_left(world, person.id)
    return refusal or begin(world, inbound, author, KIND, CONFIRM, language, person_id=person.id)


def _ask_confirm(world: World, dialogue: Dialogue) -> Question:  # noqa: ARG001 - every step is asked alike
    language = dialogue.language
    choices = ((_YES, sentence("forget.yes", language)), (_NO, sentence("forget.no", language)))
    return Question(sentence("forget.confirm", language), choices)


def _take_confirm(world: World, turn: Turn) -> Decision:
    dialogue = turn.dialogue
    if turn.said != _YES:
        return finish(world, turn, "not_forgotten", sentence("forget.kept", dialogue.language))
    pin = world.pins.get(dialogue.person_id or "")
    return go(world, turn, PIN) if pin and pin.hash else _forget(world, turn)


def _ask_pin(world: World, dialogue: Dialogue) -> Question:  # noqa: ARG001
    return Question(sentence("forget.pin", dialogue.language), pin=True)


def _take_pin(world: World, turn: Turn) -> Decision:
    return prove_owner(world, turn, PIN)


def _forget(world: World, turn: Turn) -> Decision:
    """What was asked before is asked again: money may have come in between, or the operator said no."""
    dialogue = turn.dialogue
    person = world.people[dialogue.person_id or ""]
    if refusal := tries.held(person) or _money_left(world, person.id):
        return finish(world, turn, refusal.code.value, explain(refusal, dialogue.language))
    told = talk.to_all(world, person.id, "forget.done_elsewhere", besides=dialogue.key)
    pin = world.pins.get(person.id)
    unlabelled = [replace(i, handle=None, name=None) for i in world.identities_of(person.id)]
    return finish(
        world,
        turn,
        "forgotten",
        sentence("forget.done", dialogue.language),
        people=(erased(person, sentence("forget.name", world.terms.language), world.now),),
        pins=(pin.changed(hash="", failures=0, locked_at=None),) if pin else (),
        identities=tuple(linking.parted(identity, world.now) for identity in unlabelled),
        letters=told,
    )


def _money_left(world: World, person_id: str) -> Refusal | None:
    account = world.account(person_id, CURRENCY)
    left, held = Money(account.available_minor, CURRENCY), Money(account.held_minor, CURRENCY)
    if held.minor:
        return Refusal.because(Code.MONEY_LEFT, held=held)
    return Refusal.because(Code.MONEY_LEFT, left=left) if left.minor else None


CONFIRM = Step("confirm", _ask_confirm, _take_confirm)
PIN = Step("pin", _ask_pin, _take_pin, worked=_forget)

SCRIPT = script(CONFIRM, PIN)

"""Which dialogue an event belongs to, and what is the same in all: choices, keys, cancelling, the end of time. Pure."""

from dataclasses import replace

from botpay.commands import Cancel, Command, Help, LinkMe, SetLanguage
from botpay.confirm import guessing
from botpay.confirm.challenge import Pin, right
from botpay.confirm.checker import OwnerVerdict, PinHashed
from botpay.confirm.guessing import Guesses
from botpay.confirm.keypad import CANCEL, CLEAR, ERASE, PIN_DIGITS, key_of
from botpay.confirm.pin import is_pin
from botpay.dialogues.model import Dialogue
from botpay.errors import Code
from botpay.handlers import enrol, forget, linking, pin, receipts, talk
from botpay.handlers.dialogue import (
    Question,
    Script,
    Step,
    Turn,
    again,
    choice_keys,
    finish,
    go,
    keypad_keys,
    keys_shown,
    not_owner,
)
from botpay.handlers.world import Decision, DialogueEntry, World
from botpay.message import Actor, Inbound, Visibility
from botpay.parsing import Reading
from botpay.replies import LANGUAGES, sentence

SCRIPTS: dict[str, Script] = {
    enrol.KIND: enrol.SCRIPT,
    forget.KIND: forget.SCRIPT,
    linking.KIND: linking.SCRIPT,
    linking.PARTING: linking.PARTING_SCRIPT,
    pin.KIND: pin.SCRIPT,
    receipts.KIND: receipts.SCRIPT,
}
"""The kinds of dialogues."""

_IGNORED = Decision(outcome="ignored")


def hear(world: World, inbound: Inbound, author: Actor, reading: Reading | None) -> Decision | None:
    """What a message answers in the dialogue with its author; None if it is not meant for one."""
    dialogue = world.dialogue_with(author.key)
    if dialogue is None:
        return None
    step, typed = _step(dialogue), inbound.text.reveal().strip()
    question = step.ask(world, dialogue)
    turn = Turn(dialogue, typed)
    meaning = reading.meaning if reading else None
    stranger = world.person_of(author.key) is None
    if isinstance(meaning, LinkMe) and meaning.code:
        return None
    if inbound.chat.visibility is Visibility.PUBLIC:
        if question.pin and is_pin(typed):
            return _pin_in_public(world, inbound, author, dialogue.language)
        wants = stranger and isinstance(meaning, Command)
        return _first_finish(world, inbound, author, turn, step) if wants else None
    if _is_for_payment(world, dialogue, typed, meaning):
        return None
    if isinstance(meaning, Cancel):
        return _cancel(world, turn)
    if stranger and isinstance(meaning, Help):
        return go(world, turn, step)
    if isinstance(meaning, SetLanguage) and meaning.language in LANGUAGES:
        return go(world, Turn(dialogue.changed(language=meaning.language), typed), step)
    if not stranger and isinstance(meaning, Command):
        return None
    return _typed(world, inbound, author, turn, step, question)


def press(world: World, inbound: Inbound, dialogue_id: str) -> Decision:
    """A tap on a button of a dialogue. Only its own person's taps on its present step count."""
    dialogue = world.dialogue_with(inbound.author.key) if inbound.author and not inbound.flags else None
    if dialogue is None or inbound.press is None or dialogue.id != dialogue_id or dialogue.is_at_work(world.now):
        return _IGNORED
    step = _step(dialogue)
    question = step.ask(world, dialogue)
    names = keypad_keys(step) if question.pin else choice_keys(step, question)
    found = key_of(world.terms.keypad_secret, dialogue.id, inbound.press.token, names)
    if found is None:
        return _IGNORED
    turn = Turn(dialogue, names[found], inbound.press.surface)
    return _keyed(world, turn, step) if question.pin else step.take(world, turn)


def enter_on_page(world: World, entry: DialogueEntry) -> Decision:
    """A PIN entered on the page of the present question, or the dialogue called off there; the chat changes in place.

    A page that shows another state of the dialogue than the present one is out of date: nothing on it is used.
    """
    dialogue = world.dialogue(entry.dialogue_id)
    if dialogue is None:
        return _IGNORED
    step = _step(dialogue)
    if dialogue.version != entry.number or dialogue.is_at_work(world.now) or not step.ask(world, dialogue).pin:
        return Decision(outcome="page_out_of_date")
    shown_at = world.receipts.get(dialogue.prompt_id)
    if entry.pin is None:
        return _cancel(world, Turn(dialogue, "", shown_at))
    return step.take(world, Turn(dialogue, entry.pin.reveal(), shown_at))


def pin_question(world: World, dialogue: Dialogue) -> str | None:
    """The present question, if it is for a PIN and says all by itself; else it is answered in the chat alone."""
    try:
        question = _step(dialogue).ask(world, dialogue)
    except LookupError:
        return None
    return question.text if question.pin else None


def worked(world: World, outcome: OwnerVerdict | PinHashed) -> Decision:
    """What came of slow work, if its dialogue still waits for it. A right PIN ends its person's row of failures."""
    dialogue = world.dialogue(outcome.dialogue_id)
    kept_pin = world.pins.get(outcome.person_id)
    freed: tuple[Pin, ...] = ()
    taken_back: tuple[Guesses, ...] = ()
    if isinstance(outcome, OwnerVerdict) and outcome.right and kept_pin is not None:
        freed = (right(kept_pin, outcome.tried_at, outcome.renewed),)
        taken_back = guessing.counted(None, outcome.tried_at, -1)
    if dialogue is None or dialogue.working != outcome.number:
        return Decision(outcome="late_work", pins=freed, guesses=taken_back)
    step = _step(dialogue)
    turn = Turn(dialogue, outcome.hash if isinstance(outcome, PinHashed) else "", outcome.surface)
    if isinstance(outcome, OwnerVerdict) and not outcome.right:
        return not_owner(world, turn, step)
    if step.worked is None:
        return _IGNORED
    decision = step.worked(world, turn)
    renewed = {new.person_id for new in decision.pins}
    kept = (*(old for old in freed if old.person_id not in renewed), *decision.pins)
    return replace(decision, pins=kept, guesses=taken_back)


def time_is_up(world: World, dialogue_id: str) -> Decision:
    """A dialogue that nobody answers ends; one whose slow work was lost asks that step anew."""
    dialogue = next((d for d in world.dialogues.values() if d.id == dialogue_id), None)
    if dialogue is None:
        return _IGNORED
    if dialogue.over:  # its draft could not be opened
        return Decision(outcome="dialogue_lost", dialogues=(dialogue.ended(),))
    turn = Turn(dialogue, "")
    if world.now >= dialogue.expires_at:
        return finish(world, turn, "dialogue_expired", sentence("dialogue.expired", dialogue.language))
    if dialogue.working is not None and not dialogue.is_at_work(world.now):
        return again(world, turn, _step(dialogue), sentence("dialogue.lost", dialogue.language))
    return _IGNORED


def _step(dialogue: Dialogue) -> Step:
    return SCRIPTS[dialogue.kind][dialogue.step]


def _is_for_payment(world: World, dialogue: Dialogue, typed: str, meaning: object) -> bool:
    """Whether a PIN or a cancel answers a payment that was asked for after this dialogue's question."""
    person = world.person_of(dialogue.key)
    waiting = world.open_challenges(person.id) if person else []
    newer = bool(waiting) and waiting[-1].asked_at > dialogue.asked_at
    return newer and (is_pin(typed) or isinstance(meaning, Cancel))


def _typed(world: World, inbound: Inbound, author: Actor, turn: Turn, step: Step, question: Question) -> Decision:
    dialogue, language = turn.dialogue, turn.dialogue.language
    if dialogue.is_at_work(world.now):
        letter = talk.to_author(inbound, author, sentence("refusal.still_checking", language), language)
        return Decision(outcome=Code.STILL_CHECKING.value, letters=(letter,))
    if question.pin:
        if not is_pin(turn.said):
            return again(world, turn, step, sentence("dialogue.six_digits", language))
        if world.terms.may_type_pin(dialogue.adapter):
            taken = step.take(world, turn)
        else:
            taken = again(world, turn, step, sentence("dialogue.use_keypad", language))
        return replace(taken, letters=(*talk.taken_away(world, inbound, author), *taken.letters))
    if question.choices:
        chosen = _choice(question, turn.said) or (turn.said if question.free else None)
        if chosen is None:
            return again(world, turn, step, sentence("dialogue.choose", language))
        turn = replace(turn, said=chosen)
    return step.take(world, turn)


def _choice(question: Question, typed: str) -> str | None:
    """The key of the choice that was typed: by its label, or its number or key where nothing else is an answer."""
    wanted = typed.casefold()
    for number, (key, label) in enumerate(question.choices, start=1):
        if wanted in (label.casefold(), *(() if question.free else (str(number), key.casefold()))):
            return key
    return None


def _keyed(world: World, turn: Turn, step: Step) -> Decision:
    """A tap on a keypad: the sixth digit answers."""
    entered, key = turn.dialogue.entered, turn.said
    if key == CANCEL:
        return _cancel(world, turn)
    if key == CLEAR:
        return Decision(outcome="key", dialogues=(turn.dialogue.typed_in(""),))
    entered = entered[:-1] if key == ERASE else entered + key
    if len(entered) == PIN_DIGITS:
        return step.take(world, replace(turn, said=entered))
    return keys_shown(world, turn, turn.dialogue.typed_in(entered), step)


def _cancel(world: World, turn: Turn) -> Decision:
    return finish(world, turn, "dialogue_cancelled", sentence("dialogue.cancelled", turn.dialogue.language))


def _first_finish(world: World, inbound: Inbound, author: Actor, turn: Turn, step: Step) -> Decision:
    """A command of somebody who has no account yet: nothing is done, and the question stands."""
    language = turn.dialogue.language
    decision = go(world, turn, step, why=sentence("enrol.nothing_sent", language))
    fallback = talk.to_author(inbound, author, "", language).fallback
    return replace(decision, letters=tuple(replace(letter, fallback=fallback) for letter in decision.letters))


def _pin_in_public(world: World, inbound: Inbound, author: Actor, language: str) -> Decision:
    """A PIN that others could read is none that anybody should choose."""
    told = talk.to_author(inbound, author, sentence("dialogue.pin_public", language), language)
    return Decision(outcome="pin_public", letters=(*talk.taken_away(world, inbound, author), told))

"""What every dialogue is made of: steps that ask, and what an answer leads to. Pure.

A step asks a `Question` and takes an answer: the key of a choice, a PIN of six digits, or free text. It answers with
one of the decisions below: `go` on to a step, ask `again`, have slow work done on a PIN (`choose_pin`, `prove_owner`),
or `finish`. Nothing but these changes a dialogue.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from botpay import ids
from botpay.confirm import guessing, keypad, link
from botpay.confirm.challenge import TRIES_PER_TRANSFER, count_failure, to_check
from botpay.confirm.checker import OwnerCheck, PinChoice
from botpay.dialogues.model import LIFE, WHY, Dialogue
from botpay.explain import explain
from botpay.handlers import talk, tries
from botpay.handlers.world import Decision, World
from botpay.message import Actor, Button, Inbound, Keypad, Outbound, SecretText
from botpay.outbox.model import Letter
from botpay.replies import sentence


@dataclass(frozen=True, slots=True)
class Question:
    """What a step asks.

    Attributes:
        choices: (key, label) of what can be answered; buttons where the platform has them.
        free: what is none of the choices is an answer too.
        pin: the answer is a PIN, on keys where the platform has them.
    """

    text: str
    choices: tuple[tuple[str, str], ...] = ()
    pin: bool = False
    free: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """An answer, or the outcome of slow work.

    Attributes:
        said: the key of a choice, six digits, or what was typed; the hash where a PIN was hashed.
        surface: the message or view that was pressed, for an answer in place; None if it was typed.
    """

    dialogue: Dialogue
    said: str = field(repr=False)
    surface: str | None = None


Take = Callable[[World, Turn], Decision]


@dataclass(frozen=True, slots=True)
class Step:
    """One question of a dialogue.

    Attributes:
        take: what an answer leads to.
        worked: what it leads to that slow work came out well: the PIN is the owner's, or was hashed.
    """

    name: str
    ask: Callable[[World, Dialogue], Question]
    take: Take
    worked: Take | None = None


Script = dict[str, Step]
"""The steps of one kind of dialogue, by name."""


def script(*steps: Step) -> Script:
    """The steps by their names."""
    return {step.name: step for step in steps}


def begin(
    world: World,
    inbound: Inbound,
    author: Actor,
    kind: str,
    step: Step,
    language: str,
    *,
    person_id: str | None = None,
    why: str | None = None,
    draft: Mapping[str, str] = MappingProxyType({}),
) -> Decision:
    """A new dialogue, in the place of one that was under way; it is asked in private wherever it was wanted.

    Args:
        why: said before the question.
    """
    dialogue = Dialogue(
        id=ids.derived(world.now, f"{inbound.source}:dialogue"),
        adapter=inbound.adapter,
        tenant=inbound.tenant,
        actor_id=author.id,
        person_id=person_id,
        kind=kind,
        step=step.name,
        language=language,
        chat=inbound.chat.id,
        prompt_id=ids.derived(world.now, f"{inbound.source}:question"),
        asked_at=world.now,
        expires_at=world.now + LIFE,
        draft={**draft, WHY: why} if why else draft,
    )
    letter = talk.to_author(inbound, author, "", language)
    asked = replace(letter, outbound=replace(_shown(world, dialogue, step, letter), id=dialogue.prompt_id))
    return Decision(outcome=f"{kind}_{step.name}", dialogues=(dialogue,), letters=(asked,))


def go(world: World, turn: Turn, step: Step, *, why: str | None = None, **draft: str | None) -> Decision:
    """On to a step, with some of the draft renewed.

    Args:
        why: said before the question.
    """
    return _asked(world, turn, turn.dialogue.moved(step.name, world.now, draft, why), step)


def again(world: World, turn: Turn, step: Step, why: str) -> Decision:
    """The same question once more: this answer is of no use, and why."""
    return go(world, turn, step, why=why)


def count(world: World, turn: Turn, step: Step, why: str) -> Decision:
    """The same question once more, and one try less for it."""
    counted = turn.dialogue.moved(step.name, world.now, {}, why)
    return _asked(world, turn, replace(counted, tries=counted.tries + 1), step)


def finish(world: World, turn: Turn, outcome: str, text: str, **rows: Any) -> Decision:
    """The end: nothing of the dialogue is kept.

    Args:
        rows: what else the decision writes, as in `Decision`; letters come behind the answer.
    """
    told = _answer(world, turn, turn.dialogue, _plain(turn.dialogue, text), new_step=True)
    letters = (*told, *rows.pop("letters", ()))
    return Decision(outcome=outcome, dialogues=(turn.dialogue.ended(),), letters=letters, **rows)


def choose_pin(world: World, turn: Turn, back: Step, person_id: str, pin: str) -> Decision:
    """Have a PIN hashed; `back.worked` takes the hash. If that is lost with the process, `back` is asked anew."""
    if world.room <= 0:
        return go(world, turn, back, why=sentence("refusal.busy", turn.dialogue.language), pin=None)
    at_work = turn.dialogue.moved(back.name, world.now, {"pin": None}).at_work(world.now)
    work = PinChoice(
        dialogue_id=at_work.id,
        person_id=person_id,
        number=at_work.version,
        pin=SecretText(pin),
        surface=turn.surface,
    )
    return Decision(outcome="pin_chosen", dialogues=(at_work,), works=(work,))


def prove_owner(world: World, turn: Turn, step: Step) -> Decision:
    """Count a try and have the PIN checked; `step.worked` goes on if it is right. The count is committed first."""
    dialogue = turn.dialogue
    pin = world.pins.get(dialogue.person_id or "")
    if not _is_owners(world, dialogue) and tries.has_to_wait(world, pin):
        pin = None  # who is not known to be the owner is not told of waits either: it is checked against nothing
    if refusal := tries.not_now(world, pin):
        refused = again(world, turn, step, explain(refusal, dialogue.language))
        return replace(refused, outcome=refusal.code.value, guesses=tries.noted(world, refusal))
    at_work = dialogue.moved(step.name, world.now, {}).at_work(world.now)
    work = OwnerCheck(
        dialogue_id=at_work.id,
        person_id=dialogue.person_id or dialogue.id,
        number=at_work.version,
        pin=SecretText(turn.said),
        hash=to_check(pin),
        tried_at=world.now,
        surface=turn.surface,
    )
    return Decision(
        outcome="pin_tried",
        dialogues=(at_work,),
        pins=(count_failure(pin, world.now),) if pin else (),
        guesses=guessing.counted(None, world.now) if pin else (),  # what is a guess at nobody's PIN stops nobody
        works=(work,),
    )


def not_owner(world: World, turn: Turn, step: Step) -> Decision:
    """The PIN was wrong: asked again, over after so many tries, or locked by this one. No PIN is always wrong.

    Of a lock its owner alone is told, at every address; who enters a link code reads what they always read.
    """
    dialogue, pin = turn.dialogue, world.pins.get(turn.dialogue.person_id or "")
    if pin is not None and pin.locked and pin.locked_at is None:
        told = talk.to_all(world, pin.person_id, "locked.elsewhere", besides=dialogue.key)
        locked = (pin.changed(locked_at=world.now),)
        if not _is_owners(world, dialogue):
            answered = _wrong(world, turn, step)
            return replace(answered, pins=locked, letters=(*answered.letters, *told))
        by_code = world.can_mail(world.people[pin.person_id])
        text = sentence("dialogue.locked.by_code" if by_code else "dialogue.locked", dialogue.language)
        return finish(world, turn, "locked", text, pins=locked, letters=told)
    return _wrong(world, turn, step)


def _is_owners(world: World, dialogue: Dialogue) -> bool:
    """Whether the account whose PIN is asked for is that of who is asked."""
    person = world.person_of(dialogue.key)
    return person is not None and person.id == dialogue.person_id


def _wrong(world: World, turn: Turn, step: Step) -> Decision:
    dialogue = turn.dialogue
    left = TRIES_PER_TRANSFER - dialogue.tries - 1
    if left <= 0:
        return finish(world, turn, "failed", sentence("dialogue.failed", dialogue.language))
    return count(world, turn, step, sentence("dialogue.wrong_pin", dialogue.language, count=left))


def keys_shown(world: World, turn: Turn, changed: Dialogue, step: Step) -> Decision:
    """The keypad with one digit more or less, where it was pressed."""
    outbound = _shown(world, changed, step, Letter(outbound=_plain(changed, "")))
    letters = _answer(world, turn, changed, outbound, new_step=False)
    return Decision(outcome="key", dialogues=(changed,), letters=letters)


def keypad_keys(step: Step) -> dict[str, str]:
    """What stands behind the keys of a step's keypad -> their names."""
    return {_scope(step) + name: name for name in keypad.KEYS}


def choice_keys(step: Step, question: Question) -> dict[str, str]:
    """What stands behind the buttons of a step -> the keys of its choices."""
    return {f"{_scope(step)}={key}": key for key, _ in question.choices}


def _asked(world: World, turn: Turn, dialogue: Dialogue, step: Step) -> Decision:
    """A dialogue that asks (again), in the place of what was pressed, or below what was typed."""
    asked = replace(dialogue, asked_at=world.now)
    if not _in_place(world, turn):
        asked = replace(asked, prompt_id=ids.derived(world.now, f"{asked.id}:{asked.version}"))
    outbound = _shown(world, asked, step, Letter(outbound=_plain(asked, "")))
    letters = _answer(world, turn, asked, outbound, new_step=True)
    return Decision(outcome=f"{asked.kind}_{step.name}", dialogues=(asked,), letters=letters)


def _answer(world: World, turn: Turn, dialogue: Dialogue, outbound: Outbound, *, new_step: bool) -> tuple[Letter, ...]:
    """Letters that say something in a dialogue: in place of what was pressed and of the question, or anew."""
    if not _in_place(world, turn):
        is_question = dialogue.prompt_id != turn.dialogue.prompt_id
        return (Letter(outbound=replace(outbound, id=dialogue.prompt_id if is_question else "")),)
    elsewhere = turn.surface != world.receipts.get(dialogue.prompt_id)
    pressed = (Letter(outbound=replace(outbound, replaces=turn.surface)),) if elsewhere else ()
    if pressed and not new_step:
        return pressed
    return (*pressed, Letter(outbound=outbound, replaces_letter=dialogue.prompt_id))


def _in_place(world: World, turn: Turn) -> bool:
    return turn.surface is not None and world.terms.capabilities[turn.dialogue.adapter].edit


def _plain(dialogue: Dialogue, text: str) -> Outbound:
    return talk.private(dialogue.adapter, dialogue.tenant, dialogue.actor_id, text, chat=dialogue.chat)


def _shown(world: World, dialogue: Dialogue, step: Step, letter: Letter) -> Outbound:
    """The question as it is shown on this platform: with keys, with buttons, or with the choices to type."""
    question = step.ask(world, dialogue)
    can = world.terms.capabilities[dialogue.adapter]
    text = "\n".join(filter(None, (dialogue.why, question.text)))
    if question.pin:
        asked = replace(letter.outbound, text=text, keypad=_keys(world, dialogue, step))
        return _with_page(world, dialogue, asked)
    if question.choices and not can.buttons:
        text += "\n" + _listed(question, dialogue.language)
    buttons = _buttons(world, dialogue, step, question) if can.buttons else ()
    return replace(letter.outbound, text=text, buttons=buttons)


def _listed(question: Question, language: str) -> str:
    """The choices, to be typed."""
    if question.free:
        return "\n".join(sentence("dialogue.or", language, choice=label) for _, label in question.choices)
    listed = ", ".join(f"{number} {label}" for number, (_, label) in enumerate(question.choices, start=1))
    return sentence("dialogue.choices", language, choices=listed)


def _keys(world: World, dialogue: Dialogue, step: Step) -> Keypad:
    labels = {name: sentence(f"keypad.{name}", dialogue.language) for name in ("title", "open", "erase", "cancel")}
    secret, shuffled = world.terms.keypad_secret, world.terms.shuffled_keypad
    return keypad.keypad(secret, dialogue.id, len(dialogue.entered), labels, scope=_scope(step), shuffled=shuffled)


def _with_page(world: World, dialogue: Dialogue, asked: Outbound) -> Outbound:
    """A question for a PIN with the way to its page, if there are pages."""
    base, secret = world.terms.public_url, world.terms.link_secret
    if base is None:
        return asked
    token = link.token_of_dialogue(secret, dialogue.id, dialogue.actor_id)
    return talk.with_page(world, asked, dialogue.language, link.address_of_dialogue(base, dialogue.id, token))


def _buttons(world: World, dialogue: Dialogue, step: Step, question: Question) -> tuple[tuple[Button, ...], ...]:
    secret = world.terms.keypad_secret
    found = [
        Button(label, keypad.token(secret, dialogue.id, f"{_scope(step)}={key}")) for key, label in question.choices
    ]
    return tuple(tuple(found[at : at + 2]) for at in range(0, len(found), 2))


def _scope(step: Step) -> str:
    """Keys of one step are worth nothing in another: a tap that comes late answers no other question."""
    return f"{step.name}:"

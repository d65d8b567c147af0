"""Enrolling: somebody without an account becomes an account holder, in private, step by step. Pure.

    language -> name [-> terms -> country -> contact] -> PIN, twice [-> code] -> account

What stands in brackets is asked if the installation's level says so.
"""

import hashlib
from dataclasses import replace
from datetime import datetime

from botpay import ids
from botpay.confirm.challenge import Pin
from botpay.confirm.pin import is_weak
from botpay.dialogues.code import mark_of_address
from botpay.dialogues.model import Dialogue
from botpay.directory.people import Person, chosen_name
from botpay.handlers import codes
from botpay.handlers.dialogue import Question, Step, Turn, again, begin, choose_pin, finish, go, script
from botpay.handlers.world import Decision, World
from botpay.message import Actor, Inbound, SecretText
from botpay.policy import Level
from botpay.replies import best_language, country, sentence

KIND = "enrol"
_YES, _NO, _ELSEWHERE = "yes", "no", "elsewhere"


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
    return go(world, turn, PIN if _asks_little(world) else TERMS, name=name)


def _ask_terms(world: World, dialogue: Dialogue) -> Question:
    text = sentence("enrol.terms", dialogue.language, terms=_terms(world, dialogue))
    return Question(text, _yes_or_no(dialogue, "enrol.accept", "enrol.decline"))


def _take_terms(world: World, turn: Turn) -> Decision:
    if turn.said != _YES:
        return finish(world, turn, "terms_declined", sentence("enrol.declined", turn.dialogue.language))
    version = hashlib.sha256(_terms(world, turn.dialogue).encode()).hexdigest()[:16]
    return go(world, turn, COUNTRY, terms=version, terms_at=world.now.isoformat())


def _ask_country(world: World, dialogue: Dialogue) -> Question:
    language = dialogue.language
    here = [(code, country(code, language)) for code in _countries(world)]
    return Question(sentence("enrol.country", language), (*here, (_ELSEWHERE, sentence("enrol.elsewhere", language))))


def _take_country(world: World, turn: Turn) -> Decision:
    if turn.said == _ELSEWHERE:
        language = turn.dialogue.language
        names = ", ".join(country(code, language) for code in _countries(world))
        return finish(world, turn, "other_country", sentence("enrol.other_country", language, countries=names))
    return go(world, turn, CONTACT, country=turn.said)


def _ask_contact(world: World, dialogue: Dialogue) -> Question:
    return Question(sentence(f"enrol.contact.{world.terms.channel}", dialogue.language))


def _take_contact(world: World, turn: Turn) -> Decision:
    contact = world.terms.address_of(turn.said)
    if contact is None:
        key = f"enrol.bad_contact.{world.terms.channel}"
        return again(world, turn, CONTACT, sentence(key, turn.dialogue.language))
    return go(world, turn, PIN, contact=contact)


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


def _hashed(world: World, turn: Turn) -> Decision:
    kept = replace(turn, dialogue=turn.dialogue.changed(draft={**turn.dialogue.draft, "hash": turn.said}))
    if _asks_little(world):
        return _open(world, kept)
    return codes.send(world, kept, CODE, _message(world, turn.dialogue))


def _take_code(world: World, turn: Turn) -> Decision:
    return codes.take(world, turn, CODE, _message(world, turn.dialogue), _open)


def _message(world: World, dialogue: Dialogue) -> str:
    """What is sent: a code; to an address that is somebody's already, that, which the chat never tells."""
    return "mail.taken" if _mark(world, dialogue) in world.taken else "mail.code"


def _open(world: World, turn: Turn) -> Decision:
    """The account, with everything that belongs to it, in one commit; unless somebody was faster."""
    dialogue, draft = turn.dialogue, turn.dialogue.draft
    if world.person_of(dialogue.key) is not None:
        return finish(world, turn, "enrolled_already", sentence("enrol.already", dialogue.language))
    mark = _mark(world, dialogue)
    if mark in world.taken:
        return finish(world, turn, "contact_taken", sentence("enrol.contact_taken", dialogue.language))
    person = Person(
        id=_person_id(dialogue),
        name=draft["name"],
        language=dialogue.language,
        country=draft.get("country"),
        contact=SecretText(draft.get("contact", "")),
        contact_mark=mark,
        terms=draft.get("terms"),
        terms_at=datetime.fromisoformat(draft["terms_at"]) if "terms_at" in draft else None,
    )
    return finish(
        world,
        turn,
        "enrolled",
        _welcome(world, person),
        people=(person,),
        pins=(Pin(person_id=person.id, hash=draft["hash"]),),
        identities=(replace(world.identities[dialogue.key], person_id=person.id, since=None),),
    )


def _welcome(world: World, person: Person) -> str:
    told = sentence("enrol.done", person.language, name=person.name)
    waits = world.terms.admission is not None and world.terms.admission.level is Level.CHECKED
    return told + "\n" + sentence("enrol.to_be_approved", person.language) if waits else told


def _asks_little(world: World) -> bool:
    return world.terms.admission is None or world.terms.admission.level is Level.DEMO


def _countries(world: World) -> tuple[str, ...]:
    return world.terms.admission.countries if world.terms.admission else ()


def _terms(world: World, dialogue: Dialogue) -> str:
    """The terms in the person's language, else in that of the installation."""
    texts = world.terms.admission.terms if world.terms.admission else {}
    return texts.get(dialogue.language) or texts[best_language([world.terms.language], "en")]


def _yes_or_no(dialogue: Dialogue, yes: str, no: str) -> tuple[tuple[str, str], ...]:
    return ((_YES, sentence(yes, dialogue.language)), (_NO, sentence(no, dialogue.language)))


def _mark(world: World, dialogue: Dialogue) -> str | None:
    contact = dialogue.draft.get("contact")
    return mark_of_address(world.terms.code_secret, contact) if contact else None


def _person_id(dialogue: Dialogue) -> str:
    """Of the person to be; a PIN's hash is bound to it."""
    return ids.derived(ids.made_at(dialogue.id), f"{dialogue.id}:person")


LANGUAGE = Step("language", _ask_language, _take_language)
NAME = Step("name", _ask_name, _take_name)
TERMS = Step("terms", _ask_terms, _take_terms)
COUNTRY = Step("country", _ask_country, _take_country)
CONTACT = Step("contact", _ask_contact, _take_contact)
PIN = Step("pin", _ask_pin, _take_pin, worked=_hashed)
PIN_AGAIN = Step("pin_again", _ask_pin_again, _take_pin_again)
CODE = Step("code", codes.ask, _take_code)

SCRIPT = script(LANGUAGE, NAME, TERMS, COUNTRY, CONTACT, PIN, PIN_AGAIN, CODE)

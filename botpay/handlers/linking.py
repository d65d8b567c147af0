"""My Slack self and my Telegram self are one person: a code from one chat, entered in the other with the PIN. Pure.

Whoever enters a code is asked for the PIN, whether there is such a code or not, and is answered in the same words after
the same work. Every address of the person is told of what was linked and what was parted.
"""

from dataclasses import replace

from botpay.clock import minute_of
from botpay.commands import LinkMe
from botpay.confirm import guessing
from botpay.confirm.guessing import Guesses
from botpay.dialogues.model import Dialogue
from botpay.directory import linking
from botpay.directory.people import IdentityKey, Person
from botpay.errors import Code, LedgerFault, Refusal
from botpay.explain import explain
from botpay.handlers import talk, tries
from botpay.handlers.dialogue import Question, Step, Turn, begin, finish, prove_owner, script
from botpay.handlers.world import Decision, World
from botpay.message import Actor, Inbound, Visibility
from botpay.replies import sentence

KIND, PARTING = "link", "unlink"


def give(world: World, inbound: Inbound, author: Actor, person: Person, language: str) -> Decision | Refusal:
    """A code for the other chat, told in private; the one before is worth nothing any more."""
    if refusal := tries.held(person):
        return refusal
    secret = world.terms.link_secret
    made = linking.make(secret, inbound.source, world.now)
    kept = linking.LinkCode(person_id=person.id, mac=linking.mac(secret, made), expires_at=world.now + linking.LIVES)
    text = sentence("link.code", language, code=linking.grouped(made), ttl=linking.LIVES)
    letter = talk.to_author(inbound, author, text, language)
    return Decision(outcome="link_code", link_codes=(kept,), letters=(letter,))


def enter(world: World, inbound: Inbound, author: Actor, command: LinkMe, language: str) -> Decision | Refusal:
    """A code is taken in private alone, from an identity without an account, and not too often."""
    if inbound.chat.visibility is Visibility.PUBLIC:
        return Refusal(Code.LINK_IN_PUBLIC)
    if world.person_of(author.key) is not None:
        return Refusal(Code.HAS_ACCOUNT)
    if _too_many(world, author.key):
        return Refusal(Code.TOO_MANY_CODES)
    kept = linking.mac(world.terms.link_secret, command.code)
    found = next((code for code in world.link_codes.values() if code.mac == kept), None)
    person_id = found.person_id if found and _counts(world, found) else None
    asked = begin(world, inbound, author, KIND, PIN, language, person_id=person_id, draft={"mac": kept.hex()})
    minute = minute_of(world.now)
    tried = (Guesses(about, minute, 1) for about in (linking.EVERYBODY, linking.tries_of(author.key)))
    return replace(asked, guesses=tuple(tried))


def part(world: World, inbound: Inbound, author: Actor, person: Person, language: str) -> Decision | Refusal:
    """The identity that asks shall be nobody's: with the PIN, for whoever enrols with it then is paid in its name."""
    refusal = _must_stay(world, person.id, author.key)
    return refusal or begin(world, inbound, author, PARTING, PART, language, person_id=person.id)


def _must_stay(world: World, person_id: str, key: IdentityKey) -> Refusal | None:
    """The last identity stays, or nobody could come to the money; so does one with a payment that waits, or held."""
    here = world.identities[key]
    if refusal := tries.held(world.people[person_id]):
        return refusal
    if len(world.identities_of(person_id)) == 1:
        return Refusal(Code.LAST_IDENTITY)
    if any(c.origin_actor == here.id and c.origin_adapter == here.adapter for c in world.open_challenges(person_id)):
        return Refusal(Code.STILL_WAITING)
    return None


def _ask_to_part(world: World, dialogue: Dialogue) -> Question:  # noqa: ARG001 - every step is asked alike
    return Question(sentence("unlink.pin", dialogue.language), pin=True)


def _take_to_part(world: World, turn: Turn) -> Decision:
    return prove_owner(world, turn, PART)


def _part(world: World, turn: Turn) -> Decision:
    """The PIN was right: what was asked before is asked again, for a payment may have begun in between."""
    dialogue = turn.dialogue
    person_id, here = dialogue.person_id or "", world.identities[dialogue.key]
    if refusal := _must_stay(world, person_id, dialogue.key):
        return finish(world, turn, refusal.code.value, explain(refusal, dialogue.language))
    told = talk.to_all(world, person_id, "link.parted_elsewhere", besides=dialogue.key, where=talk.place(here))
    text = sentence("link.parted", dialogue.language)
    return finish(world, turn, "parted", text, identities=(linking.parted(here, world.now),), letters=told)


def _ask_pin(world: World, dialogue: Dialogue) -> Question:  # noqa: ARG001 - every step is asked alike
    return Question(sentence("link.pin", dialogue.language), pin=True)


def _take_pin(world: World, turn: Turn) -> Decision:
    return prove_owner(world, turn, PIN)


def _join(world: World, turn: Turn) -> Decision:
    """The PIN was right: if the code still counts and this identity is still nobody's, it is this person's."""
    dialogue = turn.dialogue
    code = world.link_codes.get(dialogue.person_id or "")
    here = world.identities[dialogue.key]
    good = code is not None and _counts(world, code) and code.mac.hex() == dialogue.draft.get("mac")
    if code is None or not good or here.person_id is not None or tries.held(world.people[code.person_id]):
        return finish(world, turn, "link_late", sentence("link.late", dialogue.language))
    told = talk.to_all(world, code.person_id, "link.joined_elsewhere", where=talk.place(here))
    person = world.people[code.person_id]
    text = sentence("link.joined", person.language, name=person.name, hours=world.terms.cooling.lasts)
    return finish(
        world,
        turn,
        "linked",
        text,
        identities=(linking.joined(here, person.id, world.now),),
        link_codes=(replace(code, used=True),),
        letters=told,
    )


def _counts(world: World, code: linking.LinkCode) -> bool:
    return not code.used and world.now < code.expires_at


def _too_many(world: World, key: IdentityKey) -> bool:
    if world.guesses is None:
        raise LedgerFault("a try at a link code that was not foreseen when loading")
    of_one = guessing.in_last_hour(world.guesses, linking.tries_of(key), world.now)
    of_all = guessing.in_last_hour(world.guesses, linking.EVERYBODY, world.now)
    return of_one >= linking.TRIES_PER_IDENTITY or of_all >= linking.TRIES_OF_ALL


PIN = Step("pin", _ask_pin, _take_pin, worked=_join)

PART = Step("pin", _ask_to_part, _take_to_part, worked=_part)

SCRIPT = script(PIN)
PARTING_SCRIPT = script(PART)

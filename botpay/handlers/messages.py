"""What people write: commands, refusals, and PINs typed where they may or may not be. Pure."""

from dataclasses import replace

from botpay.cards import has_card
from botpay.commands import (
    Cancel,
    ChangePin,
    Command,
    Donate,
    ForgetMe,
    ForgotPin,
    Help,
    LinkMe,
    OwnCommand,
    RequestMoney,
    SendMoney,
    SetLanguage,
    ShowBalance,
    ShowHistory,
    ShowProfile,
    ShowReceipts,
    UnlinkMe,
)
from botpay.confirm.pin import is_pin
from botpay.directory.people import Person
from botpay.errors import Code, Refusal
from botpay.explain import explain
from botpay.handlers import account, cards, confirming, dialogues, enrol, forget, linking, pay, pin, receipts
from botpay.handlers.talk import language_for, taken_away, to_author
from botpay.handlers.world import Decision, World
from botpay.message import Actor, Flag, Inbound, Visibility
from botpay.parsing import Reading
from botpay.replies import sentence

IGNORED = Decision(outcome="ignored")


def hear(world: World, inbound: Inbound, reading: Reading | None) -> Decision:
    """Only a fresh message of a real person is acted on: first as an answer, then as a PIN, then as a command."""
    author = inbound.author
    if author is not None and inbound.flags <= {Flag.EDITED} and has_card(inbound.text.reveal()):
        return _card(world, inbound, author, reading)
    if author is None or inbound.flags:
        return _edited(world, inbound, reading)
    if (answered := dialogues.hear(world, inbound, author, reading)) is not None:
        return answered
    if is_pin(inbound.text.reveal().strip()):
        return _typed_pin(world, inbound, author)
    if reading is None or reading.meaning is None:
        return IGNORED
    language = language_for(world, inbound, reading.language)
    stranger = world.person_of(author.key) is None
    if stranger and world.terms.admission is not None and not isinstance(reading.meaning, LinkMe):
        return _meet(world, inbound, author, reading.meaning, language)
    if isinstance(reading.meaning, Refusal):
        stranger = stranger and inbound.chat.visibility is Visibility.PRIVATE
        return refuse(inbound, author, _no_account(author) if stranger else reading.meaning, language)
    return _obey(world, inbound, author, reading.meaning, language)


def _card(world: World, inbound: Inbound, author: Actor, reading: Reading | None) -> Decision:
    """A card's number is not kept, whatever it was written for; it is taken away where the platform can.

    Others' talk in public is none of ours: there it concerns account holders, and who gives a command.
    """
    command = reading is not None and reading.meaning is not None
    if inbound.chat.visibility is Visibility.PUBLIC and not command and world.person_of(author.key) is None:
        return IGNORED
    refused = refuse(
        inbound, author, Refusal(Code.CARD_NUMBER), language_for(world, inbound, reading.language if reading else None)
    )
    return replace(refused, letters=(*taken_away(world, inbound, author), *refused.letters))


def refuse(inbound: Inbound, author: Actor, refusal: Refusal, language: str) -> Decision:
    """Tell a "no" to the person whom it concerns, in private."""
    letter = to_author(inbound, author, explain(refusal, language), language)
    return Decision(outcome=refusal.code.value, letters=(letter, *cards.refused(inbound, language)))


def _meet(world: World, inbound: Inbound, author: Actor, meaning: Command | Refusal, language: str) -> Decision:
    """A stranger who writes to the bot, or a command in public, is asked the first question of enrolling."""
    if isinstance(meaning, Refusal) and inbound.chat.visibility is Visibility.PUBLIC:
        return refuse(inbound, author, meaning, language)
    money = isinstance(meaning, SendMoney | Donate | RequestMoney)
    why = sentence("enrol.nothing_sent", language) if money else None
    return enrol.start(world, inbound, author, language, why)


def _obey(world: World, inbound: Inbound, author: Actor, command: Command, language: str) -> Decision:
    person = world.person_of(author.key)
    if isinstance(command, Help):
        return account.help_(world, inbound, author, person, language)
    if isinstance(command, LinkMe) and command.code:
        entered = linking.enter(world, inbound, author, command, language)
        return refuse(inbound, author, entered, language) if isinstance(entered, Refusal) else entered
    if person is None:
        return refuse(inbound, author, _no_account(author), language)
    decision = _of_person(world, inbound, author, person, command, language)
    return refuse(inbound, author, decision, language) if isinstance(decision, Refusal) else decision


def _of_person(
    world: World, inbound: Inbound, author: Actor, person: Person, command: Command, language: str
) -> Decision | Refusal:
    if isinstance(command, OwnCommand):
        return _of_own_account(world, inbound, author, person, command, language)
    match command:
        case SendMoney() | Donate():
            return pay.reserve(world, inbound, author, person, command, language)
        case ShowBalance():
            return account.balance(world, inbound, author, person, language)
        case ShowHistory():
            return account.history(world, inbound, author, person, language)
        case Cancel():
            return confirming.cancel_newest(world, person)
        case SetLanguage(language=wanted):
            return account.speak(inbound, author, person, wanted)
        case RequestMoney() | Help():
            return Refusal(Code.NOT_YET)


def _of_own_account(
    world: World, inbound: Inbound, author: Actor, person: Person, command: OwnCommand, language: str
) -> Decision | Refusal:
    match command:
        case ChangePin():
            return pin.start(world, inbound, author, person, language)
        case ForgotPin():
            return pin.forgot(world, inbound, author, person, language)
        case LinkMe():
            return linking.give(world, inbound, author, person, language)
        case UnlinkMe():
            return linking.part(world, inbound, author, person, language)
        case ShowProfile():
            return account.profile(world, inbound, author, person, language)
        case ForgetMe():
            return forget.start(world, inbound, author, person, language)
        case ShowReceipts():
            return receipts.start(world, inbound, author, person, language)


def _no_account(author: Actor) -> Refusal:
    return Refusal.because(Code.UNKNOWN_SENDER, identity=":".join(author.key))


def _typed_pin(world: World, inbound: Inbound, author: Actor) -> Decision:
    """A PIN is taken as typed text in a private chat where that is allowed, and nowhere else.

    It is taken away at once where the platform can.
    """
    person = world.person_of(author.key)
    waiting = world.open_challenges(person.id) if person else []
    public = inbound.chat.visibility is Visibility.PUBLIC
    if not waiting:
        language = language_for(world, inbound, None)
        return IGNORED if public else refuse(inbound, author, Refusal(Code.NOTHING_OPEN), language)
    challenge = waiting[-1]
    if public:
        return _not_here(world, inbound, author, "pin.public", challenge.language)
    if not world.terms.may_type_pin(inbound.adapter):
        return _not_here(world, inbound, author, "pin.use_keypad", challenge.language)
    if inbound.said_at < challenge.asked_at != challenge.created_at:
        return confirming.ask_once_more(world, challenge)
    decision = confirming.try_pin(world, challenge, inbound.text.reveal().strip())
    return replace(decision, letters=(*taken_away(world, inbound, author), *decision.letters))


def _not_here(world: World, inbound: Inbound, author: Actor, key: str, language: str) -> Decision:
    """A PIN where it does not belong is not used; it is taken away where the platform can."""
    told = to_author(inbound, author, sentence(key, language), language)
    return Decision(outcome=key.replace(".", "_"), letters=(*taken_away(world, inbound, author), told))


def _edited(world: World, inbound: Inbound, reading: Reading | None) -> Decision:
    """Who edits a command into another is told that it changes nothing; all else that is not fresh is passed over."""
    author = inbound.author
    command = reading is not None and reading.meaning is not None and not isinstance(reading.meaning, Refusal)
    if author is None or inbound.flags != {Flag.EDITED} or not command or reading is None:
        return IGNORED
    language = language_for(world, inbound, reading.language)
    return Decision(outcome="edited", letters=(to_author(inbound, author, sentence("edited", language), language),))

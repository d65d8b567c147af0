"""What people ask about their own money, and about what they can write. Pure; always answered in private."""

from dataclasses import replace

from botpay.clock import day_of
from botpay.directory.people import Person
from botpay.errors import Code, Refusal
from botpay.handlers import codes, talk
from botpay.handlers.world import CURRENCY, Decision, Entry, World
from botpay.message import ASKED_HELP, OPENED_HOME, Actor, Button, Inbound
from botpay.money import Money
from botpay.policy import Level, Period, left_of
from botpay.replies import LANGUAGES, country, sentence

PAGES = (OPENED_HOME, ASKED_HELP)
"""The presses that show people something of their own, and need no MAC: whoever sends them sees only themselves."""


def page(world: World, inbound: Inbound) -> Decision:
    """The bot's own page, or help at the press of its button; for real people alone."""
    author = inbound.author
    if author is None or inbound.flags or inbound.press is None:
        return Decision(outcome="ignored")
    person = world.person_of(author.key)
    language = talk.language_for(world, inbound, None)
    if inbound.press.token == ASKED_HELP:
        return help_(world, inbound, author, person, language)
    return _home(world, inbound, author, person, language)


def _home(world: World, inbound: Inbound, author: Actor, person: Person | None, language: str) -> Decision:
    """Balance, last payments and a button for help, in place of what the page showed; strangers read how to join."""
    if person is None:
        text = sentence("help.stranger", language, identity=":".join(author.key))
    else:
        text = "\n\n".join([_balance(world, person, language), _history(world, person, language)])
    letter = talk.to_author(inbound, author, text, language)
    shown = inbound.press.surface if inbound.press else None
    button = Button(sentence("home.help", language), ASKED_HELP)
    return Decision(
        outcome="home",
        letters=(replace(letter, outbound=replace(letter.outbound, replaces=shown, buttons=((button,),))),),
    )


def balance(world: World, inbound: Inbound, author: Actor, person: Person, language: str) -> Decision:
    """What can be spent, and what is held for payments that wait."""
    text = _balance(world, person, language)
    return Decision(outcome="balance", letters=(talk.to_author(inbound, author, text, language),))


def history(world: World, inbound: Inbound, author: Actor, person: Person, language: str) -> Decision:
    """The last payments, newest first."""
    text = _history(world, person, language)
    return Decision(outcome="history", letters=(talk.to_author(inbound, author, text, language),))


def speak(inbound: Inbound, author: Actor, person: Person, wanted: str) -> Decision | Refusal:
    """From now on in another language, if there is a catalogue for it."""
    if wanted not in LANGUAGES:
        return Refusal.because(Code.BAD_INPUT, languages=True)
    letter = talk.to_author(inbound, author, sentence("language.set", wanted), wanted)
    return Decision(outcome="language_set", people=(replace(person, language=wanted),), letters=(letter,))


def help_(world: World, inbound: Inbound, author: Actor, person: Person | None, language: str) -> Decision:
    """What can be written; and the newest payment that still waits, so that Start in a new chat finds its prompt."""
    caps = world.terms.caps
    text = sentence("help", language, cap_person=caps.person, cap_charity=caps.charity)
    if person is None:
        text += "\n" + sentence("help.stranger", language, identity=":".join(author.key))
    told = talk.to_author(inbound, author, text, language)
    waiting = world.open_challenges(person.id) if person else []
    if not waiting:
        return Decision(outcome="help", letters=(told,))
    moved, letters = talk.again(world, waiting[-1], inbound, author)
    return Decision(outcome="help", challenges=(moved,), letters=(told, *letters))


def _balance(world: World, person: Person, language: str) -> str:
    account = world.account(person.id, CURRENCY)
    left, held = Money(account.available_minor, CURRENCY), Money(account.held_minor, CURRENCY)
    return sentence("balance.held" if held.minor else "balance", language, left=left, held=held)


def _history(world: World, person: Person, language: str) -> str:
    entries = world.history.get(person.id, [])
    lines = [sentence("history.title", language), *(_line(entry, language) for entry in entries)]
    return "\n".join(lines) if entries else sentence("history.empty", language)


def _line(entry: Entry, language: str) -> str:
    amount = Money(entry.amount_minor, entry.currency)
    key = "history.sent" if entry.sent else "history.received"
    return sentence(key, language, at=entry.at, amount=amount, other=entry.other)


def profile(world: World, inbound: Inbound, author: Actor, person: Person, language: str) -> Decision:
    """What is known of a person, and what they may do."""
    caps, free = world.terms.caps, _free_today(world, person, author)
    places = ", ".join(talk.place(identity) for identity in world.identities_of(person.id))
    lines = [sentence(f"profile.{_state(world, person)}", language, name=person.name)]
    lines.append(sentence("profile.places", language, places=places))
    if person.country:
        lines.append(sentence("profile.country", language, country=country(person.country, language)))
    if person.contact:
        lines.append(sentence("profile.contact", language, contact=codes.masked(person.contact.reveal())))
    lines.append(sentence("profile.caps", language, cap_person=caps.person, cap_charity=caps.charity))
    if free is not None:
        lines.append(sentence("profile.today", language, left=free))
    lines.append(sentence("profile.more", language))
    return Decision(outcome="profile", letters=(talk.to_author(inbound, author, "\n".join(lines), language),))


def _state(world: World, person: Person) -> str:
    """The first thing that keeps a person from paying; "active" if nothing does."""
    admission, pin = world.terms.admission, world.pins.get(person.id)
    if person.frozen:
        return "frozen"
    if person.locked_at is not None or pin is None or pin.locked:
        return "locked"
    checked = admission is not None and admission.level is Level.CHECKED
    return "awaiting" if checked and person.approved_at is None else "active"


def _free_today(world: World, person: Person, author: Actor) -> Money | None:
    """What the limits over time leave for today; None if there are none."""
    spent = world.spent.get(world.account(person.id, CURRENCY).id, {})
    limits = dict(world.terms.limits)
    if world.is_cooling(person.id, author.key):
        most = world.terms.cooling.per_day
        limits[Period.DAY] = min(limits.get(Period.DAY, most), most)
    return left_of(limits, spent, CURRENCY, day_of(world.now))

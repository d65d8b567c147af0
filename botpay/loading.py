"""Load: all that the messages of a batch can touch, one statement per table, and what their texts were read as."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from botpay.charities.store import load_charities, load_standing
from botpay.clock import day_of
from botpay.commands import LinkMe, Payee, RequestMoney, SendMoney, ShowHistory
from botpay.confirm import guessing
from botpay.confirm.checker import OwnerVerdict, PinHashed, PinVerdict
from botpay.confirm.guesses import load_guesses
from botpay.confirm.keypad import PIN_DIGITS, named_in
from botpay.confirm.pin import is_pin
from botpay.confirm.store import load_challenges, load_pins
from botpay.dialogues.sendings import load_sendings
from botpay.dialogues.store import load_dialogues
from botpay.directory import linking
from botpay.directory.link_codes import load_link_codes
from botpay.directory.people import HandleKey, Identity, IdentityKey, Sighting, fold, identity_of
from botpay.directory.store import load_identities, load_people, load_sightings, load_taken
from botpay.handlers import codes
from botpay.handlers.linking import KIND as LINKING
from botpay.handlers.world import Deadline, DialogueDeadline, DialogueEntry, Event, PageEntry, Terms, Unit, World
from botpay.inbox import load_marks
from botpay.ledger.model import AccountKind, TransferKind
from botpay.ledger.spending import load_spending
from botpay.ledger.store import load_accounts, load_transfers
from botpay.message import OPENED_HOME, Actor, Inbound, Visibility
from botpay.outbox.store import load_receipts
from botpay.parsing import Context, Reading, normalise_tag, tags_in
from botpay.parsing import read as read_text
from botpay.policy import Caps, Period
from botpay.sealing import Keyring
from botpay.statement import load_history

_CHANGING = (
    "identities",
    "people",
    "sightings",
    "accounts",
    "challenges",
    "pins",
    "spent",
    "dialogues",
    "link_codes",
)
_ABOUT_DIALOGUES = (OwnerVerdict, PinHashed, DialogueDeadline, DialogueEntry)


def done_already(connection: Connection, events: Iterable[Event]) -> dict[str, str | None]:
    """The sources among these events that were committed before, each with the digest of its contents."""
    sources = [event.source for event in events if event.source is not None]
    return load_marks(connection, sources) if sources else {}


def first_of_each(events: Iterable[Event], done: Collection[str]) -> list[Event]:
    """The events that are not done, each source once: a batch may hold the same message twice."""
    seen = set(done)
    fresh = []
    for event in events:
        if event.source is None or event.source not in seen:
            fresh.append(event)
        if event.source is not None:
            seen.add(event.source)
    return fresh


def read(
    connection: Connection, events: Sequence[Event], terms: Terms, now: datetime
) -> list[tuple[Event, Reading | None]]:
    """What each text was read as; which hashtags are charities is looked up once for all."""
    texts = {id(e): e.text.reveal() for e in events if isinstance(e, Inbound) and e.press is None}
    spoken = [e for e in events if isinstance(e, Inbound) and id(e) in texts and not is_pin(texts[id(e)].strip())]
    tags = {tag for e in spoken for tag in tags_in(texts[id(e)], e.spans)}
    known = {charity.tag for charity in load_charities(connection, tags, now)} if tags else set()
    readings = {id(e): read_text(texts[id(e)], context_of(e, known, terms.caps)) for e in spoken}
    return [(event, readings.get(id(event))) for event in events]


def load(
    connection: Connection, units: Sequence[Unit], terms: Terms, now: datetime, keyring: Keyring
) -> tuple[World, World]:
    """The world of a batch, to be changed by its decisions, and the same as it was read."""
    world = World(now=now, terms=terms)
    _load_who(connection, units, world)
    _load_dialogues(connection, units, world, keyring)
    _load_link_codes(connection, units, world)
    _load_what_waits(connection, units, world, keyring)
    _load_people_and_money(connection, units, world, keyring)
    _load_guesses(connection, units, world)
    before = copy(world)
    for name in _CHANGING:
        setattr(before, name, dict(getattr(world, name)))
    for actor in _actors(units):
        _see(world, actor)
    return world, before


def _load_who(connection: Connection, units: Sequence[Unit], world: World) -> None:
    """Authors, those whom they name by id or handle, and charities."""
    keys: set[IdentityKey] = {actor.key for actor in _actors(units)}
    handles: set[HandleKey] = {
        (actor.adapter, actor.tenant, fold(actor.handle)) for actor in _actors(units) if actor.handle
    }
    for inbound, payee in _payees(units):
        if payee.id is not None:
            keys.add((inbound.adapter, inbound.tenant, payee.id))
        else:
            handles.add((inbound.adapter, inbound.tenant, fold(payee.handle or payee.written)))
    if handles:
        world.sightings = {s.key: s for s in load_sightings(connection, sorted(handles))}
        keys.update((s.adapter, s.tenant, s.actor_id) for s in world.sightings.values())
    if keys:
        world.identities = {i.key: i for i in load_identities(connection, keys=sorted(keys))}
    tags = {normalise_tag(tag) for unit in units for tag in _tags(unit)}
    if tags:
        world.charities = {c.tag: c for c in load_charities(connection, tags, world.now)}


def _load_dialogues(connection: Connection, units: Sequence[Unit], world: World, keyring: Keyring) -> None:
    """Dialogues with the authors of this batch, and those whose work or time is over."""
    authors = {unit.event.author.key for unit in units if isinstance(unit.event, Inbound) and unit.event.author}
    ids = {unit.event.dialogue_id for unit in units if isinstance(unit.event, _ABOUT_DIALOGUES)}
    if authors or ids:
        world.dialogues = {d.key: d for d in load_dialogues(connection, keyring, ids=ids, keys=authors)}
    marks = {mark for dialogue in world.dialogues.values() for mark in codes.marks_of(world.terms, dialogue)}
    if marks:
        world.sendings = load_sendings(connection, marks, day_of(world.now))
        world.taken = load_taken(connection, marks)
    unmet = [key for key in world.dialogues if key not in world.identities]
    if unmet:
        world.identities |= {i.key: i for i in load_identities(connection, keys=unmet)}


def _load_link_codes(connection: Connection, units: Sequence[Unit], world: World) -> None:
    """Codes that are entered or asked for, and those that a dialogue is about."""
    secret = world.terms.link_secret
    macs = {linking.mac(secret, code) for unit in units if (code := _link_code(unit))}
    asking = (world.identities.get(key) for key in _linkers(units, entering=False))
    people = {found.person_id for found in asking if found and found.person_id}
    people |= {d.person_id for d in world.dialogues.values() if d.kind == LINKING and d.person_id}
    if macs or people:
        world.link_codes = {c.person_id: c for c in load_link_codes(connection, sorted(macs), sorted(people))}


def _link_code(unit: Unit) -> str | None:
    """The code that a message enters; empty if it asks for one, None if it does neither."""
    meaning = unit.reading.meaning if unit.reading else None
    return meaning.code if isinstance(meaning, LinkMe) else None


def _linkers(units: Iterable[Unit], *, entering: bool) -> list[IdentityKey]:
    """Who enters a code, or asks for one."""
    codes = [(unit.event.author, _link_code(unit)) for unit in units if isinstance(unit.event, Inbound)]
    return [author.key for author, code in codes if author and code is not None and bool(code) is entering]


def _load_what_waits(connection: Connection, units: Sequence[Unit], world: World, keyring: Keyring) -> None:
    """Challenges that are named, and those that wait for the people of this batch; their reserves and prompts."""
    ids = {transfer for unit in units if (transfer := _named(unit.event))}
    people = {i.person_id for i in world.identities.values() if i.person_id}
    people |= {unit.event.person_id for unit in units if isinstance(unit.event, PinVerdict | PageEntry)}
    prompts = [dialogue.prompt_id for dialogue in world.dialogues.values()]
    world.receipts = load_receipts(connection, prompts) if prompts else {}
    if not ids and not people:
        return
    found = load_challenges(connection, keyring, ids=sorted(ids), people=sorted(people))
    world.challenges = {c.transfer_id: c for c in found}
    if not found:
        return
    for row in load_transfers(connection, world.challenges, ending=world.challenges):
        if row.kind is TransferKind.RESERVE:
            world.reserves[row.id] = row
        elif row.pending_id is not None:
            world.endings[row.pending_id] = row
    world.receipts |= load_receipts(connection, [c.prompt_id for c in found])


def _load_people_and_money(connection: Connection, units: Sequence[Unit], world: World, keyring: Keyring) -> None:
    """The people concerned with all their identities, their PINs, and accounts, locked in the order of their ids.

    The lock comes first: what is read behind it (who is frozen, what was spent) stays true until the commit.
    """
    people = {i.person_id for i in world.identities.values() if i.person_id}
    for challenge in world.challenges.values():
        people |= {challenge.person_id, challenge.payee_owner}
    people |= {dialogue.person_id for dialogue in world.dialogues.values() if dialogue.person_id}
    people |= world.link_codes.keys()
    if not people:
        return
    owners = people | {c.id for c in world.charities.values()}
    world.know_accounts(load_accounts(connection, owners=sorted(owners), debited=()))  # charities only receive
    given_to = {c.payee_owner for c in world.challenges.values() if c.payee_kind == AccountKind.CHARITY}
    if charities := given_to | {c.id for c in world.charities.values()}:
        world.standing = load_standing(connection, charities)
    world.people = {p.id: p for p in load_people(connection, sorted(people), keyring)}
    world.identities |= {i.key: i for i in load_identities(connection, people_ids=sorted(people))}
    world.pins = {p.person_id: p for p in load_pins(connection, sorted(world.people))}
    owned = [(i.person_id, i.key) for i in world.identities.values() if i.person_id]
    if world.terms.limits or any(world.is_cooling(*identity) for identity in owned):
        _load_spending(connection, world)
    curious = {i.person_id for unit in units if (i := _curious(unit, world)) and i.person_id}
    world.history = {person: load_history(connection, person) for person in curious}


def _load_guesses(connection: Connection, units: Sequence[Unit], world: World) -> None:
    """What others got wrong, where a PIN may be tried. Its lock is the last, and taken by such batches alone."""
    taps = Counter(_named(unit.event) for unit in units)
    entered = {c.transfer_id: c.entry.reveal() for c in world.challenges.values()}
    entered |= {dialogue.id: dialogue.entered for dialogue in world.dialogues.values()}
    completed = any(len(digits) + taps[name] >= PIN_DIGITS for name, digits in entered.items())
    entering = _linkers(units, entering=True)
    if completed or entering or any(_holds_a_pin(unit.event) for unit in units):
        payees = [guessing.payee(challenge.payee_owner) for challenge in world.challenges.values()]
        codes = [linking.EVERYBODY, *map(linking.tries_of, entering)] if entering else []
        world.guesses = load_guesses(connection, [guessing.EVERYBODY, *payees, *codes], guessing.since(world.now))


def _holds_a_pin(event: Event) -> bool:
    typed = isinstance(event, Inbound) and is_pin(event.text.reveal().strip())
    return typed or isinstance(event, PageEntry | DialogueEntry)


def _load_spending(connection: Connection, world: World) -> None:
    """What the people of this batch spent within the longest period that is limited."""
    first_day = day_of(world.now) - max(period.days for period in (*world.terms.limits, Period.DAY)) + 1
    payers = [account.id for account in world.accounts.values() if account.owner in world.people]
    for account_id, day, minor in load_spending(connection, sorted(payers), first_day):
        world.spent.setdefault(account_id, {})[day] = minor


def _see(world: World, actor: Actor) -> None:
    """Note the labels that an actor bears now; they are hints for finding people, never more."""
    known = world.identities.get(actor.key)
    world.identities[actor.key] = known.seen_as(actor) if known else identity_of(actor)
    if actor.handle:
        first = Sighting(
            adapter=actor.adapter,
            tenant=actor.tenant,
            handle=fold(actor.handle),
            actor_id=actor.id,
            first_seen=world.now,
            last_seen=world.now,
        )
        seen = world.sightings.get(first.key)
        world.sightings[first.key] = replace(seen, last_seen=world.now) if seen else first


def context_of(inbound: Inbound, known: set[str], caps: Caps) -> Context:
    """What surrounds a message when it is read.

    Args:
        known: the tags that are charities'.
    """
    replied = inbound.reply_to
    payee = None
    if replied is not None:
        written = f"@{replied.handle}" if replied.handle else (replied.name or replied.id)
        payee = Payee(written=written, id=replied.id, handle=replied.handle)
    return Context(
        private=inbound.chat.visibility is Visibility.PRIVATE,
        me=inbound.me,
        author=inbound.author,
        reply_to=payee,
        spans=inbound.spans,
        own=True,
        is_charity=known.__contains__,
        cap_person=caps.person,
        cap_charity=caps.charity,
    )


def _actors(units: Iterable[Unit]) -> list[Actor]:
    """Authors, and those replied to, of messages that were not ignored as chatter."""
    inbounds = [unit.event for unit in units if isinstance(unit.event, Inbound)]
    return [actor for inbound in inbounds for actor in (inbound.author, inbound.reply_to) if actor is not None]


def _payees(units: Iterable[Unit]) -> list[tuple[Inbound, Payee]]:
    found = []
    for unit in units:
        meaning = unit.reading.meaning if unit.reading else None
        if isinstance(unit.event, Inbound) and isinstance(meaning, SendMoney | RequestMoney):
            found.append((unit.event, meaning.to if isinstance(meaning, SendMoney) else meaning.of))
    return found


def _tags(unit: Unit) -> tuple[str, ...]:
    meaning = unit.reading.meaning if unit.reading else None
    tag = getattr(meaning, "tag", None)
    return (tag,) if tag else ()


def _named(event: Event) -> str | None:
    match event:
        case Inbound(press=press) if press is not None:
            return named_in(press.token)
        case PinVerdict() | Deadline() | PageEntry():
            return event.transfer_id
        case _:
            return None


def _curious(unit: Unit, world: World) -> Identity | None:
    """Who asks for their history, in words or by opening the bot's page."""
    event = unit.event
    if not isinstance(event, Inbound) or event.author is None:
        return None
    asks = unit.reading is not None and isinstance(unit.reading.meaning, ShowHistory)
    opened = event.press is not None and event.press.token == OPENED_HOME
    return world.identities.get(event.author.key) if asks or opened else None

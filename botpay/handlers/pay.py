"""Reserving a payment: who is paid, whether it may be, and the question put to the sender. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from botpay import ids, policy
from botpay.clock import day_of
from botpay.commands import Donate, Payee, SendMoney
from botpay.confirm.challenge import Challenge, too_many_today
from botpay.confirm.pin import without_pin
from botpay.directory.people import Identity, IdentityKey, Person, bearer, fold
from botpay.errors import Code, Refusal
from botpay.handlers import talk
from botpay.handlers.world import Decision, World
from botpay.ledger import rules
from botpay.ledger.model import Account, AccountKind, Transfer, TransferKind
from botpay.message import Actor, Inbound, Visibility
from botpay.money import Money
from botpay.parsing import normalise_tag

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Payable:
    """Somebody with an account, as the sender will be shown them."""

    owner: str
    kind: AccountKind
    shown: str


def reserve(
    world: World, inbound: Inbound, author: Actor, payer: Person, command: SendMoney | Donate, language: str
) -> Decision | Refusal:
    """Hold the money and ask for the PIN; or the first reason not to, in the order of `Code`."""
    found = _charity(world, command) if isinstance(command, Donate) else _person(world, inbound, command.to)
    kind = AccountKind.CHARITY if isinstance(command, Donate) else AccountKind.PERSON
    refusal = policy.may_pay(world.terms.caps, kind, command.amount)
    if refusal := refusal or may_spend(world, payer.id, command.amount, author.key):
        return refusal
    if isinstance(found, Refusal):
        return found
    if refusal := may_take_part(world, payer.id, found.owner):
        return Refusal.because(refusal.code, payee=found.shown)
    pin = world.pins.get(payer.id)
    if pin is None or pin.locked:
        return Refusal.because(Code.PERSON_LOCKED, by_code=world.can_mail(payer))
    if refusal := too_many_today(pin, world.now, world.terms.bearable.per_person_per_day):
        return refusal
    if len(world.open_challenges(payer.id)) >= policy.MOST_WAITING:
        return Refusal(Code.TOO_MANY_WAITING)
    debit = world.account(payer.id, command.amount.currency)
    credit = world.account(found.owner, command.amount.currency)
    if refusal := rules.may_reserve(debit, credit, command.amount.minor):
        free = talk.free(world, payer.id, command.amount.currency)
        return Refusal.because(refusal.code, left=free, amount=command.amount)
    return _ask(world, inbound, author, payer, command, found, (debit, credit), language)


def may_spend(world: World, payer_id: str, amount: Money, by: IdentityKey) -> Refusal | None:
    """Whether the limits over time leave room for `amount` more, asked for by one of the payer's identities."""
    spent, today = world.spent.get(world.account(payer_id, amount.currency).id, {}), day_of(world.now)
    if world.is_cooling(payer_id, by):
        most = world.terms.cooling.per_day
        if refusal := policy.may_spend({policy.Period.DAY: most}, spent, amount, today):
            return Refusal.because(refusal.code, **{**refusal.details, "cooling": True})
    return policy.may_spend(world.terms.limits, spent, amount, today)


def may_take_part(world: World, payer_id: str, payee_owner: str) -> Refusal | None:
    """Whether both sides are admitted and nobody is frozen; of a charity only that it is not suspended."""
    if world.is_suspended(payee_owner):
        return Refusal(Code.CHARITY_SUSPENDED)
    payee = world.people.get(payee_owner)
    return policy.may_take_part(
        world.terms.admission, _standing(world.people[payer_id]), _standing(payee) if payee else None
    )


def _standing(person: Person) -> policy.Standing:
    return policy.Standing(
        frozen=person.frozen or person.forgotten_at is not None,
        locked=person.locked_at is not None,
        approved=person.approved_at is not None,
        country=person.country,
    )


def _ask(
    world: World,
    inbound: Inbound,
    author: Actor,
    payer: Person,
    command: SendMoney | Donate,
    payee: _Payable,
    accounts: tuple[Account, Account],
    language: str,
) -> Decision:
    transfer_id = ids.derived(inbound.said_at, inbound.source)
    until = world.now + world.terms.caps.confirm_within
    transfer = Transfer(
        id=transfer_id,
        kind=TransferKind.RESERVE,
        debit_id=accounts[0].id,
        credit_id=accounts[1].id,
        amount_minor=command.amount.minor,
        currency=command.amount.currency,
        created_at=world.now,
        expires_at=until,
    )
    challenge = Challenge(
        transfer_id=transfer_id,
        person_id=payer.id,
        amount_minor=transfer.amount_minor,
        currency=transfer.currency,
        payee_owner=payee.owner,
        payee_kind=payee.kind.value,
        payee=payee.shown,
        memo=without_pin(command.memo) if command.memo else None,
        language=language,
        origin_adapter=inbound.adapter,
        origin_tenant=inbound.tenant,
        origin_actor=author.id,
        origin_chat=inbound.chat.id,
        origin_public=inbound.chat.visibility is Visibility.PUBLIC,
        origin_card=inbound.chat.card,
        prompt_id=ids.derived(world.now, f"{transfer_id}:prompt"),
        created_at=_after_those_waiting(world, payer),
        asked_at=world.now,
        expires_at=until,
    )
    left = Money(accounts[0].available_minor - transfer.amount_minor, transfer.currency)
    challenge = talk.linked(world, challenge)
    letter = talk.prompt(world, challenge, left, inbound, author)
    return Decision(outcome="reserved", transfers=(transfer,), challenges=(challenge,), letters=(letter,))


def _after_those_waiting(world: World, payer: Person) -> datetime:
    """Now, but after what waits already, also within one batch: a PIN or a cancel means what was asked last."""
    waiting = world.open_challenges(payer.id)
    return max(world.now, waiting[-1].created_at + _MOMENT) if waiting else world.now


def _charity(world: World, command: Donate) -> _Payable | Refusal:
    charity = world.charities.get(normalise_tag(command.tag))
    if charity is None:
        return Refusal.because(Code.UNKNOWN_CHARITY, tag=command.tag)
    return _Payable(charity.id, AccountKind.CHARITY, f"{charity.name} ({command.tag})")


def _person(world: World, inbound: Inbound, payee: Payee) -> _Payable | Refusal:
    """The id decides if the platform gave one; else who bears the handle."""
    if payee.id is not None:
        identity = world.identities.get((inbound.adapter, inbound.tenant, payee.id))
    else:
        handle = fold(payee.handle or payee.written)
        sightings = world.handle_sightings(inbound.adapter, inbound.tenant, handle)
        found = bearer(payee.handle or payee.written, sightings, world.identities, world.now)
        if isinstance(found, Refusal):
            return _unknown(world, inbound, payee) if found.code is Code.UNKNOWN_PAYEE else found
        identity = found
    person = world.people.get(identity.person_id) if identity and identity.person_id else None
    if person is None:
        return _unknown(world, inbound, payee, identity)
    shown = talk.shown_as(world, person, inbound.adapter, inbound.tenant)
    return _Payable(person.id, AccountKind.PERSON, shown)


def _unknown(world: World, inbound: Inbound, payee: Payee, identity: Identity | None = None) -> Refusal:
    """Somebody without an account: as they were named, and how they can be invited."""
    shown = f"@{identity.handle}" if identity and identity.handle else payee.written
    return Refusal.because(Code.UNKNOWN_PAYEE, payee=shown, invite=world.terms.invite(inbound.adapter))

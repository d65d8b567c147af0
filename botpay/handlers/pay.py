"""Reserving a payment: who is paid, whether it may be, and the question put to the sender. Pure."""

from dataclasses import dataclass

from botpay import ids, policy
from botpay.commands import Donate, Payee, SendMoney
from botpay.confirm.challenge import Challenge
from botpay.directory.people import Person, bearer, fold
from botpay.errors import Code, Refusal
from botpay.handlers import talk
from botpay.handlers.world import Decision, World
from botpay.ledger import rules
from botpay.ledger.model import Account, AccountKind, Transfer, TransferKind
from botpay.message import Actor, Inbound, Visibility
from botpay.money import Money
from botpay.parsing import normalise_tag


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
    if refusal:
        return refusal
    if isinstance(found, Refusal):
        return found
    pin = world.pins.get(payer.id)
    if pin is None or pin.locked:
        return Refusal(Code.PERSON_LOCKED)
    debit = world.account(payer.id, command.amount.currency)
    credit = world.account(found.owner, command.amount.currency)
    if refusal := rules.may_reserve(debit, credit, command.amount.minor):
        free = talk.free(world, payer.id, command.amount.currency)
        return Refusal.because(refusal.code, left=free, amount=command.amount)
    return _ask(world, inbound, author, payer, command, found, (debit, credit), language)


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
        memo=command.memo,
        language=language,
        origin_adapter=inbound.adapter,
        origin_tenant=inbound.tenant,
        origin_actor=author.id,
        origin_chat=inbound.chat.id,
        origin_public=inbound.chat.visibility is Visibility.PUBLIC,
        prompt_id=ids.derived(world.now, f"{transfer_id}:prompt"),
        created_at=world.now,
        expires_at=until,
    )
    left = Money(accounts[0].available_minor - transfer.amount_minor, transfer.currency)
    letter = talk.prompt(world, challenge, left, inbound, author)
    return Decision(outcome="reserved", transfers=(transfer,), challenges=(challenge,), letters=(letter,))


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
            return found
        identity = found
    person = world.people.get(identity.person_id) if identity and identity.person_id else None
    if person is None:
        return Refusal.because(Code.UNKNOWN_PAYEE, payee=payee.written)
    shown = talk.shown_as(world, person, inbound.adapter, inbound.tenant)
    return _Payable(person.id, AccountKind.PERSON, shown)

"""The card of a payment, which stands in a chat that we do not see: what everybody may read there. Pure.

It shows amount and payee as its sender typed them, and in the end whether it was paid. Why it was not, what anybody
has, memos, and names that the platform does not show are told in private alone.
"""

from botpay.confirm.challenge import Challenge, State
from botpay.handlers import talk
from botpay.handlers.world import World
from botpay.ledger.model import AccountKind
from botpay.message import Inbound, Outbound, Visibility
from botpay.outbox.model import Letter
from botpay.replies import sentence


def ended(world: World, challenge: Challenge) -> tuple[Letter, ...]:
    """Says on the card of an ended payment, if it has one, what became of it."""
    if not challenge.origin_card:
        return ()
    text = outcome(world, challenge)
    return (_on(challenge.origin_adapter, challenge.origin_tenant, challenge.origin_chat, text),)


def refused(inbound: Inbound, language: str) -> tuple[Letter, ...]:
    """Says on a card that its payment has not even begun, if that is where it came from."""
    if not inbound.chat.card:
        return ()
    return (_on(inbound.adapter, inbound.tenant, inbound.chat.id, sentence("card.refused", language)),)


def outcome(world: World, challenge: Challenge) -> str:
    """Whether an ended payment was paid, in words for everybody."""
    key = "card.paid" if challenge.state is State.PASSED else "card.not_paid"
    payee = _in_public(world, challenge)
    return sentence(key, challenge.language, amount=talk.amount_of(challenge), payee=payee)


def _in_public(world: World, challenge: Challenge) -> str:
    """The payee as the platform shows them to everybody: a person's name with us is nobody else's business."""
    if challenge.payee_kind == AccountKind.CHARITY.value:
        return challenge.payee
    where = (challenge.origin_adapter, challenge.origin_tenant)
    here = [i for i in world.identities_of(challenge.payee_owner) if (i.adapter, i.tenant) == where]
    return next((f"@{i.handle}" if i.handle else i.name for i in here if i.handle or i.name), None) or challenge.payee


def _on(adapter: str, tenant: str, card: str, text: str) -> Letter:
    return Letter(
        outbound=Outbound(id="", adapter=adapter, tenant=tenant, visibility=Visibility.PUBLIC, chat=card, text=text)
    )

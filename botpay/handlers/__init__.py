"""Decide: (world, event) -> what is to be written and said. Pure: no I/O, no clock, no SQL.

`messages` takes what people write, `pay` reserves, `confirming` takes PINs and ends challenges, `account` tells
people about their money. They may read the world and call the rules of ledger, confirmation and policy.
"""

from botpay.confirm.checker import PinVerdict
from botpay.handlers.confirming import enter_on_page, expire, judge, press
from botpay.handlers.messages import hear
from botpay.handlers.world import Deadline, Decision, PageEntry, Unit, World
from botpay.message import Inbound
from botpay.outbox.model import Delivery, Fate, Letter

__all__ = ["decide"]


def decide(world: World, unit: Unit) -> Decision:
    """What one event leads to, by the rules alone."""
    match unit.event:
        case Inbound(press=None) as inbound:
            return hear(world, inbound, unit.reading)
        case Inbound() as inbound:
            return press(world, inbound)
        case PinVerdict() as verdict:
            return judge(world, verdict)
        case Deadline() as deadline:
            return expire(world, deadline.transfer_id)
        case PageEntry() as entry:
            return enter_on_page(world, entry)
        case Delivery() as delivery:
            return _note(delivery)


def _note(delivery: Delivery) -> Decision:
    """What became of a letter; somebody who cannot be reached is told in public to open a private chat."""
    unreachable = delivery.fate is Fate.UNREACHABLE and delivery.fallback is not None
    fallback = (Letter(outbound=delivery.fallback),) if unreachable and delivery.fallback else ()
    return Decision(outcome=f"letter_{delivery.fate}", deliveries=(delivery,), letters=fallback)

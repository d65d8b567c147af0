"""Decide: (world, event) -> what is to be written and said. Pure: no I/O, no clock, no SQL.

`messages` takes what people write, `pay` reserves, `confirming` takes PINs and ends challenges, `account` tells
people about their money; `dialogues` leads through questions, `enrol` and its siblings are what they ask. They may read
the world and call the rules of ledger, confirmation and policy.
"""

from botpay.confirm.checker import OwnerVerdict, PinHashed, PinVerdict
from botpay.confirm.keypad import named_in
from botpay.handlers import dialogues
from botpay.handlers.account import PAGES, page
from botpay.handlers.confirming import enter_on_page, expire, judge, press
from botpay.handlers.messages import hear
from botpay.handlers.world import Deadline, Decision, DialogueDeadline, DialogueEntry, PageEntry, Unit, World
from botpay.message import Inbound
from botpay.outbox.model import Delivery, Fate, Letter

__all__ = ["decide"]


def decide(world: World, unit: Unit) -> Decision:
    """What one event leads to, by the rules alone."""
    match unit.event:
        case Inbound(press=None) as inbound:
            return hear(world, inbound, unit.reading)
        case Inbound(press=pressed) as inbound if pressed and pressed.token in PAGES:
            return page(world, inbound)
        case Inbound() as inbound:
            return _press(world, inbound)
        case PinVerdict() as verdict:
            return judge(world, verdict)
        case Deadline() as deadline:
            return expire(world, deadline.transfer_id)
        case PageEntry() | DialogueEntry() as entry:
            return _enter(world, entry)
        case OwnerVerdict() | PinHashed() as outcome:
            return dialogues.worked(world, outcome)
        case DialogueDeadline() as deadline:
            return dialogues.time_is_up(world, deadline.dialogue_id)
        case Delivery() as delivery:
            return _note(delivery)


def _enter(world: World, entry: PageEntry | DialogueEntry) -> Decision:
    """Something entered on the page of a payment, or of a dialogue."""
    if isinstance(entry, PageEntry):
        return enter_on_page(world, entry)
    return dialogues.enter_on_page(world, entry)


def _press(world: World, inbound: Inbound) -> Decision:
    """A tap on a button of a payment's, or of a dialogue's."""
    about = named_in(inbound.press.token) if inbound.press else None
    if about is not None and about not in world.challenges:
        return dialogues.press(world, inbound, about)
    return press(world, inbound)


def _note(delivery: Delivery) -> Decision:
    """What became of a letter; somebody who cannot be reached is told in public to open a private chat."""
    unreachable = delivery.fate is Fate.UNREACHABLE and delivery.fallback is not None
    fallback = (Letter(outbound=delivery.fallback),) if unreachable and delivery.fallback else ()
    return Decision(outcome=f"letter_{delivery.fate}", deliveries=(delivery,), letters=fallback)

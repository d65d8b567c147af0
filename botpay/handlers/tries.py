"""Tries at PINs, for payments and in dialogues alike: when none is read, and how one is counted. Pure."""

from botpay.clock import minute_of
from botpay.confirm import guessing
from botpay.confirm.challenge import Pin, may_enter
from botpay.confirm.guessing import Guesses
from botpay.directory.people import Person
from botpay.errors import Code, LedgerFault, Refusal
from botpay.handlers.world import World

NOT_READ = (Code.TOO_SOON, Code.TOO_MANY_TODAY, Code.PINS_PAUSED, Code.PAYEE_PAUSED, Code.BUSY)
"""Why a PIN was neither read nor counted: it may be entered again."""
_PAUSES = (Code.PINS_PAUSED, Code.PAYEE_PAUSED)


def held(person: Person) -> Refusal | None:
    """Why an account is neither left nor entered from elsewhere: the operator holds it, frozen or locked.

    Who could be forgotten, or parted, while they are frozen would enrol anew and be free.
    """
    if person.frozen:
        return Refusal(Code.PERSON_FROZEN)
    return Refusal(Code.PERSON_LOCKED) if person.locked_at is not None else None


def has_to_wait(world: World, pin: Pin | None) -> bool:
    """Whether no PIN of this person is read now, for what was wrong before."""
    return may_enter(pin, world.now, world.terms.bearable.per_person_per_day) is not None


def not_now(world: World, pin: Pin | None, about: str | None = None) -> Refusal | None:
    """Why no PIN of this person is read now, whatever it is: they or others got too many wrong, or too many wait.

    Args:
        about: under what tries to pay the payee are counted; None if they are not.
    """
    if world.guesses is None:
        raise LedgerFault("a try at a PIN that was not foreseen when loading")
    bearable = world.terms.bearable
    return (
        may_enter(pin, world.now, bearable.per_person_per_day)
        or guessing.may_guess(bearable, world.guesses, about, world.now)
        or (Refusal(Code.BUSY) if world.room <= 0 else None)
    )


def noted(world: World, refusal: Refusal) -> tuple[Guesses, ...]:
    """What was refused because others got too many wrong is counted, for the operator."""
    return (Guesses(guessing.REFUSED, minute_of(world.now), 1),) if refusal.code in _PAUSES else ()

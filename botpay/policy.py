"""How much may be paid at once. Pure; asked when money is reserved and again when it is posted."""

from dataclasses import dataclass
from datetime import timedelta

from botpay.errors import Code, Refusal
from botpay.ledger.model import AccountKind
from botpay.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The most that one payment may move, inclusive, and how long it waits for its PIN."""

    person: Money
    charity: Money
    confirm_within: timedelta

    def of(self, payee: AccountKind) -> Money:
        """The cap for a kind of payee."""
        return self.charity if payee is AccountKind.CHARITY else self.person


def may_pay(caps: Caps, payee: AccountKind, amount: Money) -> Refusal | None:
    """Whether one payment may move this much to this kind of payee."""
    limit = caps.of(payee)
    if amount.currency != limit.currency:
        return Refusal.because(Code.UNKNOWN_CURRENCY)
    if amount > limit:
        return Refusal.because(Code.LIMIT_EXCEEDED, limit=limit, amount=amount)
    return None

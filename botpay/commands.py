"""What a message can mean: frozen sentences in the imperative."""

from dataclasses import dataclass, field

from botpay.money import Money


@dataclass(frozen=True, slots=True)
class Payee:
    """Whom a command names: by the platform's id if it gave one, else by handle. The id decides.

    Attributes:
        written: as it stood in the message ("@bob", "<@U123ABC>"), for replies.
    """

    written: str
    id: str | None = None
    handle: str | None = None


@dataclass(frozen=True, slots=True)
class SendMoney:
    """Pay a person."""

    amount: Money
    to: Payee
    memo: str | None = None


@dataclass(frozen=True, slots=True)
class Donate:
    """Give to a charity, named by its hashtag ("#eaupourtous", as written)."""

    amount: Money
    tag: str
    memo: str | None = None


@dataclass(frozen=True, slots=True)
class RequestMoney:
    """Ask a person for money."""

    amount: Money
    of: Payee
    memo: str | None = None


@dataclass(frozen=True, slots=True)
class ShowBalance:
    """Tell me what I have."""


@dataclass(frozen=True, slots=True)
class ShowHistory:
    """Tell me my last payments."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Call off the payment that waits for my PIN."""


@dataclass(frozen=True, slots=True)
class Help:
    """Tell me what I can write."""


@dataclass(frozen=True, slots=True)
class SetLanguage:
    """Speak this language to me: an ISO 639-1 code of `botpay/words`."""

    language: str


@dataclass(frozen=True, slots=True)
class ChangePin:
    """Let me choose another PIN."""


@dataclass(frozen=True, slots=True)
class ForgotPin:
    """Let me choose another PIN though I do not know mine, or am locked."""


@dataclass(frozen=True, slots=True)
class LinkMe:
    """Make the me of here and the me of another platform one person.

    Attributes:
        code: the one that the other chat gave, in capitals; empty to be given one.
    """

    code: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class UnlinkMe:
    """Let the me of here be nobody's any more."""


@dataclass(frozen=True, slots=True)
class ShowProfile:
    """Tell me what is known of me here, and what I may do."""


@dataclass(frozen=True, slots=True)
class ForgetMe:
    """Close my account, and keep nothing of me but what moved."""


@dataclass(frozen=True, slots=True)
class ShowReceipts:
    """Let me have the receipts of what I gave."""


OwnCommand = ChangePin | ForgotPin | LinkMe | UnlinkMe | ShowProfile | ForgetMe | ShowReceipts
"""About one's own account; read only where `Context.own` asks for it."""
Command = SendMoney | Donate | RequestMoney | ShowBalance | ShowHistory | Cancel | Help | SetLanguage | OwnCommand

"""What a message can mean: frozen sentences in the imperative."""

from dataclasses import dataclass

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


Command = SendMoney | Donate | RequestMoney | ShowBalance | ShowHistory | Cancel | Help | SetLanguage

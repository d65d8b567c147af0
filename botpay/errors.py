"""What can go wrong, in two kinds that never mix.

A *refusal* is an expected "no": a value with a code, told to the person. A *fault* is an exception::

    BotpayError
    ├── ConfigError          the installation is not set up as it must be; the text names the remedy
    ├── Busy                 too much is waiting; nothing was done, deliver again later
    ├── Conflict             this event id was used before for something else; nothing was done
    ├── StorageUnavailable   the database cannot be written now; nothing was done, deliver again later
    ├── LedgerFault          rows that must agree do not; nothing was committed
    └── DeliveryError        an adapter could not deliver an outbound
        ├── RetryAfter       the platform said when to try again
        ├── Transient        try again with back-off
        ├── Unreachable      this person cannot be written to in private
        ├── Forbidden        our credentials may not do this
        └── Permanent        will never work as it stands
"""

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Code(StrEnum):
    """Every reason for a "no", in order of precedence: where several apply, the first one is told.

    `LIMIT_EXCEEDED` stands last of those that a message alone can show, yet an amount far above the cap is
    refused as such even where the rest of the message is fine.
    """

    # What a message can be refused for, before anybody is looked up.
    CARD_NUMBER = "card_number"
    BAD_INPUT = "bad_input"
    UNKNOWN_COMMAND = "unknown_command"
    SEVERAL_COMMANDS = "several_commands"
    MISSING_AMOUNT = "missing_amount"
    SEVERAL_AMOUNTS = "several_amounts"
    BAD_AMOUNT = "bad_amount"
    AMBIGUOUS_AMOUNT = "ambiguous_amount"
    TOO_MANY_DECIMALS = "too_many_decimals"
    NEGATIVE_AMOUNT = "negative_amount"
    ZERO_AMOUNT = "zero_amount"
    MISSING_CURRENCY = "missing_currency"
    UNKNOWN_CURRENCY = "unknown_currency"
    MISSING_RECIPIENT = "missing_recipient"
    SEVERAL_RECIPIENTS = "several_recipients"
    INVALID_RECIPIENT = "invalid_recipient"
    SELF_PAYMENT = "self_payment"
    BOT_PAYMENT = "bot_payment"
    UNKNOWN_CHARITY = "unknown_charity"
    LIMIT_EXCEEDED = "limit_exceeded"
    # What the rules of money and of confirmation refuse.
    UNKNOWN_SENDER = "unknown_sender"
    UNKNOWN_PAYEE = "unknown_payee"
    UNSURE_PAYEE = "unsure_payee"
    PERSON_FROZEN = "person_frozen"
    OTHER_COUNTRY = "other_country"
    AWAITING_APPROVAL = "awaiting_approval"
    PAYEE_FROZEN = "payee_frozen"
    CHARITY_SUSPENDED = "charity_suspended"
    PERSON_LOCKED = "person_locked"
    MONEY_LEFT = "money_left"
    TOO_MANY_WAITING = "too_many_waiting"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    ALREADY_POSTED = "already_posted"
    ALREADY_VOIDED = "already_voided"
    ALREADY_EXPIRED = "already_expired"
    NOTHING_OPEN = "nothing_open"
    LINK_IN_PUBLIC = "link_in_public"
    HAS_ACCOUNT = "has_account"
    TOO_MANY_CODES = "too_many_codes"
    LAST_IDENTITY = "last_identity"
    NO_CONTACT = "no_contact"
    REPLACED_LATER = "replaced_later"
    STILL_WAITING = "still_waiting"
    STILL_CHECKING = "still_checking"
    TOO_SOON = "too_soon"
    TOO_MANY_TODAY = "too_many_today"
    PINS_PAUSED = "pins_paused"
    PAYEE_PAUSED = "payee_paused"
    BUSY = "busy"
    WRONG_PIN = "wrong_pin"
    NOT_YET = "not_yet"
    # What the ledger refuses whoever books on it by ids; people in a chat cannot come to these.
    CONFLICT = "conflict"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_TRANSFER = "unknown_transfer"
    OTHER_CURRENCY = "other_currency"
    STILL_OPEN = "still_open"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An expected "no": a code, and what its sentence needs (amounts as `Money`, words as written)."""

    code: Code
    details: MappingProxyType[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def because(cls, code: Code, **details: Any) -> "Refusal":
        """A refusal with the details that its sentence names."""
        return cls(code, MappingProxyType(details))


class BotpayError(Exception):
    """Every fault of botpay; see the tree above."""


class ConfigError(BotpayError):
    """The installation is not set up as it must be. The text names the setting and its remedy."""


class Busy(BotpayError):
    """Too much is waiting, or `code` says why nothing is taken now. Nothing was done; it can be sent again later."""

    def __init__(self, text: str = "", code: Code = Code.BUSY) -> None:
        super().__init__(text)
        self.code = code


class Conflict(BotpayError):
    """This event id was used before, with other contents. Nothing was done, and nothing will be if it comes again."""


class StorageUnavailable(BotpayError):
    """The database is locked, full or away. Nothing was done; the platform delivers again."""


class LedgerFault(BotpayError):
    """Rows that must agree do not. Nothing of the batch was committed."""


class DeliveryError(BotpayError):
    """An adapter could not deliver an outbound. The text never holds what was to be sent."""


class RetryAfter(DeliveryError):
    """The platform asked to wait `seconds` before the next try in this chat; `everywhere`: in all of its chats."""

    def __init__(self, seconds: float, *, everywhere: bool = False) -> None:
        super().__init__(f"retry after {seconds:g} s")
        self.seconds, self.everywhere = seconds, everywhere


class Transient(DeliveryError):
    """The network or the platform failed for now; it may or may not have been delivered."""


class Unreachable(DeliveryError):
    """This person cannot be written to in private: never met the bot, or blocked it."""


class Forbidden(DeliveryError):
    """Our token or scopes do not allow this; an operator has to act."""


class Permanent(DeliveryError):
    """The platform will never take this outbound as it stands."""

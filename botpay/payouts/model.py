"""What a payout is: a run that two people sign, and for each charity in it an item that is paid once or comes back."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

_END_TO_END = re.compile(r"BP([0-9A-F]{8})([0-9A-F]{4})([0-9A-F]{4})([0-9A-F]{4})([0-9A-F]{12})")
"""34 of the 35 characters that SEPA allows (EPC132-08), all of its character set."""


class RunState(StrEnum):
    """How far a run is. Once exported it cannot be cancelled: whether the bank has it is not known here."""

    PREPARED = "prepared"
    APPROVED = "approved"
    EXPORTED = "exported"
    SETTLED = "settled"
    CANCELLED = "cancelled"


class ItemState(StrEnum):
    """Where the money of an item is.

    It waits for its run; or is in doubt, since the bank was told and has not answered; or arrived, as a statement says;
    or is back, because the bank returned it or the run was cancelled. What arrived can still be returned.
    """

    WAITING = "waiting"
    IN_DOUBT = "in_doubt"
    CONFIRMED = "confirmed"
    RETURNED = "returned"
    CANCELLED = "cancelled"


ON_ITS_WAY = frozenset({ItemState.WAITING, ItemState.IN_DOUBT})
"""The money of such an item is on the account of payouts, neither the charity's nor gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of payouts.

    Attributes:
        prepared_by, approved_by: two different people, by the names they gave.
        approved_digest: over everything that was approved; see `botpay.paying_out.desk`.
        exported_at: when the bank's file was made; `file_digest` is that of its bytes, `debtor_digest` that of the
            IBAN which pays.
    """

    id: str
    state: RunState
    prepared_by: str
    prepared_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None
    approved_digest: str | None = None
    exported_at: datetime | None = None
    debtor_digest: str | None = None
    file_digest: str | None = None
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What one charity is paid in a run.

    Attributes:
        id: also that of the transfer which took the money from the charity's account.
        name: the charity's legal name, as whoever approved it was shown.
        iban_digest, reviewed_at: of the account it goes to and of the review that stood when it was prepared.
    """

    id: str
    run_id: str
    charity_id: str
    name: str
    amount_minor: int
    currency: str
    iban_digest: str
    reviewed_at: datetime
    state: ItemState = ItemState.WAITING


def end_to_end(item_id: str) -> str:
    """What the bank carries along with the money and gives back: the transfer's id in SEPA's characters."""
    return f"BP{item_id.replace('-', '').upper()}"


def item_of(end_to_end_id: str) -> str | None:
    """The item that an end-to-end id stands for; None if it is not of our making."""
    found = _END_TO_END.fullmatch(end_to_end_id)
    return "-".join(found.groups()).lower() if found else None


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's, as far as names can tell: case, width and spaces do not matter."""
    return _folded(one) == _folded(other)


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).split())

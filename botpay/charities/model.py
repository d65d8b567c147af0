"""What a charity is here: a name, the hashtags that lead to it, and whether it was reviewed."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from botpay.message import SecretText


@dataclass(frozen=True, slots=True, kw_only=True)
class Charity:
    """A recipient of donations: its legal name, and the hashtag (normalised, without "#") it was found by."""

    id: str
    name: str
    tag: str


class Standing(NamedTuple):
    """Whether a charity was reviewed, so that donations are paid out to it, and whether it takes none for now."""

    verified: bool = False
    suspended: bool = False


class Purpose(StrEnum):
    """What a charity is in the law: the first two may issue tax receipts (CGI articles 200 and 238 bis)."""

    GENERAL_INTEREST = "general_interest"
    PUBLIC_UTILITY = "public_utility"
    OTHER = "other"

    @property
    def gives_receipts(self) -> bool:
        """Whether gifts to it may lower its donors' taxes."""
        return self is not Purpose.OTHER


class Document(StrEnum):
    """What a reviewer must have seen before money is paid out; HelloAsso asks for the same."""

    IDENTITY = "identity"  # of who acts for it
    STATUTES = "statutes"
    REGISTRATION = "registration"  # the notice in the official journal, or the prefecture's receipt
    BANK_DETAILS = "bank_details"  # in the charity's own name
    BOARD = "board"  # who runs it, not older than a year


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is known of a charity and who says so.

    Attributes:
        object: what it is for, in a sentence, as its statutes say.
        rna: its number in the national register of associations (W and nine digits).
        siren: its number as an enterprise, nine digits.
        iban: where it is paid; sealed at rest.
        documents: what a reviewer saw, and where that lies.
        reviewed_by: who verified it, and when; None before.
        suspended_at: since when it takes no donations.
    """

    charity_id: str
    address: str = ""
    object: str = ""
    purpose: Purpose = Purpose.OTHER
    rna: str | None = None
    siren: str | None = None
    iban: SecretText = field(default_factory=SecretText)
    documents: tuple[tuple[Document, str], ...] = ()
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None
    suspended_at: datetime | None = None
    version: int = 0

    @property
    def verified(self) -> bool:
        """Whether its donations may be paid out."""
        return self.reviewed_at is not None

    @property
    def suspended(self) -> bool:
        """Whether it takes no donations for now."""
        return self.suspended_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A hashtag and whose it is.

    Attributes:
        active_from: it leads to the charity from then on; None for as long as it is there.
        released_at: it was given up, and leads to nobody.
    """

    tag: str
    charity_id: str
    active_from: datetime | None = None
    released_at: datetime | None = None

    def leads(self, now: datetime) -> bool:
        """Whether donations by this hashtag are taken."""
        return self.released_at is None and (self.active_from is None or self.active_from <= now)

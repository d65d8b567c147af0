"""What a receipt says, who it is for, and what became of it. Pure."""

import json
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from botpay.errors import ConfigError
from botpay.message import SecretText
from botpay.money import Money

KEPT_YEARS = 6
"""How long a charity keeps what it issued (Livre des procédures fiscales, articles L102 B and L102 E)."""
LONGEST_NAME = 100
LONGEST_ADDRESS = 300
LINK_LIFE = timedelta(minutes=30)
"""How long the page of receipts stays open after the PIN."""
_PARIS = ZoneInfo("Europe/Paris")


class ReceiptState(StrEnum):
    """A receipt counts until it is cancelled; its number is never given again."""

    ISSUED = "issued"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Donor:
    """Who gave, as the tax office knows them; sealed at rest, and never in a chat."""

    name: SecretText
    address: SecretText


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs a charity's receipts, and as what.

    Attributes:
        image: the digest of the picture of the signature, if there is one.
    """

    charity_id: str
    name: str
    capacity: str
    image: str | None = None
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gift:
    """A donation that went through.

    Attributes:
        transfer_id: the post that moved the money.
        charity: its legal name.
    """

    transfer_id: str
    person_id: str
    charity_id: str
    charity: str
    amount: Money
    at: datetime

    @property
    def year(self) -> int:
        """The year for which it counts."""
        return day_in_france(self.at).year


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """All that a receipt says, as it was on the day of issue: what changes later changes no receipt.

    The mentions are those of the model "Cerfa 11580*05, reçu des dons et versements effectués par les particuliers"
    (form 2041-RD): body, order number, donor and address, amount, date, form, nature and mode of the gift, article,
    sworn statement, signature and capacity. A layout of one's own is allowed if they are all there
    (BOI-IR-RICI-250-40).
    """

    charity: str
    charity_address: str
    object: str
    public_utility: bool
    rna: str | None
    siren: str | None
    donor: str = field(repr=False)
    donor_address: str = field(repr=False)
    amount_minor: int
    currency: str
    given_on: str
    issued_on: str
    transfer_id: str
    signer: str
    capacity: str
    image: str | None

    @property
    def amount(self) -> Money:
        """What was given."""
        return Money(self.amount_minor, self.currency)

    def written(self) -> str:
        """As it is sealed."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def read(cls, written: str) -> "Contents":
        """As it was written."""
        return cls(**json.loads(written))


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One receipt of one gift.

    Attributes:
        number: counts the receipts of one charity for gifts of one year, from 1, without gaps.
        digest: of the PDF as it was issued.
        replaced_by: the receipt that counts in its place.
        reason: why it does not count any more.
    """

    id: str
    charity_id: str
    year: int
    number: int
    transfer_id: str
    person_id: str
    amount_minor: int
    issued_at: datetime
    digest: str
    state: ReceiptState = ReceiptState.ISSUED
    replaced_by: str | None = None
    cancelled_at: datetime | None = None
    reason: str | None = None

    @property
    def name(self) -> str:
        """As it is printed: "2026-000017"."""
        return order_number(self.year, self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptLink:
    """The way to somebody's page of receipts, given after their PIN; the newest one alone leads there.

    Attributes:
        id: of the dialogue in which the PIN was right.
        link: the hash of the token in it.
    """

    id: str
    person_id: str
    link: bytes
    language: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Totals:
    """What a charity declares each year (CGI, article 222 bis), and what it may be asked about it.

    Attributes:
        sum_minor: gifts of the year that receipts which count mention.
        issued: documents issued within the year, whenever the gifts were made.
        cancelled: of the receipts for gifts of the year, those that do not count any more.
    """

    year: int
    receipts: int
    sum_minor: int
    issued: int
    cancelled: int


def order_number(year: int, number: int) -> str:
    """A receipt's number as it is printed."""
    return f"{year}-{number:06d}"


def day_in_france(at: datetime) -> date:
    """The day that it was in France: what was given in the first hour of January counts for the new year."""
    return at.astimezone(_PARIS).date()


def year_in_france(year: int) -> tuple[datetime, datetime]:
    """When a year began in France, and the next one."""
    return datetime(year, 1, 1, tzinfo=_PARIS), datetime(year + 1, 1, 1, tzinfo=_PARIS)


def checked_donor(name: str, address: str) -> Donor:
    """Who gave, in one line of name and some of address. Raises `ConfigError`, whose text repeats nothing of it."""
    lines = [" ".join(line.split()) for line in address.splitlines()]
    found, where = " ".join(name.split()), "\n".join(filter(None, lines))
    if not 2 <= len(found) <= LONGEST_NAME or not _may_be_printed(found):
        raise ConfigError("name")
    # A full address (BOI-IR-RICI-250-40): at least a street or place, and a postal code with its town.
    if not 8 <= len(where) <= LONGEST_ADDRESS or where.count("\n") > 5 or not _may_be_printed(where.replace("\n", " ")):
        raise ConfigError("address")
    if not any(char.isdigit() for char in where):
        raise ConfigError("address")
    return Donor(name=SecretText(found), address=SecretText(where))


def _may_be_printed(text: str) -> bool:
    """Whether all can be seen, none turns the direction of writing, and the letters are among those that we draw."""
    return text.isprintable() and any(map(str.isalpha, text)) and all(map(_is_drawn, text))


def _is_drawn(char: str) -> bool:
    """Latin, Greek and Cyrillic letters and the marks between them: what the fonts of the receipts hold."""
    drawn = (" \u024f", "\u0300\u0338", "\u0370\u03ff", "\u0400\u045f", "\u1e00\u1eff", "\u2010\u2015", "\u2018\u201f")
    return any(bounds[0] <= char <= bounds[1] for bounds in drawn) or char == "№"

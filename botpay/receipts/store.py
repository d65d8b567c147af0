"""The tables of receipts and of what they are made from. What tells who a donor is, is sealed at rest."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    RowMapping,
    Select,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)

from botpay.database import Instant, Sealed, metadata
from botpay.errors import LedgerFault
from botpay.message import SecretText
from botpay.receipts.model import (
    Contents,
    Donor,
    Receipt,
    ReceiptLink,
    ReceiptState,
    Signer,
    Totals,
    year_in_france,
)
from botpay.sealing import Keyring, place

_COUNTS = literal_column("state") == literal_column("'issued'")

receipts = Table(
    "receipts",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("charity_id", Uuid(as_uuid=False), ForeignKey("charities.id"), nullable=False),
    Column("year", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("transfer_id", Uuid(as_uuid=False), ForeignKey("transfers.id"), nullable=False),
    Column("person_id", Uuid(as_uuid=False), ForeignKey("people.id"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("digest", String, nullable=False),
    Column("contents", Sealed("id"), nullable=False),
    Column("state", String, nullable=False),
    Column("replaced_by", Uuid(as_uuid=False), ForeignKey("receipts.id")),
    Column("cancelled_at", Instant),
    Column("reason", String),
    UniqueConstraint("charity_id", "year", "number"),
    CheckConstraint("state in ('issued', 'cancelled')", name="state"),
    CheckConstraint("number > 0 and amount_minor > 0", name="counts"),
    CheckConstraint("(state = 'cancelled') = (cancelled_at is not null)", name="cancelled"),
    CheckConstraint("(cancelled_at is null) = (reason is null)", name="reason"),
    CheckConstraint("replaced_by is null or state = 'cancelled'", name="replaced"),
    Index("uq_receipts_of_gift", "transfer_id", unique=True, sqlite_where=_COUNTS, postgresql_where=_COUNTS),
    Index(None, "person_id"),
)
"""A row is never removed, and ends once: no number is given twice, none is missing. `contents` is all that it says."""
donors = Table(
    "donors",
    metadata,
    Column("person_id", Uuid(as_uuid=False), ForeignKey("people.id"), primary_key=True),
    Column("name", Sealed("person_id"), nullable=False),
    Column("address", Sealed("person_id"), nullable=False),
    Column("at", Instant, nullable=False),
)
signatures = Table(
    "signatures",
    metadata,
    Column("digest", String, primary_key=True),
    Column("image", LargeBinary, nullable=False),
)
"""Pictures of signatures by their SHA-256. What was once printed on a receipt stays."""
signers = Table(
    "signers",
    metadata,
    Column("charity_id", Uuid(as_uuid=False), ForeignKey("charities.id"), primary_key=True),
    Column("name", String, nullable=False),
    Column("capacity", String, nullable=False),
    Column("image", String, ForeignKey("signatures.digest")),
    Column("version", BigInteger, nullable=False),
)
receipt_links = Table(
    "receipt_links",
    metadata,
    Column("person_id", Uuid(as_uuid=False), ForeignKey("people.id"), primary_key=True),
    Column("id", Uuid(as_uuid=False), nullable=False, unique=True),
    Column("link", LargeBinary, nullable=False, unique=True),
    Column("language", String, nullable=False),
    Column("expires_at", Instant, nullable=False),
)

_RECEIPT = tuple(c for c in receipts.c if c.name != "contents")


def load_last_number(connection: Connection, charities: Table, charity_id: str, year: int) -> int:
    """The last number of a charity's receipts for a year; nobody else gives out one until the commit.

    The lock is on the charity's row and does not keep donations waiting (FOR NO KEY UPDATE).
    """
    locked = select(charities.c.id).where(charities.c.id == charity_id).with_for_update(key_share=True)
    connection.execute(locked).one()
    of_year = (receipts.c.charity_id == charity_id) & (receipts.c.year == year)
    return connection.execute(select(func.max(receipts.c.number)).where(of_year)).scalar() or 0


def add_receipt(connection: Connection, keyring: Keyring, receipt: Receipt, contents: Contents) -> None:
    """Write a receipt with all that it says."""
    sealed = keyring.seal(_place(receipt.id), contents.written())
    values = {c.name: getattr(receipt, c.name) for c in _RECEIPT} | {"state": receipt.state.value, "contents": sealed}
    connection.execute(insert(receipts).values(values))


def save_cancelled(connection: Connection, receipt: Receipt) -> None:
    """Write that a receipt does not count any more. Raises `LedgerFault` if it did not when it was read."""
    counts = (receipts.c.id == receipt.id) & (receipts.c.state == ReceiptState.ISSUED.value)
    names = ("replaced_by", "cancelled_at", "reason")
    values = {name: getattr(receipt, name) for name in names} | {"state": receipt.state.value}
    if connection.execute(update(receipts).where(counts).values(values)).rowcount != 1:
        raise LedgerFault(f"receipt {receipt.id} was cancelled meanwhile")


def save_replaced(connection: Connection, receipt: Receipt, by: str) -> None:
    """Write which receipt counts in the place of one that was just cancelled."""
    connection.execute(update(receipts).where(receipts.c.id == receipt.id).values(replaced_by=by))


def load_of_charity(connection: Connection, charity_id: str, year: int) -> list[Receipt]:
    """A charity's receipts for gifts of a year, by number."""
    of_year = (receipts.c.charity_id == charity_id) & (receipts.c.year == year)
    return _found(connection, select(*_RECEIPT).where(of_year).order_by(receipts.c.number))


def load_of_gifts(connection: Connection, transfers: Collection[str]) -> list[Receipt]:
    """Every receipt there ever was of some gifts, the oldest first."""
    found = []
    asked = sorted(transfers)
    for at in range(0, len(asked), 500):
        some = receipts.c.transfer_id.in_(asked[at : at + 500])
        found += _found(connection, select(*_RECEIPT).where(some).order_by(receipts.c.year, receipts.c.number))
    return found


def load_receipt(connection: Connection, charity_id: str, year: int, number: int) -> Receipt | None:
    """One receipt by its number, locked."""
    named = (receipts.c.charity_id == charity_id, receipts.c.year == year, receipts.c.number == number)
    found = _found(connection, select(*_RECEIPT).where(*named).with_for_update())
    return found[0] if found else None


def load_contents(connection: Connection, keyring: Keyring, receipt_id: str) -> Contents:
    """All that a receipt says."""
    sealed = connection.execute(select(receipts.c.contents).where(receipts.c.id == receipt_id)).scalar_one()
    return Contents.read(keyring.unseal(_place(receipt_id), sealed))


def load_totals(connection: Connection, charity_id: str, year: int) -> Totals:
    """What a charity declares for a year."""
    mine = load_of_charity(connection, charity_id, year)
    counting = [receipt.amount_minor for receipt in mine if receipt.state is ReceiptState.ISSUED]
    begins, ends = year_in_france(year)
    within = (receipts.c.charity_id == charity_id, receipts.c.issued_at >= begins, receipts.c.issued_at < ends)
    issued = connection.execute(select(func.count()).select_from(receipts).where(*within, _COUNTS)).scalar_one()
    return Totals(year, len(counting), sum(counting), issued, len(mine) - len(counting))


def load_donor(connection: Connection, keyring: Keyring, person_id: str) -> Donor | None:
    """Who somebody is for the tax office, if they said so."""
    row = connection.execute(select(donors).where(donors.c.person_id == person_id)).mappings().first()
    if row is None:
        return None
    known = {
        name: SecretText(keyring.unseal(place("donors", person_id, name), row[name])) for name in ("name", "address")
    }
    return Donor(**known)


def save_donor(connection: Connection, keyring: Keyring, person_id: str, donor: Donor, now: datetime) -> None:
    """Write who somebody is for the tax office, over what stood there."""
    sealed = {
        name: keyring.seal(place("donors", person_id, name), getattr(donor, name).reveal())
        for name in ("name", "address")
    }
    values: dict[str, Any] = {**sealed, "at": now}
    there = connection.execute(update(donors).where(donors.c.person_id == person_id).values(values))
    if not there.rowcount:
        connection.execute(insert(donors).values(person_id=person_id, **values))


def load_signer(connection: Connection, charity_id: str) -> Signer | None:
    """Who signs a charity's receipts."""
    row = connection.execute(select(signers).where(signers.c.charity_id == charity_id)).mappings().first()
    return Signer(**row) if row else None


def save_signer(connection: Connection, signer: Signer, image: bytes | None) -> None:
    """Write who signs from now on, and the picture of their signature if there is one."""
    if image is not None and load_image(connection, signer.image) is None:
        connection.execute(insert(signatures).values(digest=signer.image, image=image))
    values = {c.name: getattr(signer, c.name) for c in signers.c}
    there = connection.execute(update(signers).where(signers.c.charity_id == signer.charity_id).values(values))
    if not there.rowcount:
        connection.execute(insert(signers).values(values))


def load_image(connection: Connection, digest: str | None) -> bytes | None:
    """A picture of a signature."""
    return connection.execute(select(signatures.c.image).where(signatures.c.digest == digest)).scalar()


def save_receipt_links(connection: Connection, links: Iterable[ReceiptLink]) -> None:
    """A person's newest link takes the place of the one before."""
    for link in links:
        connection.execute(delete(receipt_links).where(receipt_links.c.person_id == link.person_id))
        connection.execute(insert(receipt_links).values({c.name: getattr(link, c.name) for c in receipt_links.c}))


def load_receipt_link(
    connection: Connection, now: datetime, *, id_: str | None = None, link: bytes | None = None
) -> ReceiptLink | None:
    """The link that still leads somewhere, by its id or by what is kept of its token."""
    named = receipt_links.c.id == id_ if link is None else receipt_links.c.link == link
    row = connection.execute(select(receipt_links).where(named, receipt_links.c.expires_at > now)).mappings().first()
    return ReceiptLink(**row) if row else None


def receipt_of(row: RowMapping) -> Receipt:
    """A receipt as its row says."""
    return Receipt(**{**row, "state": ReceiptState(row["state"])})


def select_receipts() -> Select[Any]:
    """All receipts, without what they say."""
    return select(*_RECEIPT)


def _found(connection: Connection, query: Select[Any]) -> list[Receipt]:
    return [receipt_of(row) for row in connection.execute(query).mappings()]


def _place(receipt_id: str) -> str:
    return place("receipts", receipt_id, "contents")

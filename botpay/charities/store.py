"""The tables of charities, their records and hashtags."""

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Index,
    RowMapping,
    String,
    Table,
    Text,
    Uuid,
    bindparam,
    insert,
    select,
    update,
)

from botpay.charities.model import Charity, Document, Purpose, Record, Standing, Tag
from botpay.charities.tags import skeleton
from botpay.database import Instant, Sealed, metadata
from botpay.errors import LedgerFault
from botpay.message import SecretText
from botpay.sealing import Keyring, place

charities = Table(
    "charities",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("name", String, nullable=False),
    Column("created_at", Instant, nullable=False),
)
hashtags = Table(
    "hashtags",
    metadata,
    Column("tag", String, primary_key=True),
    Column("charity_id", Uuid(as_uuid=False), ForeignKey("charities.id"), nullable=False),
    Column("skeleton", String, nullable=False),
    Column("active_from", Instant),
    Column("released_at", Instant),
    Index(None, "charity_id"),
    Index(None, "skeleton", unique=True),
)
records = Table(
    "charity_records",
    metadata,
    Column("charity_id", Uuid(as_uuid=False), ForeignKey("charities.id"), primary_key=True),
    Column("address", String, nullable=False),
    Column("object", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("rna", String),
    Column("siren", String),
    Column("iban", Sealed("charity_id")),
    Column("iban_digest", String),
    Column("documents", Text, nullable=False),
    Column("reviewed_by", String),
    Column("reviewed_at", Instant),
    Column("suspended_at", Instant),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("purpose in ('general_interest', 'public_utility', 'other')", name="purpose"),
    CheckConstraint("(iban is null) = (iban_digest is null)", name="iban"),
    CheckConstraint("(reviewed_by is null) = (reviewed_at is null)", name="reviewed"),
    CheckConstraint("reviewed_at is null or iban is not null", name="payable"),
)
"""A charity without a record was never reviewed. `iban_digest` stands in the audit for what is sealed."""

_AT_ONCE = 5000  # a few messages of nothing but hashtags have more than a statement may have parameters

_had = (
    select(charities.c.id, charities.c.name, hashtags.c.tag)
    .join(hashtags, hashtags.c.charity_id == charities.c.id)
    .where(hashtags.c.tag.in_(bindparam("tags", expanding=True)))
)
_lead = _had.where(
    hashtags.c.released_at.is_(None),
    hashtags.c.active_from.is_(None) | (hashtags.c.active_from <= bindparam("now", type_=Instant)),
)
_lock = (
    select(charities.c.id)
    .where(charities.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(charities.c.id)
    .with_for_update(key_share=True, read=True)
)
_standing = select(records.c.charity_id, records.c.reviewed_at, records.c.suspended_at).where(
    records.c.charity_id.in_(bindparam("ids", expanding=True))
)


def load_charities(connection: Connection, tags: Collection[str], now: datetime | None = None) -> list[Charity]:
    """The charities that some normalised tags lead to now; without a time, also those they will lead to, or did."""
    asked = sorted(tags)
    parts = (asked[at : at + _AT_ONCE] for at in range(0, len(asked), _AT_ONCE))
    which, values = (_had, {}) if now is None else (_lead, {"now": now})
    return [Charity(**row) for tags in parts for row in connection.execute(which, {"tags": tags, **values}).mappings()]


def load_standing(connection: Connection, ids: Collection[str]) -> dict[str, Standing]:
    """How some charities stand, which stays so until the commit.

    Two statements: one that had to wait for its lock would see the records as they were before it began to wait.
    """
    wanted = {"ids": sorted(ids)}
    standing = dict.fromkeys(connection.execute(_lock, wanted).scalars(), Standing())
    for row in connection.execute(_standing, wanted):
        standing[row.charity_id] = Standing(row.reviewed_at is not None, row.suspended_at is not None)
    return standing


def load_suspended(connection: Connection) -> list[str]:
    """The charities that take no donations."""
    return list(connection.execute(select(records.c.charity_id).where(records.c.suspended_at.is_not(None))).scalars())


def save_charity(connection: Connection, charity: Charity, created_at: datetime) -> Tag:
    """Add a charity with its first hashtag, which leads to it at once."""
    connection.execute(insert(charities).values(id=charity.id, name=charity.name, created_at=created_at))
    tag = Tag(tag=charity.tag, charity_id=charity.id)
    connection.execute(insert(hashtags).values(_tag_values(tag)))
    return tag


def load_named(connection: Connection, charity_id: str) -> tuple[str, list[Tag]]:
    """A charity's legal name and all hashtags that it has or had, locked. Raises `LedgerFault` if there is none."""
    name = connection.execute(select(charities.c.name).where(charities.c.id == charity_id).with_for_update()).scalar()
    if name is None:
        raise LedgerFault(f"there is no charity {charity_id}")
    whose = hashtags.c.charity_id == charity_id
    return str(name), [_tag_of(row) for row in connection.execute(select(hashtags).where(whose)).mappings()]


def load_look_alike(connection: Connection, tag: str) -> Tag | None:
    """The hashtag that stands in the way of another: the same, or one that looks like it."""
    row = connection.execute(select(hashtags).where(hashtags.c.skeleton == skeleton(tag))).mappings().first()
    return _tag_of(row) if row else None


def load_all(connection: Connection) -> list[tuple[str, str, datetime]]:
    """Every charity's id, legal name and when it was added, in that order."""
    rows = connection.execute(select(charities).order_by(charities.c.created_at, charities.c.id))
    return [(row.id, row.name, row.created_at) for row in rows]


def save_tag(connection: Connection, tag: Tag) -> None:
    """Add a hashtag, or write whose it is now."""
    there = connection.execute(update(hashtags).where(hashtags.c.tag == tag.tag).values(_tag_values(tag)))
    if not there.rowcount:
        connection.execute(insert(hashtags).values(_tag_values(tag)))


def load_record(connection: Connection, keyring: Keyring, charity_id: str) -> Record | None:
    """What is known of a charity, locked. Raises `LedgerFault` if its IBAN is not the one that was audited."""
    found = connection.execute(select(records).where(records.c.charity_id == charity_id).with_for_update())
    row = found.mappings().first()
    return _record_of(row, keyring) if row else None


def save_record(connection: Connection, keyring: Keyring, record: Record, before: Record | None) -> str | None:
    """Add a record or write it over the version that was read; returns the digest of its IBAN, for the audit."""
    values = _values(record, keyring)
    digest: str | None = values["iban_digest"]
    if before is None:
        connection.execute(insert(records).values(values))
        return digest
    seen = (records.c.charity_id == record.charity_id) & (records.c.version == before.version)
    if connection.execute(update(records).where(seen).values(values)).rowcount != 1:
        raise LedgerFault("the record of a charity changed under its lock")
    return digest


def documents_of(written: str) -> tuple[tuple[Document, str], ...]:
    """Documents as their column keeps them: [[kind, where it lies], ...]."""
    return tuple((Document(kind), reference) for kind, reference in json.loads(written))


def _record_of(row: RowMapping, keyring: Keyring) -> Record:
    iban = keyring.unseal(_place(row["charity_id"]), row["iban"]) if row["iban"] else ""
    if row["iban_digest"] != iban_digest(keyring, iban):
        raise LedgerFault(f"the IBAN of charity {row['charity_id']} is not the one that was audited")
    names = ("charity_id", "address", "object", "rna", "siren", "reviewed_by", "reviewed_at", "suspended_at", "version")
    return Record(
        **{name: row[name] for name in names},
        purpose=Purpose(row["purpose"]),
        iban=SecretText(iban),
        documents=documents_of(row["documents"]),
    )


def _values(record: Record, keyring: Keyring) -> dict[str, Any]:
    iban = record.iban.reveal()
    return {
        "charity_id": record.charity_id,
        "address": record.address,
        "object": record.object,
        "purpose": record.purpose.value,
        "rna": record.rna,
        "siren": record.siren,
        "iban": keyring.seal(_place(record.charity_id), iban) if iban else None,
        "iban_digest": iban_digest(keyring, iban),
        "documents": json.dumps(record.documents),
        "reviewed_by": record.reviewed_by,
        "reviewed_at": record.reviewed_at,
        "suspended_at": record.suspended_at,
        "version": record.version,
    }


def iban_digest(keyring: Keyring, iban: str) -> str | None:
    """What stands in the audit for an IBAN."""
    return keyring.digest("iban", iban) if iban else None


def _place(charity_id: str) -> str:
    return place("charity_records", charity_id, "iban")


def _tag_values(tag: Tag) -> dict[str, Any]:
    return {
        "tag": tag.tag,
        "charity_id": tag.charity_id,
        "skeleton": skeleton(tag.tag),
        "active_from": tag.active_from,
        "released_at": tag.released_at,
    }


def _tag_of(row: RowMapping) -> Tag:
    return Tag(
        tag=row["tag"],
        charity_id=row["charity_id"],
        active_from=row["active_from"],
        released_at=row["released_at"],
    )

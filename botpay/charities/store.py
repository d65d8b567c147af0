"""The tables of charities and hashtags."""

from collections.abc import Collection

from sqlalchemy import Column, Connection, ForeignKey, Index, String, Table, Uuid, bindparam, insert, select

from botpay.charities.model import Charity
from botpay.database import Instant, metadata

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
    Index(None, "charity_id"),
)

_by_tag = (
    select(charities.c.id, charities.c.name, hashtags.c.tag)
    .join(hashtags, hashtags.c.charity_id == charities.c.id)
    .where(hashtags.c.tag.in_(bindparam("tags", expanding=True)))
)


def load_charities(connection: Connection, tags: Collection[str]) -> list[Charity]:
    """The charities that some normalised tags lead to."""
    return [Charity(**row) for row in connection.execute(_by_tag, {"tags": list(tags)}).mappings()]


def save_charity(connection: Connection, charity: Charity, created_at: object) -> None:
    """Add a charity with its hashtag."""
    connection.execute(insert(charities).values(id=charity.id, name=charity.name, created_at=created_at))
    connection.execute(insert(hashtags).values(tag=charity.tag, charity_id=charity.id))

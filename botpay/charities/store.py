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

_AT_ONCE = 5000  # a few messages of nothing but hashtags have more than a statement may have parameters

_by_tag = (
    select(charities.c.id, charities.c.name, hashtags.c.tag)
    .join(hashtags, hashtags.c.charity_id == charities.c.id)
    .where(hashtags.c.tag.in_(bindparam("tags", expanding=True)))
)


def load_charities(connection: Connection, tags: Collection[str]) -> list[Charity]:
    """The charities that some normalised tags lead to."""
    asked = sorted(tags)
    parts = (asked[at : at + _AT_ONCE] for at in range(0, len(asked), _AT_ONCE))
    return [Charity(**row) for part in parts for row in connection.execute(_by_tag, {"tags": part}).mappings()]


def save_charity(connection: Connection, charity: Charity, created_at: object) -> None:
    """Add a charity with its hashtag."""
    connection.execute(insert(charities).values(id=charity.id, name=charity.name, created_at=created_at))
    connection.execute(insert(hashtags).values(tag=charity.tag, charity_id=charity.id))

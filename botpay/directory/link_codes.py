"""The table of link codes."""

from collections.abc import Collection, Iterable

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    LargeBinary,
    Table,
    Uuid,
    bindparam,
    delete,
    insert,
    or_,
    select,
)

from botpay.database import Instant, metadata
from botpay.directory.linking import LinkCode

link_codes = Table(
    "link_codes",
    metadata,
    Column("person_id", Uuid(as_uuid=False), ForeignKey("people.id"), primary_key=True),
    Column("mac", LargeBinary, nullable=False, unique=True),
    Column("expires_at", Instant, nullable=False),
)

_found = (
    select(*link_codes.c)
    .where(
        or_(
            link_codes.c.mac.in_(bindparam("macs", expanding=True)),
            link_codes.c.person_id.in_(bindparam("people", expanding=True)),
        )
    )
    .order_by(link_codes.c.person_id)
    .with_for_update(key_share=True)
)
_gone = delete(link_codes).where(link_codes.c.person_id == bindparam("_person_id"))


def load_link_codes(connection: Connection, macs: Collection[bytes], people: Collection[str]) -> list[LinkCode]:
    """Codes by what is kept of them, and those of some people; locked until the commit."""
    rows = connection.execute(_found, {"macs": list(macs), "people": list(people)}).mappings()
    return [LinkCode(**row) for row in rows]


def save_link_codes(connection: Connection, changed: Iterable[LinkCode]) -> None:
    """A person's newest code takes the place of the one before; a used one goes."""
    for code in changed:
        connection.execute(_gone, {"_person_id": code.person_id})
        if not code.used:
            values = {"person_id": code.person_id, "mac": code.mac, "expires_at": code.expires_at}
            connection.execute(insert(link_codes).values(values))

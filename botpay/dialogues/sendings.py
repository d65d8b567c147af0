"""The table of how many codes were sent today to an address or for an identity; yesterday's counts are dropped."""

from collections.abc import Collection, Mapping

from sqlalchemy import CheckConstraint, Column, Connection, Integer, String, Table, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from botpay.database import metadata

sendings = Table(
    "sendings",
    metadata,
    Column("mark", String, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    CheckConstraint("count >= 0", name="count"),
)

_count = (
    select(sendings.c.mark, sendings.c.count)
    .where(sendings.c.mark.in_(bindparam("marks", expanding=True)), sendings.c.day == bindparam("day"))
    .order_by(sendings.c.mark)
    .with_for_update()
)
_set = (
    update(sendings)
    .where(sendings.c.mark == bindparam("_mark"), sendings.c.day == bindparam("_day"))
    .values(count=bindparam("_count"))
)
_drop = delete(sendings).where(sendings.c.day < bindparam("day"))


def load_sendings(connection: Connection, marks: Collection[str], day: int) -> dict[str, int]:
    """How many codes were sent on a day, by mark; locked until the commit, also where it is the first."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    rows = [{"mark": mark, "day": day, "count": 0} for mark in sorted(marks)]
    connection.execute(dialect.insert(sendings).on_conflict_do_nothing(), rows)
    found = connection.execute(_count, {"marks": list(marks), "day": day}).all()
    return {str(mark): int(count) for mark, count in found}


def save_sendings(connection: Connection, counts: Mapping[str, int], day: int) -> None:
    """Write counts that were loaded before, and forget those of earlier days."""
    if counts:
        values = [{"_mark": mark, "_day": day, "_count": count} for mark, count in counts.items()]
        connection.execute(_set, values)
        connection.execute(_drop, {"day": day})

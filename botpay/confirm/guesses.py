"""The table of wrong PINs by minute, and the lock under which they are counted."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    String,
    Table,
    bindparam,
    delete,
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

from botpay.clock import minute_of
from botpay.confirm import guessing
from botpay.confirm.guessing import Counts, Guesses
from botpay.database import metadata

guesses = Table(
    "guesses",
    metadata,
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    Column("about", String, primary_key=True),
    Column("tries", Integer, nullable=False),
)

_LOCK = text("select pg_advisory_xact_lock(7810775121926972538)")
_since = select(guesses.c.about, guesses.c.minute, guesses.c.tries).where(
    guesses.c.minute >= bindparam("minute"), guesses.c.about.in_(bindparam("abouts", expanding=True))
)
_of_a_day = (
    select(guesses.c.about, func.sum(guesses.c.tries), func.max(guesses.c.minute))
    .where(guesses.c.minute > bindparam("minute"))
    .group_by(guesses.c.about)
)


def load_guesses(connection: Connection, abouts: Collection[str], minute: int) -> Counts:
    """Tries about some since a minute. On PostgreSQL who else means to count waits from here to the commit."""
    if connection.dialect.name != "sqlite":
        connection.execute(_LOCK)
    rows = connection.execute(_since, {"minute": minute, "abouts": sorted(set(abouts))})
    return {(about, minute): tries for about, minute, tries in rows}


def save_guesses(connection: Connection, found: Iterable[Guesses], now: datetime) -> None:
    """Add to what is counted; what is older than is ever looked back at goes."""
    counts: Counts = {}
    guessing.add(counts, found)
    if not counts:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(guesses)
    summed = {"tries": guesses.c.tries + statement.excluded.tries}
    rows = [{"about": about, "minute": minute, "tries": tries} for (about, minute), tries in sorted(counts.items())]
    connection.execute(
        statement.on_conflict_do_update(index_elements=list(guesses.primary_key.columns), set_=summed), rows
    )
    connection.execute(delete(guesses).where(guesses.c.minute <= minute_of(now) - guessing.KEPT_MINUTES))


def count_of_day(connection: Connection, now: datetime) -> dict[str, tuple[int, int]]:
    """What was counted about each within the last day: so many tries, and the minute of the last."""
    found = connection.execute(_of_a_day, {"minute": minute_of(now) - guessing.KEPT_MINUTES})
    return {about: (int(tries), minute) for about, tries, minute in found}

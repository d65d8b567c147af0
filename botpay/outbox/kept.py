"""Letters that an operator can still decide about: those that wait, and those that are dead. Their SQL."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, literal_column, select, text, update

from botpay.outbox.model import Fate, Letter
from botpay.outbox.store import letter_of, outbound
from botpay.sealing import Keyring

_NAMES = (
    *("seq", "id", "adapter", "tenant", "lane", "replaces_letter", "target"),
    *("fate", "tries", "reason", "created_at", "leased_until"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A letter whose words are still there, as read from its row.

    Attributes:
        lane, target: digests of whom it is for, and of the message that it takes the place of.
        reason: the kind of the last error.
        letter: None if no key that is here opens it.
    """

    seq: int
    id: str
    adapter: str
    tenant: str
    lane: str
    replaces_letter: str | None
    target: str | None
    fate: Fate
    tries: int
    reason: str | None
    created_at: datetime
    leased_until: datetime | None
    letter: Letter | None = field(repr=False)


def load_kept(
    connection: Connection,
    keyring: Keyring,
    fates: Collection[Fate],
    ids: Collection[str] | None = None,
    *,
    lock: bool = True,
) -> list[Kept]:
    """All letters of some fates, or those of them that are named, in the order of their lanes.

    Args:
        lock: nobody else changes them until the commit.
    """
    columns = (*(outbound.c[name] for name in _NAMES), outbound.c.body)
    found = select(*columns).where(outbound.c.fate.in_([fate.value for fate in fates])).order_by(outbound.c.seq)
    if ids is not None:
        found = found.where(outbound.c.id.in_(ids))
    rows = connection.execute(found.with_for_update() if lock else found).mappings()
    return [
        Kept(**{name: row[name] for name in _NAMES if name != "fate"}, fate=Fate(row["fate"]), letter=letter)
        for row in rows
        for letter in (letter_of(row, keyring),)
    ]


def count_dead(connection: Connection) -> int:
    """How many letters wait for an operator to decide."""
    dead = select(func.count()).select_from(outbound).where(outbound.c.fate == literal_column("'dead'"))
    return connection.execute(dead).scalar_one()


def overtaken(connection: Connection, letters: Collection[Kept]) -> set[str]:
    """The ids of those for which a later letter took the place of them, or of their message, whatever came of it."""
    names = ("seq", "lane", "replaces_letter", "target")
    lanes = {letter.lane for letter in letters}
    later = connection.execute(select(*(outbound.c[name] for name in names)).where(outbound.c.lane.in_(lanes))).all()
    last_about: dict[tuple[str, str], int] = {}
    for row in later:
        for about in filter(None, (row.replaces_letter, row.target)):
            last_about[row.lane, about] = max(row.seq, last_about.get((row.lane, about), 0))
    return {
        letter.id
        for letter in letters
        for about in filter(None, (letter.id, letter.target))
        if last_about.get((letter.lane, about), 0) > letter.seq
    }


def queue_again(connection: Connection, ids: Iterable[str], now: datetime) -> None:
    """Put dead letters at the ends of their lanes, in the order given, with all their tries before them."""
    at_the_end = text("default")
    if connection.dialect.name == "sqlite":
        at_the_end = select(func.max(outbound.alias("all_letters").c.seq) + 1).scalar_subquery()  # type: ignore[assignment]
    again = (
        update(outbound)
        .where(outbound.c.id == bindparam("_id"), outbound.c.fate == Fate.DEAD.value)
        .values(
            seq=at_the_end, fate=Fate.QUEUED.value, tries=0, next_at=bindparam("_now", type_=outbound.c.next_at.type)
        )
    )
    if values := [{"_id": id_, "_now": now} for id_ in ids]:
        connection.execute(again, values)


def wipe(connection: Connection, ids: Collection[str], fate: Fate) -> None:
    """Give letters that wait or are dead a fate that is final; their words are gone."""
    kept = outbound.c.fate.in_([Fate.QUEUED.value, Fate.DEAD.value])
    connection.execute(update(outbound).where(outbound.c.id.in_(ids), kept).values(fate=fate.value, body=None))

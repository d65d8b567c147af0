"""Changing the key of the data while the bot runs: what an old key sealed is sealed anew, some rows at a time.

Every column of the type `Sealed` is found by itself, so that none is forgotten. A row is written only over the value
that was read, so what the bot changes meanwhile stays; whatever was interrupted goes on where it was.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Column, Connection, Row, Select, Update, bindparam, func, select, tuple_, update

from botpay.audit.store import append
from botpay.clock import Clock
from botpay.database import Database, Sealed
from botpay.errors import LedgerFault
from botpay.sealing import ID_BYTES, Keyring, place
from botpay.tables import metadata

_AT_ONCE = 200

Census = dict[str, Counter[str]]
"""How many values each key sealed: by the id of the key in hexadecimal digits, then by "table.column"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """Seals anew what is not sealed with the current key of an installation."""

    database: Database
    clock: Clock
    keyring: Keyring
    audit_key: bytes = field(repr=False)

    def census(self) -> Census:
        """What each key sealed, as of now."""
        with self.database.read() as connection:
            return census(connection)

    def run(self, tick: Callable[[int], None] = lambda _: None) -> int:
        """Seal anew all that an old key opens; returns how many values that were. What none opens is left as it is.

        Args:
            tick: told after each commit how many rows were looked at.
        """
        changed = sum(self._column(column, tick) for column in sealed_columns())
        if changed:
            event = (f"keys:{self.keyring.current.hex()}", "rotated")
            self.database.transact(lambda c: append(c, self.audit_key, [event], [], self.clock()))
        return changed

    def _column(self, column: Column[Any], tick: Callable[[int], None]) -> int:
        changed = 0
        last: tuple[Any, ...] | None = None
        while found := self.database.transact(partial(self._some, column, last)):
            looked_at, done, last = found
            changed += done
            tick(looked_at)
        return changed

    def _some(
        self, column: Column[Any], last: tuple[Any, ...] | None, connection: Connection
    ) -> tuple[int, int, tuple[Any, ...]] | None:
        """Some rows in one commit: how many, how many of them were sealed anew, the last one's key; None at the end."""
        rows = connection.execute(_stale(column, self.keyring.current, last)).all()
        if not rows:
            return None
        values = list(self._anew(column, rows))
        done = connection.execute(_over(column), values).rowcount if values else 0
        return len(rows), done, _key(column, rows[-1])

    def _anew(self, column: Column[Any], rows: Sequence[Row[Any]]) -> Iterator[dict[str, Any]]:
        for row in rows:
            where = _place(column, row)
            try:
                text = self.keyring.unseal(where, row.sealed)
            except LedgerFault:
                continue
            key = {f"_{c.name}": value for c, value in zip(column.table.primary_key, _key(column, row), strict=True)}
            yield {**key, "_seen": row.sealed, "_new": self.keyring.seal(where, text)}


def sealed_columns() -> list[Column[Any]]:
    """All columns that hold what was sealed."""
    return [c for table in metadata.sorted_tables for c in table.columns if isinstance(c.type, Sealed)]


def census(connection: Connection) -> Census:
    """What each key sealed."""
    found: Census = {}
    for column in sealed_columns():
        id_ = func.substr(column, 1, ID_BYTES, type_=column.type)
        counts = select(id_, func.count()).where(column.is_not(None)).group_by(id_)
        for key, count in connection.execute(counts):
            found.setdefault(bytes(key).hex(), Counter())[str(column)] = count
    return found


def _stale(column: Column[Any], current: bytes, last: tuple[Any, ...] | None) -> Select[Any]:
    """Rows whose value another key than the current one sealed, behind the last one, in the order of their keys."""
    keys = list(column.table.primary_key)
    names = _row_of(column)
    found = (
        select(*keys, *(column.table.c[name].label(f"row_{name}") for name in names), column.label("sealed"))
        .where(column.is_not(None), func.substr(column, 1, ID_BYTES, type_=column.type) != current)
        .order_by(*keys)
        .limit(_AT_ONCE)
    )
    return found if last is None else found.where(tuple_(*keys) > last)


def _over(column: Column[Any]) -> Update:
    """Writes a value in the place of just the one that was read."""
    keys = [key == bindparam(f"_{key.name}") for key in column.table.primary_key]
    return (
        update(column.table)
        .where(*keys, column == bindparam("_seen", type_=column.type))
        .values({column.name: bindparam("_new", type_=column.type)})
    )


def _key(column: Column[Any], row: Row[Any]) -> tuple[Any, ...]:
    return tuple(row[: len(column.table.primary_key)])


def _place(column: Column[Any], row: Row[Any]) -> str:
    parts = tuple(str(getattr(row, f"row_{name}")) for name in _row_of(column))
    return place(column.table.name, parts, column.name)


def _row_of(column: Column[Any]) -> tuple[str, ...]:
    assert isinstance(column.type, Sealed)  # noqa: S101 - `sealed_columns` gives no other
    return column.type.row

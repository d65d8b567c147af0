"""Proves the chain, that each link covers just the transfers of its commit, and the rows that live on."""

import hmac
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, func, select

from botpay.audit import chain
from botpay.audit.chain import Head, State
from botpay.audit.head import Heads
from botpay.audit.store import links
from botpay.ledger.schema import transfers
from botpay.ledger.store import transfer_of

_CHUNK = 1000

Tick = Callable[[], object]
"""Called after each link, to show how far it is."""


@dataclass(slots=True)
class _Told:
    """What the links tell: the newest state of each row that lives on, where lanes end, and exported heads seen."""

    rows: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    ends: dict[int, Head] = field(default_factory=dict)
    seen: set[Head] = field(default_factory=set)

    def end(self, lane: int) -> Head:
        """Where a lane ends so far."""
        return self.ends.get(lane) or Head(lane, 0, chain.before_first(lane))


def problems(
    connection: Connection,
    key: bytes,
    *,
    heads: Heads | None = None,
    living: Iterable[State] | None = None,
    may_be_uncovered: frozenset[str] = frozenset(),
    tick: Tick = lambda: None,
) -> Iterator[str]:
    """Every way in which the chain and the rows disagree, as a sentence that names the row.

    Args:
        heads: the chain must still hold the links that this export names.
        living: all rows that live on, as they are; None to prove the chain and its transfers alone.
        may_be_uncovered: tables of which a row may stand in no link.
    """
    told = _Told()
    exported = heads.lanes if heads else ()
    yield from _of_links(connection, key, frozenset(exported), told, tick)
    for head in exported:
        yield from _of_head(head, told)
    if living is not None:
        yield from _of_living(living, key, told, may_be_uncovered)


def count(connection: Connection) -> int:
    """How many links there are."""
    return connection.execute(select(func.count()).select_from(links)).scalar_one()


def _of_links(connection: Connection, key: bytes, exported: frozenset[Head], told: _Told, tick: Tick) -> Iterator[str]:
    batches = _Batches(connection)
    for row in connection.execute(select(links).order_by(links.c.seq).execution_options(yield_per=_CHUNK)):
        end = told.end(row.lane)
        if row.place != end.place + 1:
            yield f"audit: {_named(row.lane, end.place + 1)} is missing, link {row.seq} follows"
        if not hmac.compare_digest(chain.make(key, end, row.seq, row.at, row.body).mac, row.mac):
            yield f"audit: link {row.seq} does not fit the one before it, or the key is not the one it was made with"
        yield from batches.without_link(before=row.seq)
        transfers_told, rows_told = chain.covered(row.body)
        if transfers_told != batches.take(row.seq):
            yield f"transfers: the rows of batch {row.seq} are not those that were committed"
        told.rows.update((name, (row.seq, state)) for name, state in rows_told.items())
        told.ends[row.lane] = here = Head(row.lane, row.place, row.mac)
        if here in exported:
            told.seen.add(here)
        tick()
    yield from batches.without_link(before=None)


def _of_head(head: Head, told: _Told) -> Iterator[str]:
    exported, end = _named(head.lane, head.place), told.end(head.lane)
    if end.place < head.place:
        there = _named(head.lane, end.place)
        yield f"audit: the chain ends at {there}, but {exported} was exported: its tail was cut off"
    elif head not in told.seen:
        yield f"audit: {exported} is not the one that was exported"


def _named(lane: int, place: int) -> str:
    """A link by its place; few people have more than one lane."""
    return f"link {place} of lane {lane}" if lane else f"link {place}"


def _of_living(living: Iterable[State], key: bytes, told: _Told, may_be_uncovered: frozenset[str]) -> Iterator[str]:
    left = dict(told.rows)
    for state in living:
        ((name, found),) = chain.sealed([state], key).items()
        seq, expected = left.pop(name, (None, None))
        if seq is None and state.table not in may_be_uncovered:
            yield f"{state.table}: {state.id} stands in no link of the audit"
        elif seq is not None and found != expected:
            yield f"{state.table}: {state.id} is not as link {seq} left it"
    yield from (f"{table}: a row that link {seq} covers is gone" for (table, _), (seq, _) in left.items())


class _Batches:
    """The digests of the transfers that stand in the table, batch by batch, in order."""

    def __init__(self, connection: Connection) -> None:
        self._digests = _digests(connection)
        self._next = next(self._digests, None)

    def without_link(self, *, before: int | None) -> Iterator[str]:
        """Batches that come before a link's number, or all that are left: no link is theirs."""
        while self._next and (before is None or self._next[0] < before):
            yield f"transfers: rows of batch {self._next[0]} have no link in the audit"
            self._next = next(self._digests, None)

    def take(self, seq: int) -> str:
        """The digest of the transfers of batch `seq`, which may be none."""
        if not self._next or self._next[0] != seq:
            return chain.digest(())
        found, self._next = self._next[1], next(self._digests, None)
        return found


def _digests(connection: Connection) -> Iterator[tuple[int, str]]:
    rows: Iterable[Any] = connection.execute(
        select(transfers).order_by(transfers.c.batch).execution_options(yield_per=_CHUNK)
    ).mappings()
    for batch, of_batch in groupby(rows, key=lambda row: row["batch"]):
        yield batch, chain.digest(transfer_of(row) for row in of_batch)

"""Proves the chain, that each link covers just the transfers of its commit, and the rows that live on."""

import hmac
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, func, select

from botpay.audit import chain
from botpay.audit.chain import State
from botpay.audit.head import Head
from botpay.audit.store import links
from botpay.ledger.schema import transfers
from botpay.ledger.store import transfer_of

_CHUNK = 1000

Tick = Callable[[], object]
"""Called after each link, to show how far it is."""


@dataclass(slots=True)
class _Told:
    """What the links tell: the newest state of each row that lives on, and the MAC under an exported head's number."""

    rows: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    last: int = 0
    mac_at_head: bytes | None = None


def problems(
    connection: Connection,
    key: bytes,
    *,
    head: Head | None = None,
    living: Iterable[State] | None = None,
    may_be_uncovered: frozenset[str] = frozenset(),
    tick: Tick = lambda: None,
) -> Iterator[str]:
    """Every way in which the chain and the rows disagree, as a sentence that names the row.

    Args:
        head: the chain must still hold the link that this export names.
        living: all rows that live on, as they are; None to prove the chain and its transfers alone.
        may_be_uncovered: tables of which a row may stand in no link.
    """
    told = _Told()
    yield from _of_links(connection, key, head, told, tick)
    if head is not None:
        yield from _of_head(head, told)
    if living is not None:
        yield from _of_living(living, key, told, may_be_uncovered)


def count(connection: Connection) -> int:
    """How many links there are."""
    return connection.execute(select(func.count()).select_from(links)).scalar_one()


def _of_links(connection: Connection, key: bytes, head: Head | None, told: _Told, tick: Tick) -> Iterator[str]:
    batches = _Batches(connection)
    previous = chain.FIRST
    for row in connection.execute(select(links).order_by(links.c.seq).execution_options(yield_per=_CHUNK)):
        if row.seq != told.last + 1:
            yield f"audit: link {told.last + 1} is missing, link {row.seq} follows"
        if not hmac.compare_digest(chain.make(key, previous, row.seq, row.at, row.body).mac, row.mac):
            yield f"audit: link {row.seq} does not fit the one before it, or the key is not the one it was made with"
        yield from batches.without_link(before=row.seq)
        transfers_told, rows_told = chain.covered(row.body)
        if transfers_told != batches.take(row.seq):
            yield f"transfers: the rows of batch {row.seq} are not those that were committed"
        told.rows.update((name, (row.seq, state)) for name, state in rows_told.items())
        if head is not None and row.seq == head.seq:
            told.mac_at_head = row.mac
        previous, told.last = row.mac, row.seq
        tick()
    yield from batches.without_link(before=None)


def _of_head(head: Head, told: _Told) -> Iterator[str]:
    if told.last < head.seq:
        yield f"audit: the chain ends at link {told.last}, but link {head.seq} was exported: its tail was cut off"
    elif told.mac_at_head is None or not hmac.compare_digest(told.mac_at_head, head.mac):
        yield f"audit: link {head.seq} is not the one that was exported"


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

"""The ledger by itself: a batch of operations, one commit. For other rails, benches and tests.

    load the rows that the batch can touch -> decide each operation in order, by the rules alone
    -> save all in one statement per table, with one link of the audit -> commit

The messages of a chat take the path of `botpay.pipeline` instead, with the same rules and the same store.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from sqlalchemy import Connection

from botpay.clock import Clock, system_clock
from botpay.database import Database, Overtaken
from botpay.ledger.model import Account, Transfer
from botpay.ledger.operations import Book, Direct, Operation, Outcome, Reserve
from botpay.ledger.store import (
    Seen,
    load_accounts,
    load_decided,
    load_transfers,
    load_unlocked,
    save_accounts,
    save_refused,
    save_transfers,
    save_unlocked,
)


class Links(Protocol):
    """The audit, as far as it covers transfers; see `botpay.audit.store.Chained`."""

    def append(self, connection: Connection, transfers: Collection[Transfer], at: datetime) -> int:
        """Append the link that covers some transfers, and return its number."""

    def lane(self, connection: Connection) -> int:
        """On which lane the links of this connection stand."""

    def leave(self, connection: Connection) -> None:
        """Choose another lane: on that one somebody was faster."""

    def row(
        self, seq: int, lane: int, place: int | None, mac: bytes | None, transfers: Collection[Transfer], at: datetime
    ) -> Sequence[Any]:
        """The row of a link, to be put behind the last one of a lane."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Books operations on one ledger; any number of processes may do so at once on PostgreSQL.

    There a batch is two statements, and locks nothing while it decides: what can be touched is read, and what was
    decided is saved by one statement that does all of it or nothing: only if there is as much money as was counted on,
    and no id, no end of a reserve and no place in the audit was taken meanwhile. If not, it is done again with locks.
    """

    database: Database
    links: Links = field(repr=False)
    clock: Clock = system_clock

    def process(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Decide operations in order, in one commit: for each the row that was booked, or why not.

        Asked again with the same id, an operation has no second effect and the same answer.

        Raises `StorageUnavailable` if the database could not take them, and `LedgerFault` if rows that must agree do
        not; in each case the same operations can be asked again.
        """
        if not self.database.is_sqlite:
            try:
                return self.database.by_statements(partial(self._without_locks, operations))
            except Overtaken:
                pass
        return self.database.transact(partial(self._with_locks, operations))

    def _without_locks(self, operations: Sequence[Operation], connection: Connection) -> list[Outcome]:
        moving, ending = _sorted_out(operations)
        accounts = {o.debit_id for o in moving} | {o.credit_id for o in moving}
        lane = self.links.lane(connection)
        seen = load_unlocked(connection, accounts, [o.id for o in operations], ending, lane)
        book = self._book(seen, seen.accounts, ending)
        outcomes = [book.decide(operation) for operation in operations]
        if book.newly_refused:
            raise Overtaken  # an id that is refused for ever is refused behind the lock
        if book.booked:
            number, place, mac = seen.head
            link = self.links.row(number, lane, place, mac, book.booked, book.now)
            try:
                save_unlocked(connection, book.before, book.changed(), book.lowest, link, book.booked)
            except Exception:
                self.links.leave(connection)
                raise
        return outcomes

    def _with_locks(self, operations: Sequence[Operation], connection: Connection) -> list[Outcome]:
        """What may have changed by others is read behind the lock."""
        moving, ending = _sorted_out(operations)
        reserves = load_transfers(connection, ending) if ending else []
        debited = {o.debit_id for o in moving} | {t.debit_id for t in reserves}
        credited = {o.credit_id for o in moving} | {t.credit_id for t in reserves}
        accounts = load_accounts(connection, ids=debited | credited, debited=debited)
        seen = load_decided(connection, [o.id for o in operations], ending)
        seen.transfers.extend(reserves)
        book = self._book(seen, accounts, ending)
        outcomes = [book.decide(operation) for operation in operations]
        save_refused(connection, book.newly_refused, book.now)
        if book.booked:
            save_accounts(connection, book.before, book.changed())
            save_transfers(connection, book.booked, self.links.append(connection, book.booked, book.now))
        return outcomes

    def _book(self, seen: Seen, accounts: Iterable[Account], ending: Collection[str]) -> Book:
        """The time that decides is the server's, as `Database.now` chooses it."""
        return Book(
            now=seen.at if seen.at is not None and self.clock is system_clock else self.clock(),
            accounts={account.id: account for account in accounts},
            transfers={row.id: row for row in seen.transfers},
            endings={row.pending_id: row for row in seen.transfers if row.pending_id in ending and row.pending_id},
            refused=seen.refused,
        )


def _sorted_out(operations: Sequence[Operation]) -> tuple[list[Reserve | Direct], set[str]]:
    """Those that move money, and the reserves that others end."""
    moving = [o for o in operations if isinstance(o, Reserve | Direct)]
    return moving, {o.reserve_id for o in operations if not isinstance(o, Reserve | Direct)}

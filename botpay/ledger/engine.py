"""The ledger by itself: a batch of operations, one commit. For other rails, benches and tests.

    load the rows that the batch can touch -> decide each operation in order, by the rules alone
    -> save all in one statement per table, with one link of the audit -> commit

The messages of a chat take the path of `botpay.pipeline` instead, with the same rules and the same store.
"""

import contextlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from botpay.clock import Clock, system_clock
from botpay.database import Database
from botpay.errors import LedgerFault
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
)

Link = Callable[[Connection, Collection[Transfer], datetime], int]
"""Appends the audit's link that covers some transfers, and returns its number; see `botpay.audit.store.chained`."""

_WORTH_A_PIPELINE = 32
"""Operations in a batch from which sending ahead saves more than it costs: nothing at 8, a quarter at 50."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Books operations on one ledger; any number of processes may do so at once on PostgreSQL.

    There a batch locks nothing while it decides. What it decided is saved only if it still holds: there is as much
    money as was counted on, and no id and no end of a reserve was taken meanwhile. If not, it is done again with locks.
    """

    database: Database
    link: Link = field(repr=False)
    clock: Clock = system_clock

    def process(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Decide operations in order, in one commit: for each the row that was booked, or why not.

        Asked again with the same id, an operation has no second effect and the same answer.

        Raises `StorageUnavailable` if the database could not take them, and `LedgerFault` if rows that must agree do
        not; in each case the same operations can be asked again.
        """
        pipelined = len(operations) >= _WORTH_A_PIPELINE
        if not self.database.is_sqlite:
            with contextlib.suppress(LedgerFault):  # somebody was faster
                return self.database.transact(partial(self._without_locks, operations), pipelined=pipelined)
        return self.database.transact(partial(self._with_locks, operations), pipelined=pipelined)

    def _without_locks(self, operations: Sequence[Operation], connection: Connection) -> list[Outcome]:
        moving, ending = _sorted_out(operations)
        accounts = {o.debit_id for o in moving} | {o.credit_id for o in moving}
        seen = load_unlocked(connection, accounts, [o.id for o in operations], ending)
        return self._decide_and_save(connection, operations, self._book(seen, seen.accounts, ending), locked=False)

    def _with_locks(self, operations: Sequence[Operation], connection: Connection) -> list[Outcome]:
        """What may have changed by others is read behind the lock."""
        moving, ending = _sorted_out(operations)
        reserves = load_transfers(connection, ending) if ending else []
        debited = {o.debit_id for o in moving} | {t.debit_id for t in reserves}
        credited = {o.credit_id for o in moving} | {t.credit_id for t in reserves}
        accounts = load_accounts(connection, ids=debited | credited, debited=debited)
        seen = load_decided(connection, [o.id for o in operations], ending)
        seen.transfers.extend(reserves)
        return self._decide_and_save(connection, operations, self._book(seen, accounts, ending), locked=True)

    def _book(self, seen: Seen, accounts: Iterable[Account], ending: Collection[str]) -> Book:
        """The time that decides is the server's, as `Database.now` chooses it."""
        return Book(
            now=seen.at if seen.at is not None and self.clock is system_clock else self.clock(),
            accounts={account.id: account for account in accounts},
            transfers={row.id: row for row in seen.transfers},
            endings={row.pending_id: row for row in seen.transfers if row.pending_id in ending and row.pending_id},
            refused=seen.refused,
        )

    def _decide_and_save(
        self, connection: Connection, operations: Sequence[Operation], book: Book, *, locked: bool
    ) -> list[Outcome]:
        """The audit's head comes last: from there to the commit other processes wait."""
        outcomes = [book.decide(operation) for operation in operations]
        save_refused(connection, book.newly_refused, book.now)
        if book.booked:
            changed = [account for account in book.accounts.values() if account is not book.before[account.id]]
            save_accounts(connection, book.before, changed, None if locked else book.lowest)
            save_transfers(connection, book.booked, self.link(connection, book.booked, book.now))
        return outcomes


def _sorted_out(operations: Sequence[Operation]) -> tuple[list[Reserve | Direct], set[str]]:
    """Those that move money, and the reserves that others end."""
    moving = [o for o in operations if isinstance(o, Reserve | Direct)]
    return moving, {o.reserve_id for o in operations if not isinstance(o, Reserve | Direct)}

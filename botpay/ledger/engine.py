"""The ledger by itself: a batch of operations, one commit. For other rails, benches and tests.

    load the rows that the batch can touch, lock what it may debit -> decide each operation in order, by the rules alone
    -> save all in one statement per table, with one link of the audit -> commit

The messages of a chat take the path of `botpay.pipeline` instead, with the same rules and the same store.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from botpay.clock import Clock, system_clock
from botpay.database import Database
from botpay.ledger.model import Account, Transfer
from botpay.ledger.operations import Book, Direct, Operation, Outcome, Reserve
from botpay.ledger.store import (
    load_accounts,
    load_decided,
    load_transfers,
    save_accounts,
    save_refused,
    save_transfers,
)

Link = Callable[[Connection, Collection[Transfer], datetime], int]
"""Appends the audit's link that covers some transfers, and returns its number; see `botpay.audit.store.chained`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Books operations on one ledger; any number of processes may do so at once on PostgreSQL."""

    database: Database
    link: Link = field(repr=False)
    clock: Clock = system_clock

    def process(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Decide operations in order, in one commit: for each the row that was booked, or why not.

        Asked again with the same id, an operation has no second effect and the same answer.

        Raises `StorageUnavailable` if the database could not take them, and `LedgerFault` if rows that must agree do
        not; in each case the same operations can be asked again.
        """
        return self.database.transact(lambda connection: self._in_one_commit(connection, operations))

    def _in_one_commit(self, connection: Connection, operations: Sequence[Operation]) -> list[Outcome]:
        book = self._load(connection, operations)
        before = dict(book.accounts)
        outcomes = [book.decide(operation) for operation in operations]
        self._save(connection, before, book)
        return outcomes

    def _load(self, connection: Connection, operations: Sequence[Operation]) -> Book:
        """What the operations can touch. What may have changed by others is read behind the lock."""
        ending = {o.reserve_id for o in operations if not isinstance(o, Reserve | Direct)}
        moving = [o for o in operations if isinstance(o, Reserve | Direct)]
        known = {t.id: t for t in load_transfers(connection, ending)} if ending else {}
        debited = {o.debit_id for o in moving} | {t.debit_id for t in known.values()}
        credited = {o.credit_id for o in moving} | {t.credit_id for t in known.values()}
        accounts = load_accounts(connection, ids=debited | credited, debited=debited)
        ids = [o.id for o in operations]
        endings: dict[str, Transfer] = {}
        decided, refused, servers_time = load_decided(connection, ids, ending)
        for row in decided:
            known[row.id] = row
            if row.pending_id in ending:
                endings[row.pending_id] = row
        return Book(
            now=self._now(servers_time),
            accounts={account.id: account for account in accounts},
            transfers=known,
            endings=endings,
            refused=refused,
        )

    def _now(self, servers_time: datetime | None) -> datetime:
        """The time that decides, as `Database.now` chooses it."""
        return servers_time if servers_time is not None and self.clock is system_clock else self.clock()

    def _save(self, connection: Connection, before: dict[int, Account], book: Book) -> None:
        """The audit's head comes last: from there to the commit other processes wait."""
        save_refused(connection, book.newly_refused, book.now)
        if book.booked:
            changed = [account for account in book.accounts.values() if account is not before[account.id]]
            save_accounts(connection, before, changed)
            save_transfers(connection, book.booked, self.link(connection, book.booked, book.now))

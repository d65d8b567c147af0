"""Reading the bank's statements: what arrived is confirmed, what came back is the charity's again.

A payout that is named with another amount, currency or account than it was sent with, or that was never sent, is a
sign of tampering: the whole file is refused and nothing changes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from botpay import proof
from botpay.audit.store import append
from botpay.charities.store import iban_digest
from botpay.clock import Clock
from botpay.database import Database
from botpay.errors import ConfigError
from botpay.ledger.chart import SystemAccount
from botpay.money import Money, from_digits
from botpay.paying_out.books import Books, step_id
from botpay.paying_out.desk import audited
from botpay.payouts.bank_statement import BankStatement, Movement, read
from botpay.payouts.model import Item, ItemState, Run, RunState, end_to_end, item_of
from botpay.payouts.store import (
    add_statement,
    load_contents,
    load_debtors,
    load_items,
    load_run,
    load_run_ids,
    save_run,
    save_states,
)
from botpay.sealing import Keyring

_UNDONE = {ItemState.WAITING, ItemState.CANCELLED}
"""An item in one of these was never sent: no bank can know of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a file of statements did.

    Attributes:
        confirmed, returned: the items whose money arrived, or came back, as was not known before.
        known: how many movements told what was known.
        again: how many statements of it had been read before, and were not read again.
        unexplained: movements that were left alone, each in words.
        others: movements that are no business of payouts.
    """

    confirmed: tuple[Item, ...] = ()
    returned: tuple[Item, ...] = ()
    known: int = 0
    again: int = 0
    unexplained: tuple[str, ...] = ()
    others: int = 0


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One file being read, within one commit: what is locked, and what was found."""

    items: dict[str, Item]
    runs: dict[str, Run]
    books: Books
    now: datetime
    confirmed: list[Item] = field(default_factory=list)
    returned: list[Item] = field(default_factory=list)
    known: int = 0
    unexplained: list[str] = field(default_factory=list)
    others: int = 0

    def take(self, movement: Movement) -> None:
        """Let one movement do what it says, if it is about a payout."""
        item = self.items.get(item_of(movement.end_to_end) or "")
        if item is None:
            if movement.out and movement.booked:
                self.unexplained.append("money went out that no payout explains")
            else:
                self.others += 1
        elif not movement.booked:
            self.unexplained.append(f"{end_to_end(item.id)} is not booked yet")
        elif movement.out and not movement.returned:
            self._confirm(item)
        elif not movement.out and movement.returned:
            self._give_back(item, movement.reason)
        else:
            self.unexplained.append(f"{end_to_end(item.id)} is neither a payment nor a return")

    def _confirm(self, item: Item) -> None:
        if item.state is not ItemState.IN_DOUBT:
            self.known += 1
            return
        after = self.items[item.id] = replace(item, state=ItemState.CONFIRMED)
        step = step_id(item, after.state)
        reason = "arrived by the bank's statement"
        self.books.move(step, SystemAccount.PAYOUT, SystemAccount.CASH_OUT, item, reason, self.now)
        self.confirmed.append(after)

    def _give_back(self, item: Item, code: str) -> None:
        if item.state is ItemState.RETURNED:
            self.known += 1
            return
        source = SystemAccount.CASH_OUT if item.state is ItemState.CONFIRMED else SystemAccount.PAYOUT
        after = self.items[item.id] = replace(item, state=ItemState.RETURNED)
        reason = f"returned by the bank ({code})" if code else "returned by the bank"
        self.books.move(step_id(item, after.state), source, item.charity_id, item, reason, self.now)
        self.returned.append(after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """What banks tell to one installation."""

    database: Database
    clock: Clock
    keyring: Keyring = field(repr=False)
    audit_key: bytes = field(repr=False)

    def settle(self, file: bytes) -> Settled:
        """Read a file of statements, in one commit. What was read before has no effect.

        Raises `ConfigError` if it is no such file, or tells of payouts what cannot be; nothing changed then.
        """

        def work(connection: Connection) -> Settled:
            told = read(file)
            for statement in told:
                self._require_our_account(connection, statement)
            fresh = self._fresh(connection, told)
            reading = self._reading(connection, fresh)
            for statement in fresh:
                for movement in statement.movements:
                    reading.take(movement)
            self._save(connection, reading, fresh, len(told) - len(fresh))
            return Settled(
                confirmed=tuple(reading.confirmed),
                returned=tuple(reading.returned),
                known=reading.known,
                again=len(told) - len(fresh),
                unexplained=tuple(reading.unexplained),
                others=reading.others,
            )

        return audited(self.database, self.clock, self.audit_key, "bank_statement", work)

    def _require_our_account(self, connection: Connection, statement: BankStatement) -> None:
        if iban_digest(self.keyring, statement.iban) not in load_debtors(connection):
            raise ConfigError("this statement is of an account from which no payout was made: nothing was changed")

    def _fresh(self, connection: Connection, told: Iterable[BankStatement]) -> list[BankStatement]:
        """Those that were not read before. Two processes that read the same one come after each other."""
        fresh = []
        for statement in told:
            name = self._name(statement)
            before = load_contents(connection, name)
            if before is None:
                add_statement(connection, name, statement.digest, self.database.now(connection, self.clock))
                fresh.append(statement)
            elif before != statement.digest:
                raise ConfigError("a statement by this id was read before and said something else: nothing was changed")
        return fresh

    def _name(self, statement: BankStatement) -> str:
        return self.keyring.digest("bank statement", f"{statement.kind}|{statement.iban}|{statement.id}")

    def _reading(self, connection: Connection, fresh: Iterable[BankStatement]) -> _Reading:
        """Lock what is named and require that it can be so."""
        named = [(item_of(m.end_to_end), m, statement) for statement in fresh for m in statement.movements]
        ids_ = {item_id for item_id, *_ in named if item_id}
        runs = {run_id: load_run(connection, run_id) for run_id in load_run_ids(connection, ids_)}
        items = {item.id: item for item in load_items(connection, runs)}
        for item_id, movement, statement in named:
            if item_id:
                self._require_possible(items.get(item_id), runs, movement, statement)
        charities = sorted({item.charity_id for item in items.values()})
        system = [SystemAccount.PAYOUT, SystemAccount.CASH_OUT] if items else []
        books = Books.locked(connection, charities, system)
        return _Reading(items=items, runs=runs, books=books, now=self.database.now(connection, self.clock))

    def _require_possible(
        self, item: Item | None, runs: dict[str, Run], movement: Movement, statement: BankStatement
    ) -> None:
        if item is None:
            raise ConfigError("this statement names a payout that was never made here: nothing was changed")
        which = end_to_end(item.id)
        if item.state in _UNDONE:
            raise ConfigError(f"this statement names {which}, which was never sent: nothing was changed")
        if runs[item.run_id].debtor_digest != iban_digest(self.keyring, statement.iban):
            raise ConfigError(f"this statement names {which}, sent from another account: nothing was changed")
        right = Money(item.amount_minor, item.currency)
        if not movement.amounts or any(not _is(right, *amount) for amount in movement.amounts):
            raise ConfigError(f"this statement has another amount or currency for {which}: nothing was changed")

    def _save(self, connection: Connection, reading: _Reading, fresh: Iterable[BankStatement], again: int) -> None:
        changed = {item.id: item for item in (*reading.confirmed, *reading.returned)}
        save_states(connection, [reading.items[id_] for id_ in changed])
        states = [proof.state_of_item(reading.items[id_]) for id_ in changed]
        for run in reading.runs.values():
            still = any(i.state is ItemState.IN_DOUBT for i in reading.items.values() if i.run_id == run.id)
            if run.state is RunState.EXPORTED and not still:
                states.append(proof.state_of_run(save_run(connection, replace(run, state=RunState.SETTLED))))
        states += [proof.state_of_statement(self._name(statement), statement.digest) for statement in fresh]
        events = [(f"payout:{item.run_id}", f"{item.state.value} {item.id}") for item in changed.values()]
        events.append(("bank_statement", "read before" if again and not reading.known and not events else "read"))
        batch = append(
            connection, self.audit_key, events, reading.books.moved, reading.now, [*states, *reading.books.opened]
        )
        reading.books.save(batch)


def _is(right: Money, digits: str, currency: str) -> bool:
    whole, point, cents = digits.partition(".")
    if currency != right.currency or (point and not cents.isdigit()):
        return False
    return from_digits(f"{whole}.{cents.rstrip('0').ljust(2, '0')}", currency) == right

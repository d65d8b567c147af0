"""Preparing, approving, cancelling and exporting payouts.

What is prepared leaves the charities' accounts at once, so that nothing is promised twice. What is approved is bound:
every item, IBAN and review. From the export on only the bank can say what became of it.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from botpay import ids, proof
from botpay.audit.store import append
from botpay.charities.model import Record
from botpay.charities.store import iban_digest, load_all, load_record
from botpay.clock import Clock
from botpay.database import Database, micros
from botpay.errors import ConfigError, LedgerFault
from botpay.ledger.chart import SystemAccount
from botpay.paying_out.books import CURRENCY, Books, step_id
from botpay.payouts.model import Item, ItemState, Run, RunState, end_to_end, same_person
from botpay.payouts.order import Credit, Debtor, written
from botpay.payouts.store import add_run, load_file, load_items, load_run, load_runs, save_run, save_states
from botpay.sealing import Keyring

T = TypeVar("T")

LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Sheet:
    """A run with its items, and who was left out of it: a charity's name and why."""

    run: Run
    items: tuple[Item, ...]
    left_out: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutDesk:
    """The payouts of one installation."""

    database: Database
    clock: Clock
    keyring: Keyring = field(repr=False)
    audit_key: bytes = field(repr=False)

    def sheets(self) -> list[Sheet]:
        """All runs with their items, the oldest first."""
        with self.database.write() as connection:
            return [self._sheet(connection, run) for run in load_runs(connection)]

    def show(self, which: str) -> Sheet:
        """One run. Raises `ConfigError` if there is none by that id or reference."""
        with self.database.write() as connection:
            return self._sheet(connection, load_run(connection, _named(connection, which)))

    def prepare(self, by: str) -> Sheet:
        """A run of all that verified charities have; it is on the account of payouts from now on.

        Raises `ConfigError` if there is nothing to pay out.
        """
        name = checked_by(by)

        def work(connection: Connection) -> Sheet:
            names = {charity_id: legal for charity_id, legal, _ in load_all(connection)}
            books = Books.locked(connection, list(names), [SystemAccount.PAYOUT])
            now = self._now(connection)
            run = Run(id=ids.fresh(now), state=RunState.PREPARED, prepared_by=name, prepared_at=now)
            items, left_out = [], []
            for charity_id in filter(books.free, names):
                record = load_record(connection, self.keyring, charity_id)
                if record is None or (why := _not_payable(record)):
                    left_out.append((names[charity_id], "unverified" if record is None else why))
                else:
                    items.append(self._item(run, names[charity_id], record, books.free(charity_id), now))
            if not items:
                why = "; ".join(f"{legal} is {what}" for legal, what in left_out)
                raise ConfigError(f"nothing is to be paid out: {why or 'no charity has anything'}")
            for item in items:
                books.move(item.id, item.charity_id, SystemAccount.PAYOUT, item, "set aside for the bank", now)
            add_run(connection, run, items)
            self._save(connection, f"prepared by {name}", run, items, now, books)
            return Sheet(run, tuple(items), tuple(left_out))

        return self._told("payout", work)

    def approve(self, which: str, by: str) -> Sheet:
        """Sign what another person prepared.

        Raises `ConfigError` if it is the same person, or if a charity's account or review is another one by now.
        """
        name = checked_by(by)

        def work(connection: Connection) -> Sheet:
            sheet = self._locked(connection, which, {RunState.PREPARED}, "approved")
            if same_person(name, sheet.run.prepared_by):
                raise ConfigError(f"{sheet.run.prepared_by} prepared this payout: another person must approve it")
            self._require_unchanged(connection, sheet.items)
            now = self._now(connection)
            signed = replace(
                sheet.run,
                state=RunState.APPROVED,
                approved_by=name,
                approved_at=now,
                approved_digest=self._digest(sheet.run, sheet.items),
            )
            run = save_run(connection, signed)
            self._save(connection, f"approved by {name}", run, [], now)
            return replace(sheet, run=run)

        return self._told(f"payout:{which}", work)

    def cancel(self, which: str, by: str, reason: str) -> Sheet:
        """Give the money of a run back to its charities. Raises `ConfigError` once the bank's file was made."""
        name = checked_by(by)
        if not reason.strip():
            raise ConfigError("it needs a reason: whoever reads the audit later will ask (--reason)")

        def work(connection: Connection) -> Sheet:
            sheet = self._locked(connection, which, {RunState.PREPARED, RunState.APPROVED}, "cancelled")
            books = Books.locked(connection, [item.charity_id for item in sheet.items], [SystemAccount.PAYOUT])
            now = self._now(connection)
            back = tuple(replace(item, state=ItemState.CANCELLED) for item in sheet.items)
            for item in back:
                step = step_id(item, item.state)
                books.move(step, SystemAccount.PAYOUT, item.charity_id, item, "cancelled before it was sent", now)
            run = save_run(connection, replace(sheet.run, state=RunState.CANCELLED))
            save_states(connection, back)
            self._save(connection, f"cancelled by {name}: {reason.strip()}", run, back, now, books)
            return Sheet(run, back)

        return self._told(f"payout:{which}", work)

    def export(self, which: str, debtor: Debtor | None) -> tuple[Sheet, str, bool]:
        """A run with the file for the bank, always the same one, and whether it was made before.

        Args:
            debtor: who pays, for a file that is still to be made.

        Raises `ConfigError` if it is not approved, is not what was approved, or nobody is named who pays.
        """

        def work(connection: Connection) -> tuple[Sheet, str, bool]:
            made = {RunState.EXPORTED, RunState.SETTLED}
            sheet = self._locked(connection, which, {RunState.APPROVED, *made}, "exported")
            now = self._now(connection)
            if sheet.run.state in made:
                file = load_file(connection, self.keyring, sheet.run.id)
                if file_digest(file) != sheet.run.file_digest:
                    raise LedgerFault(f"the file of payout {sheet.run.id} is not the one that was audited")
                self._save(connection, "exported again", sheet.run, [], now)
                return sheet, file, True
            if debtor is None:
                raise ConfigError(_NO_DEBTOR)
            ibans = self._require_unchanged(connection, sheet.items)
            if self._digest(sheet.run, sheet.items) != sheet.run.approved_digest:
                raise ConfigError("this payout is not what was approved: cancel it and prepare another")
            file = _file(sheet, ibans, debtor, now)
            sent = tuple(replace(item, state=ItemState.IN_DOUBT) for item in sheet.items)
            ready = replace(
                sheet.run,
                state=RunState.EXPORTED,
                exported_at=now,
                debtor_digest=iban_digest(self.keyring, debtor.iban.reveal()),
                file_digest=file_digest(file),
            )
            run = save_run(connection, ready, self.keyring, file)
            save_states(connection, sent)
            self._save(connection, "exported", run, sent, now)
            return Sheet(run, sent), file, False

        return self._told(f"payout:{which}", work)

    def _locked(self, connection: Connection, which: str, states: set[RunState], what: str) -> Sheet:
        run = load_run(connection, _named(connection, which))
        if run.state not in states:
            hint = ", and only the bank's statement ends it" if run.state is RunState.EXPORTED else ""
            raise ConfigError(f"payout {ids.reference(run.id)} is {run.state.value}{hint}: it cannot be {what}")
        return self._sheet(connection, run)

    def _sheet(self, connection: Connection, run: Run) -> Sheet:
        return Sheet(run, tuple(load_items(connection, [run.id])))

    def _item(self, run: Run, name: str, record: Record, amount_minor: int, now: datetime) -> Item:
        if record.reviewed_at is None:
            raise AssertionError("only what was reviewed is payable")
        return Item(
            id=ids.fresh(now),
            run_id=run.id,
            charity_id=record.charity_id,
            name=name,
            amount_minor=amount_minor,
            currency=CURRENCY,
            iban_digest=str(iban_digest(self.keyring, record.iban.reveal())),
            reviewed_at=record.reviewed_at,
        )

    def _require_unchanged(self, connection: Connection, items: Iterable[Item]) -> dict[str, Record]:
        """The records of the charities that are paid. Raises `ConfigError` if one is not as it was when prepared."""
        found = {}
        for item in items:
            record = load_record(connection, self.keyring, item.charity_id)
            if record is None or (why := _not_payable(record)):
                raise ConfigError(f"{item.name} is {why if record else 'unverified'} now: {_ANEW}")
            if iban_digest(self.keyring, record.iban.reveal()) != item.iban_digest:
                raise ConfigError(f"{item.name} has another IBAN by now: {_ANEW}")
            if record.reviewed_at != item.reviewed_at:
                raise ConfigError(f"{item.name} was reviewed again meanwhile: {_ANEW}")
            found[item.id] = record
        return found

    def _digest(self, run: Run, items: Sequence[Item]) -> str:
        """Over all that is approved: nobody without the keys can make another list that has it."""
        lines = [
            (i.id, i.charity_id, i.name, i.amount_minor, i.currency, i.iban_digest, micros(i.reviewed_at))
            for i in items
        ]
        return self.keyring.digest("payout", json.dumps([run.id, run.prepared_by, lines]))

    def _save(
        self,
        connection: Connection,
        outcome: str,
        run: Run,
        items: Iterable[Item],
        now: datetime,
        books: Books | None = None,
    ) -> None:
        states = [proof.state_of_run(run), *map(proof.state_of_item, items), *(books.opened if books else ())]
        moved = books.moved if books else []
        batch = append(connection, self.audit_key, [(f"payout:{run.id}", outcome)], moved, now, states)
        if books:
            books.save(batch)

    def _told(self, source: str, work: Callable[[Connection], T]) -> T:
        """What `work` does in one commit; a refusal leaves a line in the audit, and nothing else."""
        return audited(self.database, self.clock, self.audit_key, source, work)

    def _now(self, connection: Connection) -> datetime:
        return self.database.now(connection, self.clock)


def audited(database: Database, clock: Clock, key: bytes, source: str, work: Callable[[Connection], T]) -> T:
    """What `work` does in one commit; of what it refuses (`ConfigError`) the audit keeps a line alone."""
    try:
        return database.transact(work)
    except ConfigError as refused:
        said = f"refused: {refused}"

        def tell(connection: Connection) -> None:
            append(connection, key, [(source, said)], [], database.now(connection, clock))

        database.transact(tell)
        raise


def checked_by(name: str) -> str:
    """The name of who does it. Raises `ConfigError` if that is none."""
    found = " ".join(name.split())
    if not found or len(found) > LONGEST_NAME or not found.isprintable():
        raise ConfigError(f"it needs the name of who does it (--by), of at most {LONGEST_NAME} characters")
    return found


def file_digest(file: str) -> str:
    """SHA-256 of the file for the bank."""
    return hashlib.sha256(file.encode()).hexdigest()


_ANEW = "cancel this payout and prepare another"
_NO_DEBTOR = (
    "[payout] is missing from the settings: write name and iban (and bic) of the account from which charities are paid"
)


def _not_payable(record: Record) -> str:
    """Why a charity is not paid out; empty if it is."""
    if record.suspended:
        return "suspended"
    return "" if record.verified else "unverified"


def _named(connection: Connection, which: str) -> str:
    wanted = which.strip().lower()
    found = [run.id for run in load_runs(connection) if wanted in (run.id, ids.reference(run.id).lower())]
    if len(found) != 1:
        raise ConfigError("there is no payout by this id here: `botpay charity payout list` shows all")
    return found[0]


def _file(sheet: Sheet, records: dict[str, Record], debtor: Debtor, now: datetime) -> str:
    reference = ids.reference(sheet.run.id)
    credits_ = [
        Credit(
            end_to_end=end_to_end(item.id),
            name=item.name,
            iban=records[item.id].iban,
            amount_minor=item.amount_minor,
            currency=item.currency,
            about=f"Dons / donations {reference}",
        )
        for item in sheet.items
    ]
    return written(end_to_end(sheet.run.id), debtor, credits_, now)

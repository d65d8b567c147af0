"""The tables of payouts: runs, their items, and the bank's statements that were read."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, replace
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Index,
    RowMapping,
    String,
    Table,
    Uuid,
    insert,
    select,
    update,
)

from botpay.database import Instant, Sealed, metadata
from botpay.errors import LedgerFault
from botpay.payouts.model import Item, ItemState, Run, RunState
from botpay.sealing import Keyring, place

payout_runs = Table(
    "payout_runs",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("state", String, nullable=False),
    Column("prepared_by", String, nullable=False),
    Column("prepared_at", Instant, nullable=False),
    Column("approved_by", String),
    Column("approved_at", Instant),
    Column("approved_digest", String),
    Column("exported_at", Instant),
    Column("debtor_digest", String),
    Column("file", Sealed("id")),
    Column("file_digest", String),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("state in ('prepared', 'approved', 'exported', 'settled', 'cancelled')", name="state"),
    CheckConstraint(
        "(approved_by is null) = (approved_at is null) and (approved_by is null) = (approved_digest is null)",
        name="approved",
    ),
    CheckConstraint("approved_by is null or approved_by <> prepared_by", name="two_people"),
    CheckConstraint("state not in ('approved', 'exported', 'settled') or approved_by is not null", name="signed"),
    CheckConstraint(
        "(state in ('exported', 'settled')) = (exported_at is not null) and (exported_at is null) = (file is null) "
        "and (file is null) = (file_digest is null) and (file is null) = (debtor_digest is null)",
        name="exported",
    ),
)
"""`file` is what the bank is given, byte for byte, sealed: it holds IBANs."""

payout_items = Table(
    "payout_items",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("run_id", Uuid(as_uuid=False), ForeignKey("payout_runs.id"), nullable=False),
    Column("charity_id", Uuid(as_uuid=False), ForeignKey("charities.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("iban_digest", String, nullable=False),
    Column("reviewed_at", Instant, nullable=False),
    Column("state", String, nullable=False),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("state in ('waiting', 'in_doubt', 'confirmed', 'returned', 'cancelled')", name="state"),
    Index(None, "run_id"),
    Index(None, "charity_id"),
)
bank_statements = Table(
    "bank_statements",
    metadata,
    Column("id", String, primary_key=True),
    Column("contents", String, nullable=False),
    Column("read_at", Instant, nullable=False),
)
"""`id` and `contents` are digests: of which statement it is, and of what it says."""


def load_run(connection: Connection, run_id: str) -> Run:
    """A run, locked. Raises `LedgerFault` if there is none."""
    found = select(payout_runs).where(payout_runs.c.id == run_id).with_for_update()
    row = connection.execute(found).mappings().first()
    if row is None:
        raise LedgerFault(f"there is no payout {run_id}")
    return run_of(row)


def load_runs(connection: Connection) -> list[Run]:
    """All runs, the oldest first."""
    found = select(payout_runs).order_by(payout_runs.c.prepared_at, payout_runs.c.id)
    return [run_of(row) for row in connection.execute(found).mappings()]


def load_items(connection: Connection, run_ids: Collection[str]) -> list[Item]:
    """The items of some runs, in the order of their ids, locked."""
    found = (
        select(payout_items)
        .where(payout_items.c.run_id.in_(sorted(run_ids)))
        .order_by(payout_items.c.id)
        .with_for_update()
    )
    return [item_of_row(row) for row in connection.execute(found).mappings()]


def load_run_ids(connection: Connection, item_ids: Collection[str]) -> list[str]:
    """The runs that some items belong to."""
    found = select(payout_items.c.run_id).where(payout_items.c.id.in_(sorted(item_ids))).distinct()
    return sorted(connection.execute(found).scalars())


def add_run(connection: Connection, run: Run, items: Collection[Item]) -> None:
    """A new run and its items."""
    connection.execute(insert(payout_runs).values(asdict(run)))
    connection.execute(insert(payout_items), [asdict(item) for item in items])


def save_run(connection: Connection, run: Run, keyring: Keyring | None = None, file: str | None = None) -> Run:
    """Write a run over the version that was read, and with a keyring its file; returns it as it is now."""
    after = replace(run, version=run.version + 1)
    values = asdict(after)
    if keyring is not None and file is not None:
        values["file"] = keyring.seal(_place(run.id), file)
    seen = (payout_runs.c.id == run.id) & (payout_runs.c.version == run.version)
    if connection.execute(update(payout_runs).where(seen).values(values)).rowcount != 1:
        raise LedgerFault("a payout changed under its lock")
    return after


def save_states(connection: Connection, items: Iterable[Item]) -> None:
    """Write where the money of some items is now."""
    for item in items:
        connection.execute(update(payout_items).where(payout_items.c.id == item.id).values(state=item.state.value))


def load_file(connection: Connection, keyring: Keyring, run_id: str) -> str:
    """What the bank is given of a run that was exported."""
    sealed = connection.execute(select(payout_runs.c.file).where(payout_runs.c.id == run_id)).scalar_one()
    return keyring.unseal(_place(run_id), sealed)


def load_debtors(connection: Connection) -> set[str]:
    """The digests of all accounts from which was ever paid."""
    found = select(payout_runs.c.debtor_digest).where(payout_runs.c.debtor_digest.is_not(None))
    return {str(digest) for digest in connection.execute(found).scalars()}


def load_contents(connection: Connection, statement_id: str) -> str | None:
    """What a statement said that was read before; None if it was not."""
    found = select(bank_statements.c.contents).where(bank_statements.c.id == statement_id)
    return connection.execute(found).scalar()


def add_statement(connection: Connection, statement_id: str, contents: str, at: datetime) -> None:
    """Remember a statement."""
    connection.execute(insert(bank_statements).values(id=statement_id, contents=contents, read_at=at))


def run_of(row: RowMapping) -> Run:
    """A run from its row."""
    plain = {name: row[name] for name in row if name not in ("file", "state")}
    return Run(**plain, state=RunState(row["state"]))


def item_of_row(row: RowMapping) -> Item:
    """An item from its row."""
    plain = {name: row[name] for name in row if name != "state"}
    return Item(**plain, state=ItemState(row["state"]))


def _place(run_id: str) -> str:
    return place("payout_runs", run_id, "file")

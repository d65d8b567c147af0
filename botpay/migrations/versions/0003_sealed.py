"""What is to be said to whom, and what payers wrote, can no longer be read in a copy of the database."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from botpay.errors import ConfigError, LedgerFault
from botpay.migrations.triggers import Rule, changed, refuse
from botpay.sealing import Keyring, key_id, place

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_CHUNK = 1000
_SEEN_ONCE = ("person_id", "amount_minor", "currency", "payee_owner", "payee_kind", "payee", "created_at", "expires_at")
_OVER = (
    *("transfer_id", "language", "origin_adapter", "origin_tenant", "origin_actor", "origin_chat", "origin_public"),
    *("prompt_id", "asked_at", "state", "tries", "entry", "checking_until", "link", "version"),
)

_letters = sa.table(
    "outbound",
    sa.column("seq", sa.BigInteger),
    sa.column("id", sa.Uuid(as_uuid=False)),
    sa.column("adapter", sa.String),
    sa.column("tenant", sa.String),
    sa.column("lane", sa.String),
    sa.column("body", sa.Text),
    sa.column("sealed", sa.LargeBinary),
    sa.column("fate", sa.String),
)
_payments = sa.table(
    "challenges",
    sa.column("transfer_id", sa.Uuid(as_uuid=False)),
    sa.column("memo", sa.String),
    sa.column("sealed", sa.LargeBinary),
)
_buried = sa.table("dead_letters", sa.column("id", sa.Uuid(as_uuid=False)), sa.column("payload", sa.LargeBinary))


def upgrade() -> None:
    """Seal what waits, wipe what is over; a memo may be sealed anew or erased whatever became of its payment."""
    _letters_sealed()
    _memos_sealed()
    _dead_letters_named()
    op.execute("update challenges set entry = null where entry is not null")  # who was entering a PIN begins anew


def _letters_sealed() -> None:
    op.add_column("outbound", sa.Column("sealed", sa.LargeBinary(), nullable=True))
    change = (
        _letters.update()
        .where(_letters.c.seq == sa.bindparam("_seq"))
        .values(lane=sa.bindparam("_lane"), sealed=sa.bindparam("_sealed"))
    )
    for rows in _chunks(_letters.c.seq, _letters.c.id, _letters.c.adapter, _letters.c.tenant, _letters.c.lane):
        bodies = _waiting(rows)
        values = [
            {
                "_seq": row.seq,
                "_lane": _keyring().digest("lane", f"{row.adapter}:{row.tenant}:{row.lane}"),
                "_sealed": _sealed("outbound", row.id, "body", bodies.get(row.seq)),
            }
            for row in rows
        ]
        op.get_bind().execute(change, values)
    with op.batch_alter_table("outbound") as table:
        table.drop_column("body")
        table.alter_column("sealed", new_column_name="body", existing_type=sa.LargeBinary())
    with op.batch_alter_table("outbound") as table:
        table.create_check_constraint(op.f("ck_outbound_wiped"), "(fate = 'queued') = (body is not null)")
    _rewritten("outbound", "body")


def _waiting(rows: Sequence[sa.Row[*tuple[Any, ...]]]) -> dict[int, str]:
    """The bodies of those letters that are still to be sent."""
    found = sa.select(_letters.c.seq, _letters.c.body).where(
        _letters.c.seq.in_([row.seq for row in rows]), _letters.c.fate == "queued"
    )
    return {row.seq: row.body for row in op.get_bind().execute(found)}


def _memos_sealed() -> None:
    for number in (10, 12):
        op.execute(f"drop trigger challenges_refuse_{number}" + ("" if _is_sqlite() else " on challenges"))
    op.add_column("challenges", sa.Column("sealed", sa.LargeBinary(), nullable=True))
    change = (
        _payments.update().where(_payments.c.transfer_id == sa.bindparam("_id")).values(sealed=sa.bindparam("_sealed"))
    )
    for rows in _chunks(_payments.c.transfer_id, _payments.c.memo, where=_payments.c.memo.is_not(None)):
        values = [
            {"_id": row.transfer_id, "_sealed": _sealed("challenges", row.transfer_id, "memo", row.memo)}
            for row in rows
        ]
        op.get_bind().execute(change, values)
    op.execute("alter table challenges drop column memo")
    op.execute("alter table challenges rename column sealed to memo")
    _rewritten("challenges", "memo")
    shown = f"{changed(_SEEN_ONCE)} or (old.state = 'open' and old.memo is not null and new.memo is null)"
    over = f"old.state <> 'open' and ({changed((*_SEEN_ONCE, *_OVER))})"
    refuse(
        [
            Rule("challenges", "update", over, "challenges: a challenge ends once"),
            Rule("challenges", "update", shown, "challenges: what the sender was shown is never changed"),
        ],
        first=13,
    )


def _dead_letters_named() -> None:
    """Put the id of its key before what was sealed without one; what no key opens stays as it is."""
    change = _buried.update().where(_buried.c.id == sa.bindparam("_id")).values(payload=sa.bindparam("_payload"))
    for rows in _chunks(_buried.c.id, _buried.c.payload):
        for row in rows:
            if named := _named(place("dead_letters", row.id, "payload"), row.payload):
                op.get_bind().execute(change, {"_id": row.id, "_payload": named})


def _named(where: str, sealed: bytes) -> bytes | None:
    keyring = _keyring()
    for key in (keyring.data, *keyring.old):
        try:
            keyring.unseal(where, key_id(key) + sealed)
        except LedgerFault:
            continue
        return key_id(key) + sealed
    return None


def _chunks(
    key: sa.ColumnClause[object], *columns: sa.ColumnClause[object], where: sa.ColumnElement[bool] | None = None
) -> Iterator[Sequence[sa.Row[*tuple[Any, ...]]]]:
    """All rows of a table, some at a time, in the order of a key."""
    found = sa.select(key, *columns).order_by(key).limit(_CHUNK)
    found = found if where is None else found.where(where)
    last = None
    while rows := op.get_bind().execute(found if last is None else found.where(key > last)).all():
        yield rows
        last = rows[-1][0]


def _sealed(table: str, row: str, column: str, text: str | None) -> bytes | None:
    return None if text is None else _keyring().seal(place(table, row, column), text)


def _keyring() -> Keyring:
    keyring: Keyring | None = context.config.attributes.get("keyring")
    if keyring is None:
        raise ConfigError("this step seals what the database holds and needs the installation's keys")
    return keyring


def _rewritten(table: str, column: str) -> None:
    """On PostgreSQL, write the table's file anew: rows as they were before stand in it otherwise until a vacuum."""
    if not _is_sqlite():
        op.execute(f"alter table {table} alter column {column} type bytea using {column} || ''::bytea")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"

"""Payouts of charities: runs that two people sign, their items, and the bank's statements that were read."""

import sqlalchemy as sa
from alembic import op

from botpay.migrations.triggers import Rule, changed, refuse

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_APPROVED = "(approved_by is null) = (approved_at is null) and (approved_by is null) = (approved_digest is null)"
_SIGNED = "state not in ('approved', 'exported', 'settled') or approved_by is not null"
_EXPORTED = (
    "(state in ('exported', 'settled')) = (exported_at is not null) and (exported_at is null) = (file is null) "
    "and (file is null) = (file_digest is null) and (file is null) = (debtor_digest is null)"
)
_OF_ITEM = ("id", "run_id", "charity_id", "name", "amount_minor", "currency", "iban_digest", "reviewed_at")


def upgrade() -> None:
    """Make the tables; what was signed, sent or ended stays so."""
    _runs()
    _items()
    op.create_table(
        "bank_statements",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("contents", sa.String(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_statements")),
    )
    tables = ("payout_runs", "payout_items", "bank_statements")
    refuse(
        [
            *(Rule(table, "delete", "", f"{table}: rows are never removed") for table in tables),
            Rule("bank_statements", "update", "", "bank_statements: rows are never changed"),
            Rule("payout_items", "update", changed(_OF_ITEM), "payout_items: only the state changes"),
            Rule(
                "payout_items",
                "update",
                "old.state in ('returned', 'cancelled') and new.state <> old.state",
                "payout_items: what is back stays so",
            ),
            Rule(
                "payout_runs",
                "update",
                "old.exported_at is not null and (" + changed(("file_digest", "approved_digest", "exported_at")) + ")",
                "payout_runs: what was exported stays so",
            ),
            Rule(
                "payout_runs",
                "update",
                "old.state in ('settled', 'cancelled') and new.state <> old.state",
                "payout_runs: what ended stays so",
            ),
        ]
    )


def _runs() -> None:
    states = "'prepared', 'approved', 'exported', 'settled', 'cancelled'"
    op.create_table(
        "payout_runs",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("prepared_by", sa.String(), nullable=False),
        sa.Column("prepared_at", sa.BigInteger(), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=True),
        sa.Column("approved_at", sa.BigInteger(), nullable=True),
        sa.Column("approved_digest", sa.String(), nullable=True),
        sa.Column("exported_at", sa.BigInteger(), nullable=True),
        sa.Column("debtor_digest", sa.String(), nullable=True),
        sa.Column("file", sa.LargeBinary(), nullable=True),
        sa.Column("file_digest", sa.String(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(f"state in ({states})", name=op.f("ck_payout_runs_state")),
        sa.CheckConstraint(_APPROVED, name=op.f("ck_payout_runs_approved")),
        sa.CheckConstraint("approved_by is null or approved_by <> prepared_by", name=op.f("ck_payout_runs_two_people")),
        sa.CheckConstraint(_SIGNED, name=op.f("ck_payout_runs_signed")),
        sa.CheckConstraint(_EXPORTED, name=op.f("ck_payout_runs_exported")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_runs")),
    )


def _items() -> None:
    states = "'waiting', 'in_doubt', 'confirmed', 'returned', 'cancelled'"
    op.create_table(
        "payout_items",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("run_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("charity_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("iban_digest", sa.String(), nullable=False),
        sa.Column("reviewed_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payout_items_amount")),
        sa.CheckConstraint(f"state in ({states})", name=op.f("ck_payout_items_state")),
        sa.ForeignKeyConstraint(["run_id"], ["payout_runs.id"]),
        sa.ForeignKeyConstraint(["charity_id"], ["charities.id"]),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_items")),
    )
    op.create_index(op.f("ix_payout_items_run_id"), "payout_items", ["run_id"])
    op.create_index(op.f("ix_payout_items_charity_id"), "payout_items", ["charity_id"])

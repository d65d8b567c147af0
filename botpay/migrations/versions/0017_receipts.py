"""Receipts of gifts, numbered without gaps; who signs them, and who donors are for the tax office."""

import sqlalchemy as sa
from alembic import op

from botpay.migrations.triggers import Rule, changed, refuse

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_PRINTED = ("id", "charity_id", "year", "number", "transfer_id", "person_id", "amount_minor", "issued_at", "digest")
_OVER = ("state", "cancelled_at", "reason")


def upgrade() -> None:
    """Make the tables; the database itself refuses that a receipt is changed, counts again or goes."""
    op.create_table(
        "signatures",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("image", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_signatures")),
    )
    op.create_table(
        "signers",
        sa.Column("charity_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("capacity", sa.String(), nullable=False),
        sa.Column("image", sa.String(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["charity_id"], ["charities.id"]),
        sa.ForeignKeyConstraint(["image"], ["signatures.digest"]),
        sa.PrimaryKeyConstraint("charity_id", name=op.f("pk_signers")),
    )
    op.create_table(
        "donors",
        sa.Column("person_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"]),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_donors")),
    )
    _receipts()
    refuse(
        [
            Rule("receipts", "delete", "", "receipts: rows are never removed"),
            Rule("receipts", "update", changed(_PRINTED), "receipts: what was issued is never changed"),
            Rule(
                "receipts",
                "update",
                f"old.state = 'cancelled' and ({changed(_OVER)}) or "
                f"old.replaced_by is not null and ({changed(['replaced_by'])})",
                "receipts: a receipt ends once",
            ),
            Rule("signatures", "delete", "", "signatures: rows are never removed"),
        ]
    )


def _receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("charity_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("transfer_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("person_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("contents", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("replaced_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("cancelled_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.CheckConstraint("state in ('issued', 'cancelled')", name=op.f("ck_receipts_state")),
        sa.CheckConstraint("number > 0 and amount_minor > 0", name=op.f("ck_receipts_counts")),
        sa.CheckConstraint("(state = 'cancelled') = (cancelled_at is not null)", name=op.f("ck_receipts_cancelled")),
        sa.CheckConstraint("(cancelled_at is null) = (reason is null)", name=op.f("ck_receipts_reason")),
        sa.CheckConstraint("replaced_by is null or state = 'cancelled'", name=op.f("ck_receipts_replaced")),
        sa.ForeignKeyConstraint(["charity_id"], ["charities.id"]),
        sa.ForeignKeyConstraint(["transfer_id"], ["transfers.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"]),
        sa.ForeignKeyConstraint(["replaced_by"], ["receipts.id"]),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
        sa.UniqueConstraint("charity_id", "year", "number", name=op.f("uq_receipts_charity_id_year_number")),
    )
    counts = sa.text("state = 'issued'")
    op.create_index(
        "uq_receipts_of_gift", "receipts", ["transfer_id"], unique=True, sqlite_where=counts, postgresql_where=counts
    )
    op.create_index(op.f("ix_receipts_person_id"), "receipts", ["person_id"])

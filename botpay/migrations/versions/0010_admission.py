"""Where people live, what they accepted, who approved them, and how often codes were sent to their addresses."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is asked of people; of those who are there nothing of it is known."""
    columns: tuple[sa.Column[Any], ...] = (
        sa.Column("country", sa.String(length=2)),
        sa.Column("contact", sa.LargeBinary()),
        sa.Column("contact_mark", sa.String(), _both("contact", "(contact is null) = (contact_mark is null)")),
        sa.Column("terms", sa.String()),
        sa.Column("terms_at", sa.BigInteger(), _both("terms", "(terms is null) = (terms_at is null)")),
        *(sa.Column(since, sa.BigInteger()) for since in ("approved_at", "locked_at", "forgotten_at")),
    )
    for column in columns:
        op.add_column("people", column)  # not in a batch: on SQLite that drops the table, to which others refer
    op.create_index(op.f("ix_people_contact_mark"), "people", ["contact_mark"], unique=True)
    op.create_table(
        "sendings",
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.CheckConstraint("count >= 0", name=op.f("ck_sendings_count")),
        sa.PrimaryKeyConstraint("mark", "day", name=op.f("pk_sendings")),
    )


def _both(name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_people_{name}"))

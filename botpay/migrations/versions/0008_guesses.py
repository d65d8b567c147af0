"""PINs make wait longer the more often they were wrong, and wrong ones of everybody are counted by minute."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what a PIN keeps of its failures, and the counts."""
    op.add_column("pins", sa.Column("locks", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("pins", sa.Column("again_at", sa.BigInteger()))
    op.add_column("pins", sa.Column("wrong_day", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("pins", sa.Column("wrong_today", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "guesses",
        sa.Column("minute", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("minute", "about", name="pk_guesses"),
    )

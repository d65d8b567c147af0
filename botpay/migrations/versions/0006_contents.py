"""Marks know the contents of what a client sent under an id of its own, as a keyed digest."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what was marked before is never in conflict."""
    op.add_column("marks", sa.Column("contents", sa.String(), nullable=True))

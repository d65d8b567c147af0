"""Challenges are also answered on a page: what is kept of the link to it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the hash of the link's token."""
    op.add_column("challenges", sa.Column("link", sa.LargeBinary()))
    op.create_index("ix_challenges_link", "challenges", ["link"], unique=True)

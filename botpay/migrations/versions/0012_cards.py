"""Payments also begin as cards in chats that we do not see: a challenge knows whether one shows it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Say of each challenge that it has no card, as none had before."""
    op.add_column("challenges", sa.Column("origin_card", sa.Boolean(), server_default=sa.false(), nullable=False))

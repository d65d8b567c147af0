"""Several processes share the outbox: a letter that is being sent is leased to the one that sends it."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Say who is sending a letter, and until when nobody else takes it."""
    op.add_column("outbound", sa.Column("leased_by", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column("outbound", sa.Column("leased_until", sa.BigInteger(), nullable=True))

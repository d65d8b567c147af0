"""Links to the page of receipts, given after the PIN: what is kept of each person's newest."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "receipt_links",
        sa.Column("person_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("link", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"]),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_receipt_links")),
        sa.UniqueConstraint("id", name=op.f("uq_receipt_links_id")),
        sa.UniqueConstraint("link", name=op.f("uq_receipt_links_link")),
    )

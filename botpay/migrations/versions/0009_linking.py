"""Identities are linked and parted, with codes that are kept as MACs; PINs that were forgotten are replaced."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add since when an identity is whose it is, when a PIN was replaced, and the codes."""
    op.add_column("identities", sa.Column("since", sa.BigInteger()))
    op.add_column("pins", sa.Column("reset_at", sa.BigInteger()))
    op.create_table(
        "link_codes",
        sa.Column("person_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"]),
        sa.PrimaryKeyConstraint("person_id", name="pk_link_codes"),
        sa.UniqueConstraint("mac", name="uq_link_codes_mac"),
    )

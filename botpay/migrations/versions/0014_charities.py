"""A register of charities: what is known of each, who reviewed it, and hashtags that nobody can take for another."""

import sqlalchemy as sa
from alembic import op

from botpay.charities.tags import skeleton
from botpay.errors import ConfigError
from botpay.migrations.triggers import Rule, refuse

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_tags = sa.table("hashtags", sa.column("tag", sa.String), sa.column("skeleton", sa.String))


def upgrade() -> None:
    """Make the records, and say of every hashtag what it looks like."""
    op.create_table(
        "charity_records",
        sa.Column("charity_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("rna", sa.String(), nullable=True),
        sa.Column("siren", sa.String(), nullable=True),
        sa.Column("iban", sa.LargeBinary(), nullable=True),
        sa.Column("iban_digest", sa.String(), nullable=True),
        sa.Column("documents", sa.Text(), nullable=False),
        sa.Column("reviewed_by", sa.String(), nullable=True),
        sa.Column("reviewed_at", sa.BigInteger(), nullable=True),
        sa.Column("suspended_at", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "purpose in ('general_interest', 'public_utility', 'other')", name=op.f("ck_charity_records_purpose")
        ),
        sa.CheckConstraint("(iban is null) = (iban_digest is null)", name=op.f("ck_charity_records_iban")),
        sa.CheckConstraint("(reviewed_by is null) = (reviewed_at is null)", name=op.f("ck_charity_records_reviewed")),
        sa.CheckConstraint("reviewed_at is null or iban is not null", name=op.f("ck_charity_records_payable")),
        sa.ForeignKeyConstraint(["charity_id"], ["charities.id"]),
        sa.PrimaryKeyConstraint("charity_id", name=op.f("pk_charity_records")),
    )
    with op.batch_alter_table("hashtags") as table:
        table.add_column(sa.Column("skeleton", sa.String(), nullable=True))
        table.add_column(sa.Column("active_from", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("released_at", sa.BigInteger(), nullable=True))
    _looked_at()
    with op.batch_alter_table("hashtags") as table:
        table.alter_column("skeleton", existing_type=sa.String(), nullable=False)
    op.create_index(op.f("ix_hashtags_skeleton"), "hashtags", ["skeleton"], unique=True)
    refuse([Rule("hashtags", "delete", "", "hashtags: rows are never removed")])


def _looked_at() -> None:
    """Write each hashtag's skeleton. Raises `ConfigError` if two of them look alike."""
    connection = op.get_bind()
    seen: dict[str, str] = {}
    for (tag,) in connection.execute(sa.select(_tags.c.tag).order_by(_tags.c.tag)).all():
        looks = skeleton(tag)
        if looks in seen:
            raise ConfigError(f"#{seen[looks]} and #{tag} look alike: one of them must go before this upgrade")
        seen[looks] = tag
        connection.execute(_tags.update().where(_tags.c.tag == tag).values(skeleton=looks))

"""Dead letters keep their sealed words until they are sent again or dropped; those of before had lost them already."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tell the dead from the dropped, and keep of each letter in which message's place it was put."""
    with op.batch_alter_table("outbound") as table:
        table.add_column(sa.Column("target", sa.String(), nullable=True))
        table.drop_constraint(op.f("ck_outbound_fate"))
        table.drop_constraint(op.f("ck_outbound_wiped"))
    op.execute("update outbound set fate = 'dropped' where fate = 'dead'")
    with op.batch_alter_table("outbound") as table:
        table.create_check_constraint(
            op.f("ck_outbound_fate"), "fate in ('queued', 'sent', 'superseded', 'unreachable', 'dead', 'dropped')"
        )
        table.create_check_constraint(op.f("ck_outbound_wiped"), "(fate in ('queued', 'dead')) = (body is not null)")
    op.create_index(
        "ix_outbound_dead",
        "outbound",
        ["next_at"],
        sqlite_where=sa.text("fate = 'dead'"),
        postgresql_where=sa.text("fate = 'dead'"),
    )

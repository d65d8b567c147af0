"""The audit's chain gets lanes: every writer puts its links on an end of its own, and none waits for another.

Links that stand already are lane 0, in the order of their numbers.
"""

import sqlalchemy as sa
from alembic import op

from botpay.migrations.triggers import Rule, refuse

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_LANES = 64
_NEVER = "audit: rows are never changed or removed"


def upgrade() -> None:
    """Say for every link its lane and its place in it."""
    if op.get_bind().dialect.name == "sqlite":
        _made_anew()
    else:
        _added_to()
        _free_head()


def _made_anew() -> None:
    """SQLite cannot add what may not be null, so the rows move to a new table; with the old one its triggers go."""
    op.rename_table("audit", "audit_before_lanes")
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sa.UniqueConstraint("lane", "place", name=op.f("uq_audit_lane_place")),
    )
    op.execute("insert into audit select seq, 0, seq, at, body, mac from audit_before_lanes")
    op.drop_table("audit_before_lanes")
    refuse([Rule("audit", what, "", _NEVER) for what in ("update", "delete")])


def _added_to() -> None:
    op.execute("alter table audit disable trigger user")
    op.execute("alter table audit add column lane smallint not null default 0, add column place bigint")
    op.execute("update audit set place = seq")
    op.execute("alter table audit alter column lane drop default, alter column place set not null")
    op.create_unique_constraint(op.f("uq_audit_lane_place"), "audit", ["lane", "place"])
    op.execute("alter table audit enable trigger user")
    op.execute("create sequence audit_seq")
    op.execute("select setval('audit_seq', (select coalesce(max(seq), 0) + 1 from audit), false)")


def _free_head() -> None:
    """Where the next link goes: its number, and the end of a lane that no other transaction is about to write on.

    The lock is held until the end of the transaction. A statement inside a function sees what was committed while it
    waited; one that took the lock by itself would not. Without a free lane, which takes 64 writers, it waits.
    """
    op.execute("drop function botpay_audit_head()")
    op.execute(
        f"""create function botpay_audit_head(wanted int)
        returns table (seq bigint, lane int, place bigint, mac bytea) language plpgsql as $$
        declare free int; begin
        for step in 0..{_LANES - 1} loop
            free := (wanted + step) % {_LANES};
            exit when pg_try_advisory_xact_lock(1651470448, free);
            free := null;
        end loop;
        if free is null then
            free := wanted;
            perform pg_advisory_xact_lock(1651470448, free);
        end if;
        return query select nextval('audit_seq'), free, ends.place, ends.mac from (select) as one
            left join (select a.place, a.mac from audit a where a.lane = free order by a.place desc limit 1) as ends
            on true; end $$"""  # noqa: S608 - constants
    )
    op.execute(
        """create function botpay_all_or_none(fit bigint, wanted bigint) returns bool language plpgsql as $$ begin
        if fit <> wanted then raise exception 'an account changed meanwhile' using errcode = 'BP001'; end if;
        return true; end $$"""
    )

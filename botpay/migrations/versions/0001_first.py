"""The first schema: ledger, people, challenges, outbox, audit."""

import sqlalchemy as sa
from alembic import op

from botpay.migrations.triggers import Rule, audit_head, changed, prepare, refuse, transfers_fit

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_APPEND_ONLY = ("transfers", "audit", "refused")
_OWNED = ("id", "owner", "kind", "currency")
_BOUND = (
    "person_id",
    "amount_minor",
    "currency",
    "payee_owner",
    "payee_kind",
    "payee",
    "memo",
    "created_at",
    "expires_at",
)
"""What a sender was shown is never changed afterwards."""


def upgrade() -> None:
    """Make all tables, and the triggers that keep rows from being bent."""
    _accounts_to_handles()
    _marks_to_hashtags()
    _identities_to_pins()
    _transfers()
    _spending()
    _challenges()
    never = "rows are never changed or removed"
    prepare()
    refuse(
        [
            *(Rule(table, what, "", f"{table}: {never}") for table in _APPEND_ONLY for what in ("update", "delete")),
            Rule("accounts", "delete", "", "accounts: rows are never removed"),
            Rule("accounts", "update", changed(_OWNED), "accounts: whose it is and in what never changes"),
            Rule("challenges", "delete", "", "challenges: rows are never removed"),
            Rule("challenges", "update", "old.state <> 'open'", "challenges: a challenge ends once"),
            Rule("challenges", "update", "new.tries < old.tries", "challenges: counts of tries never fall"),
            Rule("challenges", "update", changed(_BOUND), "challenges: what the sender was shown is never changed"),
        ]
    )
    transfers_fit()
    audit_head()


def _accounts_to_handles() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("debits_pending", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("debits_posted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("credits_pending", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("credits_posted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "kind = 'system' or debits_pending + debits_posted <= credits_posted",
            name=op.f("ck_accounts_not_overdrawn"),
        ),
        sa.CheckConstraint("kind in ('person', 'charity', 'system')", name=op.f("ck_accounts_kind")),
        sa.CheckConstraint(
            "debits_pending >= 0 and debits_posted >= 0 and credits_pending >= 0 and credits_posted >= 0",
            name=op.f("ck_accounts_counters"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("owner", "currency", name=op.f("uq_accounts_owner_currency")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "audit",
        sa.Column("seq", _SERIAL, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
    )
    op.create_table(
        "charities",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charities")),
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("fault", sa.String(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letters")),
    )
    op.create_table(
        "handles",
        sa.Column("adapter", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("handle", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("adapter", "tenant", "handle", "actor_id", name=op.f("pk_handles")),
    )


def _marks_to_hashtags() -> None:
    op.create_table(
        "marks",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_marks")),
    )
    op.create_table(
        "outbound",
        sa.Column("seq", _SERIAL, nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("adapter", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("replaces_letter", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("fate", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("receipt", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "fate in ('queued', 'sent', 'superseded', 'unreachable', 'dead')", name=op.f("ck_outbound_fate")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbound")),
        sa.UniqueConstraint("id", name=op.f("uq_outbound_id")),
    )
    op.create_index(
        "ix_outbound_queued",
        "outbound",
        ["adapter", "tenant", "lane", "seq"],
        unique=False,
        sqlite_where=sa.text("fate = 'queued'"),
        postgresql_where=sa.text("fate = 'queued'"),
    )
    op.create_table(
        "people",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("frozen_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
    )
    op.create_table(
        "hashtags",
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column("charity_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["charity_id"],
            ["charities.id"],
        ),
        sa.PrimaryKeyConstraint("tag", name=op.f("pk_hashtags")),
    )
    op.create_index(op.f("ix_hashtags_charity_id"), "hashtags", ["charity_id"], unique=False)


def _identities_to_pins() -> None:
    op.create_table(
        "identities",
        sa.Column("adapter", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("person_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("handle", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.id"],
        ),
        sa.PrimaryKeyConstraint("adapter", "tenant", "id", name=op.f("pk_identities")),
    )
    op.create_index(op.f("ix_identities_person_id"), "identities", ["person_id"], unique=False)
    op.create_table(
        "pins",
        sa.Column("person_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_at", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("failures between 0 and 5", name=op.f("ck_pins_failures")),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.id"],
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_pins")),
    )


def _transfers() -> None:
    op.create_table(
        "transfers",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("pending_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("debit_id", sa.BigInteger(), nullable=False),
        sa.Column("credit_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(kind = 'direct') = (reason is not null)", name=op.f("ck_transfers_reason")),
        sa.CheckConstraint("(kind = 'reserve') = (expires_at is not null)", name=op.f("ck_transfers_expiry")),
        sa.CheckConstraint(
            "(kind in ('post', 'void', 'expire')) = (pending_id is not null)", name=op.f("ck_transfers_ends_a_reserve")
        ),
        sa.CheckConstraint("kind in ('direct', 'reserve', 'post', 'void', 'expire')", name=op.f("ck_transfers_kind")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_transfers_amount")),
        sa.CheckConstraint("debit_id <> credit_id", name=op.f("ck_transfers_two_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
    )
    ends, moved = sa.text("pending_id IS NOT NULL"), sa.text("kind IN ('post', 'direct')")
    for name, columns, unique, where in (
        ("uq_transfers_pending_id", ["pending_id"], True, ends),
        ("ix_transfers_debit_id_created_at", ["debit_id", "created_at"], False, moved),
        ("ix_transfers_credit_id_created_at", ["credit_id", "created_at"], False, moved),
    ):
        op.create_index(op.f(name), "transfers", columns, unique=unique, sqlite_where=where, postgresql_where=where)
    op.create_index(op.f("ix_transfers_batch"), "transfers", ["batch"], unique=False, postgresql_using="brin")
    op.create_table(
        "refused",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("contents", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refused")),
    )


def _spending() -> None:
    op.create_table(
        "spending",
        sa.Column("account_id", _SERIAL, autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_spending_amount")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
        ),
        sa.PrimaryKeyConstraint("account_id", "day", name=op.f("pk_spending")),
    )


def _challenges() -> None:
    op.create_table(
        "challenges",
        sa.Column("transfer_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("person_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("payee_owner", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("payee_kind", sa.String(), nullable=False),
        sa.Column("payee", sa.String(), nullable=False),
        sa.Column("memo", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("origin_adapter", sa.String(), nullable=False),
        sa.Column("origin_tenant", sa.String(), nullable=False),
        sa.Column("origin_actor", sa.String(), nullable=False),
        sa.Column("origin_chat", sa.String(), nullable=False),
        sa.Column("origin_public", sa.Boolean(), nullable=False),
        sa.Column("prompt_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=True),
        sa.Column("checking_until", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state = 'open' or (entry is null and checking_until is null)", name=op.f("ck_challenges_ended")
        ),
        sa.CheckConstraint(
            "state in ('open', 'passed', 'failed', 'locked', 'cancelled', 'expired')", name=op.f("ck_challenges_state")
        ),
        sa.CheckConstraint("tries between 0 and 3", name=op.f("ck_challenges_tries")),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.id"],
        ),
        sa.ForeignKeyConstraint(
            ["transfer_id"],
            ["transfers.id"],
        ),
        sa.PrimaryKeyConstraint("transfer_id", name=op.f("pk_challenges")),
    )
    op.create_index(op.f("ix_challenges_person_id_state"), "challenges", ["person_id", "state"], unique=False)
    op.create_index(op.f("ix_challenges_state_expires_at"), "challenges", ["state", "expires_at"], unique=False)

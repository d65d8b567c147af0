"""The ledger's tables. The database says every invariant again: CHECKs here, triggers in the migration."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    literal_column,
)

from botpay.database import Instant, SerialKey, metadata

accounts = Table(
    "accounts",
    metadata,
    Column("id", SerialKey, primary_key=True),
    Column("owner", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("debits_pending", BigInteger, nullable=False, server_default="0"),
    Column("debits_posted", BigInteger, nullable=False, server_default="0"),
    Column("credits_pending", BigInteger, nullable=False, server_default="0"),
    Column("credits_posted", BigInteger, nullable=False, server_default="0"),
    Column("version", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("owner", "currency"),
    CheckConstraint("kind in ('person', 'charity', 'system')", name="kind"),
    CheckConstraint(
        "debits_pending >= 0 and debits_posted >= 0 and credits_pending >= 0 and credits_posted >= 0",
        name="counters",
    ),
    CheckConstraint("kind = 'system' or debits_pending + debits_posted <= credits_posted", name="not_overdrawn"),
    postgresql_with={"fillfactor": 50},  # a changed counter finds room beside the old one, and touches no index
)

MOVED = literal_column("kind").in_([literal_column("'post'"), literal_column("'direct'")])
"""Rows by which money came to another balance; written out, so that the partial indexes serve."""
_ENDS = literal_column("pending_id").is_not(None)

transfers = Table(
    "transfers",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("kind", String, nullable=False),
    Column("pending_id", Uuid(as_uuid=False)),
    Column("debit_id", BigInteger, nullable=False),
    Column("credit_id", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("reason", String),
    Column("batch", BigInteger, nullable=False),
    CheckConstraint("kind in ('direct', 'reserve', 'post', 'void', 'expire')", name="kind"),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("debit_id <> credit_id", name="two_accounts"),
    CheckConstraint("(kind in ('post', 'void', 'expire')) = (pending_id is not null)", name="ends_a_reserve"),
    CheckConstraint("(kind = 'reserve') = (expires_at is not null)", name="expiry"),
    CheckConstraint("(kind = 'direct') = (reason is not null)", name="reason"),
    Index("uq_transfers_pending_id", "pending_id", unique=True, sqlite_where=_ENDS, postgresql_where=_ENDS),
    Index(None, "debit_id", "created_at", sqlite_where=MOVED, postgresql_where=MOVED),
    Index(None, "credit_id", "created_at", sqlite_where=MOVED, postgresql_where=MOVED),
    Index(None, "batch", postgresql_using="brin"),
)
"""`batch` is the audit's sequence number of the commit that wrote the row.

There are no foreign keys: they would cost a fifth to a half of the speed on PostgreSQL. Triggers of the migration say
more at less cost, a whole statement at a time: both accounts exist and are in the transfer's currency, and what ends a
reserve agrees with it. No account and no transfer is ever removed, so what was there when a row was written stays.
"""

refused = Table(
    "refused",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("code", String, nullable=False),
    Column("contents", LargeBinary, nullable=False),
    Column("at", Instant, nullable=False),
)
"""Ids of transfers that the engine refused, with a digest of what was asked: they cannot succeed later."""

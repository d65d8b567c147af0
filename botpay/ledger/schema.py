"""The ledger's tables. The database says every invariant again: CHECKs here, triggers in the migration."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, String, Table, UniqueConstraint, Uuid

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
)

transfers = Table(
    "transfers",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("kind", String, nullable=False),
    Column("pending_id", Uuid(as_uuid=False), ForeignKey("transfers.id"), unique=True),
    Column("debit_id", SerialKey, ForeignKey("accounts.id"), nullable=False),
    Column("credit_id", SerialKey, ForeignKey("accounts.id"), nullable=False),
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
    Index(None, "debit_id", "created_at"),
    Index(None, "credit_id", "created_at"),
    Index(None, "batch"),
)
"""`batch` is the audit's sequence number of the commit that wrote the row."""

"""The table of what adapters keep: tokens that a platform gave them, sealed; nobody but their adapter asks for them."""

from datetime import datetime

from sqlalchemy import Column, ColumnElement, Connection, String, Table, and_, delete, insert, select, update

from botpay.database import Instant, Sealed, metadata
from botpay.sealing import Keyring, place

vault = Table(
    "vault",
    metadata,
    Column("adapter", String, primary_key=True),
    Column("tenant", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", Sealed("adapter", "tenant", "name"), nullable=False),
    Column("changed_at", Instant, nullable=False),
)

Key = tuple[str, str, str]
"""Whose it is and what: (adapter, tenant, name)."""


def load_secret(connection: Connection, keyring: Keyring, key: Key) -> str | None:
    """What is kept under a key, if anything is. Raises `LedgerFault` if no key that is here opens it."""
    sealed = connection.execute(select(vault.c.value).where(_is(key))).scalar()
    return None if sealed is None else keyring.unseal(_place(key), sealed)


def save_secret(connection: Connection, keyring: Keyring, key: Key, value: str, at: datetime) -> None:
    """Keep a value under a key, in the place of an earlier one."""
    values = {"value": keyring.seal(_place(key), value), "changed_at": at}
    if not connection.execute(update(vault).where(_is(key)).values(values)).rowcount:
        adapter, tenant, name = key
        connection.execute(insert(vault).values(adapter=adapter, tenant=tenant, name=name, **values))


def remove_secret(connection: Connection, key: Key) -> bool:
    """Keep nothing under a key any more; whether anything was."""
    return bool(connection.execute(delete(vault).where(_is(key))).rowcount)


def load_tenants(connection: Connection, adapter: str, name: str) -> list[str]:
    """The tenants for which something is kept under a name."""
    found = select(vault.c.tenant).where(vault.c.adapter == adapter, vault.c.name == name).order_by(vault.c.tenant)
    return list(connection.execute(found).scalars())


def _is(key: Key) -> ColumnElement[bool]:
    return and_(*(column == value for column, value in zip(vault.primary_key, key, strict=True)))


def _place(key: Key) -> str:
    return place("vault", key, "value")

"""What the core lends to one adapter: its turn among the processes, a place for its tokens, menus, and drafts read."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from botpay import vault
from botpay.audit.store import append
from botpay.clock import Clock
from botpay.database import Database
from botpay.drafting import Drafts
from botpay.errors import ConfigError, LedgerFault
from botpay.menu import menus
from botpay.message import Draft, Inbound, MenuItem, SecretText
from botpay.policy import Caps
from botpay.sealing import Keyring
from botpay.turns import Turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """The host of one adapter; it reads and changes what was kept by this adapter, and nothing else."""

    adapter: str
    database: Database
    clock: Clock
    keyring: Keyring
    audit_key: bytes = field(repr=False)
    language: str
    caps: Caps

    async def alone(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        """See `Turns.alone`."""
        await Turns(self.database).alone(what, work)

    async def kept(self, tenant: str, name: str) -> SecretText | None:
        """What was kept for a tenant under a name; None if nothing is.

        Raises `ConfigError` if no key that is here opens it.
        """
        return await asyncio.to_thread(self._kept, (self.adapter, tenant, name))

    async def keep(self, tenant: str, name: str, secret: SecretText) -> None:
        """Keep a secret, sealed, in the place of an earlier one; returns once it is committed."""
        await asyncio.to_thread(self.database.transact, lambda c: self._keep(c, (self.adapter, tenant, name), secret))

    async def forget(self, tenant: str, name: str) -> bool:
        """Keep it no longer. Whether it was kept until now: of several who forget it at once, one is told so."""
        return await asyncio.to_thread(self.database.transact, lambda c: self._forget(c, (self.adapter, tenant, name)))

    async def tenants(self, name: str) -> list[str]:
        """For whom something is kept under a name, in order."""
        return await asyncio.to_thread(self._tenants, name)

    def menus(self) -> Mapping[str, Sequence[MenuItem]]:
        """See `menu.menus`."""
        return menus(self.language)

    async def draft(self, typed: Inbound, most_bytes: int) -> Draft:
        """See `Drafts.draft`."""
        drafts = Drafts(database=self.database, clock=self.clock, language=self.language, caps=self.caps)
        return await asyncio.to_thread(drafts.draft, typed, most_bytes)

    def _kept(self, key: vault.Key) -> SecretText | None:
        try:
            with self.database.read() as connection:
                found = vault.load_secret(connection, self.keyring, key)
        except LedgerFault:
            raise ConfigError(
                f"{key[2]} of {key[0]}:{key[1]} was sealed with a key that is not here: put that key into "
                "[keys.old_data], or connect the workspace anew"
            ) from None
        return None if found is None else SecretText(found)

    def _keep(self, connection: Connection, key: vault.Key, secret: SecretText) -> None:
        vault.save_secret(connection, self.keyring, key, secret.reveal(), self.clock())
        self._audit(connection, key, "kept")

    def _forget(self, connection: Connection, key: vault.Key) -> bool:
        removed = vault.remove_secret(connection, key)
        if removed:
            self._audit(connection, key, "forgotten")
        return removed

    def _tenants(self, name: str) -> list[str]:
        with self.database.read() as connection:
            return vault.load_tenants(connection, self.adapter, name)

    def _audit(self, connection: Connection, key: vault.Key, outcome: str) -> None:
        append(connection, self.audit_key, [(f"vault:{':'.join(key)}", outcome)], [], self.clock())

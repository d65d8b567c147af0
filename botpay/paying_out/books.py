"""The accounts between which a payout's money moves, locked, and the transfers of one commit."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from botpay import ids, proof
from botpay.audit.chain import State
from botpay.ledger import rules
from botpay.ledger.chart import SystemAccount
from botpay.ledger.model import Account, AccountKind, Transfer, TransferKind
from botpay.ledger.store import load_accounts, open_account, save_accounts, save_transfers
from botpay.payouts.model import Item, ItemState

CURRENCY = "EUR"
"""SEPA carries nothing else."""


@dataclass(slots=True, kw_only=True)
class Books:
    """A working copy of some accounts, by their owners."""

    connection: Connection
    accounts: dict[str, Account]
    before: dict[int, Account]
    opened: list[State] = field(default_factory=list)
    moved: list[Transfer] = field(default_factory=list)

    @classmethod
    def locked(cls, connection: Connection, charities: Collection[str], system: Collection[SystemAccount]) -> "Books":
        """The accounts of some charities and of the chart, which nobody else changes until the commit."""
        found = load_accounts(connection, owners=[*charities, *system])
        accounts = {account.owner: account for account in found if account.currency == CURRENCY}
        missing = [owner for owner in system if owner not in accounts]
        opened = [open_account(connection, owner, AccountKind.SYSTEM, CURRENCY) for owner in missing]
        accounts |= {account.owner: account for account in opened}
        states = [proof.state_of_account(account) for account in opened]
        before = {account.id: account for account in accounts.values()}
        return cls(connection=connection, accounts=accounts, before=before, opened=states)

    def free(self, owner: str) -> int:
        """What an owner has that is not held, in minor units; nothing if there is no account."""
        return self.accounts[owner].available_minor if owner in self.accounts else 0

    def move(self, transfer_id: str, debit: str, credit: str, item: Item, reason: str, now: datetime) -> None:
        """Book the amount of an item from one owner to another."""
        transfer = Transfer(
            id=transfer_id,
            kind=TransferKind.DIRECT,
            debit_id=self.accounts[debit].id,
            credit_id=self.accounts[credit].id,
            amount_minor=item.amount_minor,
            currency=item.currency,
            created_at=now,
            reason=f"payout {ids.reference(item.run_id)}, {reason}",
        )
        self.accounts[debit] = rules.debited(self.accounts[debit], transfer)
        self.accounts[credit] = rules.credited(self.accounts[credit], transfer)
        self.moved.append(transfer)

    def save(self, batch: int) -> None:
        """Write what was moved, as rows of a link of the audit."""
        changed = [account for account in self.accounts.values() if account is not self.before[account.id]]
        save_accounts(self.connection, self.before, changed)
        save_transfers(self.connection, self.moved, batch)


def step_id(item: Item, state: ItemState) -> str:
    """The id of the transfer that brings an item into a state: always the same, so it cannot be booked twice."""
    return ids.derived(ids.made_at(item.id), f"payout:{item.id}:{state.value}")

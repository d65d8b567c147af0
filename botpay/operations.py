"""What an operator does by hand: bring money in and out, correct, freeze and unlock. Each in one audited commit.

Every booking is a direct transfer between an account and one of the system accounts, by the same rules, tables and
chain as everybody's payments. A freeze stops people, not the operator: what the law demands of a frozen account must
still be booked.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Connection

from botpay import ids, proof
from botpay.audit.chain import State
from botpay.audit.store import append
from botpay.charities.store import load_charities
from botpay.clock import Clock
from botpay.confirm.store import load_pins, save_pins
from botpay.database import Database
from botpay.directory.people import Person
from botpay.directory.store import load_identities, load_people, load_people_named, save_frozen
from botpay.errors import Code, ConfigError, Refusal
from botpay.ledger import rules
from botpay.ledger.chart import SystemAccount
from botpay.ledger.model import Account, AccountKind, Transfer, TransferKind
from botpay.ledger.store import load_accounts, load_transfers, open_account, save_accounts, save_transfers
from botpay.money import Money
from botpay.parsing import normalise_tag

_NAMED_BY_OPERATOR = datetime(1970, 1, 1, tzinfo=UTC)
"""The time within ids that are derived from what the operator calls a booking: the same whenever it is repeated."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody with an account: a person or a charity."""

    owner: str
    name: str
    kind: AccountKind


@dataclass(frozen=True, slots=True)
class Booked:
    """A booking that stands in the ledger, and what its holder has now. `again`: it stood there before."""

    transfer: Transfer
    balance: Money
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """The operator's side of one installation."""

    database: Database
    clock: Clock
    audit_key: bytes = field(repr=False)

    def fund(self, owner: str, amount: Money, reason: str, booking: str | None = None) -> Booked | Refusal:
        """Money that came in from outside, for the account of `owner`. See `book` for `booking` and what is raised."""
        return self.book(SystemAccount.CASH_IN, owner, amount, reason, "funded", booking)

    def withdraw(self, owner: str, amount: Money, reason: str, booking: str | None = None) -> Booked | Refusal:
        """Money of `owner` that is paid out; refused if less than that is free."""
        return self.book(owner, SystemAccount.CASH_OUT, amount, reason, "withdrawn", booking)

    def adjust(
        self,
        owner: str,
        amount: Money,
        reason: str,
        *,
        up: bool,
        against: SystemAccount = SystemAccount.SUSPENSE,
        booking: str | None = None,
    ) -> Booked | Refusal:
        """A correction of what `owner` has, up or down, against a system account."""
        debit, credit = (against, owner) if up else (owner, against)
        return self.book(debit, credit, amount, reason, "adjusted", booking)

    def book(
        self, debit: str, credit: str, amount: Money, reason: str, outcome: str, booking: str | None
    ) -> Booked | Refusal:
        """One direct transfer from the account of one owner to that of another, one of them a system account.

        Args:
            booking: what the operator calls it. The same call again books nothing and tells what stands; another one
                by the same name raises `ConfigError`.

        Raises `ConfigError` if there is no reason or no such account; refuses `ZERO_AMOUNT` and `INSUFFICIENT_FUNDS`.
        """
        if not reason.strip():
            raise ConfigError("a booking needs a reason: whoever reads the books later will ask")
        if not amount.minor:
            return Refusal(Code.ZERO_AMOUNT)

        def work(connection: Connection) -> Booked | Refusal:
            accounts, opened = _accounts(connection, (str(debit), str(credit)), amount.currency)
            now = self.database.now(connection, self.clock)
            transfer = Transfer(
                id=ids.derived(_NAMED_BY_OPERATOR, f"operator:{booking}") if booking else ids.fresh(now),
                kind=TransferKind.DIRECT,
                debit_id=accounts[debit].id,
                credit_id=accounts[credit].id,
                amount_minor=amount.minor,
                currency=amount.currency,
                created_at=now,
                reason=reason.strip(),
            )
            return self._book(connection, accounts, transfer, outcome, [proof.state_of_account(a) for a in opened])

        return self.database.transact(work)

    def find(self, who: str) -> Holder:
        """Whom an operator means: a person's id, an identity ADAPTER:TENANT:ID, a name that one person has, a #tag.

        Raises `ConfigError` if that is nobody, or several.
        """
        with self.database.read() as connection:
            return find(connection, who)

    def freeze(self, person_id: str) -> bool:
        """Let a person neither pay nor be paid; False if that is so already.

        It holds at once: a payment that waits for its PIN is given back instead of posted.
        """
        return self._set_frozen(person_id, frozen=True)

    def unfreeze(self, person_id: str) -> bool:
        """Let a person pay and be paid again; False if that is so already."""
        return self._set_frozen(person_id, frozen=False)

    def unlock(self, person_id: str) -> bool:
        """Forget a person's wrong PINs, so that they may try again; False if there were none."""

        def work(connection: Connection) -> bool:
            load_accounts(connection, owners=[person_id])
            (pin,) = load_pins(connection, [person_id])
            if not pin.failures and not pin.locked and not pin.wrong_today:
                return False
            free = pin.unlocked()
            save_pins(connection, {person_id: pin}, [free])
            self._audit(connection, f"person:{person_id}", "unlocked", [proof.state_of_pin(free)])
            return True

        return self.database.transact(work)

    def _set_frozen(self, person_id: str, *, frozen: bool) -> bool:
        def work(connection: Connection) -> bool:
            load_accounts(connection, owners=[person_id])  # the lock: payments come before or after, not amid
            (person,) = load_people(connection, [person_id])
            if person.frozen is frozen:
                return False
            now = self.database.now(connection, self.clock)
            changed = replace(person, frozen_at=now if frozen else None)
            outcome = "frozen" if frozen else "unfrozen"
            save_frozen(connection, changed)
            self._audit(connection, f"person:{person_id}", outcome, [proof.state_of_person(changed)])
            return True

        return self.database.transact(work)

    def _book(
        self,
        connection: Connection,
        accounts: dict[str, Account],
        transfer: Transfer,
        outcome: str,
        states: Iterable[State],
    ) -> Booked | Refusal:
        by_id = {account.id: account for account in accounts.values()}
        debit, credit = by_id[transfer.debit_id], by_id[transfer.credit_id]
        if stands := next(iter(load_transfers(connection, [transfer.id])), None):
            return _again(stands, transfer, debit, credit)
        if refusal := rules.may_reserve(debit, credit, transfer.amount_minor):
            free = Money(debit.available_minor, debit.currency)
            return Refusal.because(refusal.code, left=free, amount=Money(transfer.amount_minor, transfer.currency))
        after = [rules.debited(debit, transfer), rules.credited(credit, transfer)]
        save_accounts(connection, by_id, after)
        events = [(f"transfer:{transfer.id}", outcome)]
        batch = append(connection, self.audit_key, events, [transfer], transfer.created_at, states)
        save_transfers(connection, [transfer], batch)
        return Booked(transfer, _balance(*after))

    def _audit(self, connection: Connection, source: str, outcome: str, states: Iterable[State]) -> None:
        now = self.database.now(connection, self.clock)
        append(connection, self.audit_key, [(source, outcome)], [], now, states)


def find(connection: Connection, who: str) -> Holder:
    """See `Operations.find`."""
    if who.startswith("#"):
        charities = load_charities(connection, [normalise_tag(who)])
        found = [Holder(charity.id, charity.name, AccountKind.CHARITY) for charity in charities]
    else:
        found = [Holder(person.id, person.name, AccountKind.PERSON) for person in _people(connection, who)]
    if not found:
        raise ConfigError(f"nobody here is {who!r}: name a person's id, ADAPTER:TENANT:ID, full name, or a #tag")
    if len(found) > 1:
        raise ConfigError(f"{who!r} is the name of several, name one by id: {', '.join(h.owner for h in found)}")
    return found[0]


def _people(connection: Connection, who: str) -> list[Person]:
    if _is_id(who):
        return load_people(connection, [who])
    parts = who.split(":")
    if len(parts) != 3:
        return load_people_named(connection, who)
    known = load_identities(connection, keys=[(parts[0], parts[1], parts[2])])
    return load_people(connection, [identity.person_id for identity in known if identity.person_id])


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _accounts(
    connection: Connection, owners: tuple[str, str], currency: str
) -> tuple[dict[str, Account], list[Account]]:
    """The accounts of two owners in a currency, locked; those of the chart are opened at first use."""
    found = {a.owner: a for a in load_accounts(connection, owners=owners) if a.currency == currency}
    missing = [owner for owner in owners if owner not in found]
    if unknown := [owner for owner in missing if owner not in list(SystemAccount)]:
        raise ConfigError(f"{unknown[0]} has no account in {currency}")
    opened = [open_account(connection, owner, AccountKind.SYSTEM, currency) for owner in missing]
    return found | {account.owner: account for account in opened}, opened


def _again(stands: Transfer, asked: Transfer, debit: Account, credit: Account) -> Booked:
    if replace(stands, created_at=asked.created_at) != asked:
        raise ConfigError("another booking has this id already: nothing was booked")
    return Booked(stands, _balance(debit, credit), again=True)


def _balance(*accounts: Account) -> Money:
    """What the one of two accounts has that is not the system's."""
    (holder,) = (account for account in accounts if account.kind is not AccountKind.SYSTEM)
    return Money(holder.balance_minor, holder.currency)

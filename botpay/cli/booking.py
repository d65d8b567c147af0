"""`botpay ledger fund`, `withdraw`, `adjust`, `freeze`, `unfreeze`: what an operator does to an account by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from botpay import ids
from botpay.cli.common import ConfigOption, DatabaseOption, installation
from botpay.cli.ledger import WhoArgument
from botpay.clock import system_clock
from botpay.errors import Code, ConfigError, Refusal
from botpay.ledger.chart import SystemAccount
from botpay.ledger.model import AccountKind
from botpay.money import Money, from_digits
from botpay.operations import Booked, Holder, Operations

AmountArgument = Annotated[str, typer.Argument(metavar="AMOUNT", help="Such as 10 or 10.50.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it stands in the ledger and on the statement.")]
IdOption = Annotated[
    str | None,
    typer.Option("--id", help="Your name for this booking: the same command again then books nothing."),
]
CurrencyOption = Annotated[str, typer.Option("--currency", help="ISO 4217.")]


class Against(StrEnum):
    """The system accounts as they are written on the command line."""

    CASH_IN = "cash-in"
    CASH_OUT = "cash-out"
    FEES = "fees"
    SUSPENSE = "suspense"


def fund(
    who: WhoArgument,
    amount: AmountArgument,
    reason: ReasonOption,
    booking: IdOption = None,
    currency: CurrencyOption = "EUR",
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Money came in from outside: from "cash in" to an account."""
    with operations_of(config, database) as operations:
        holder = operations.find(who)
        _tell(holder, "funded", operations.fund(holder.owner, money_of(amount, currency), reason, booking))


def withdraw(
    who: WhoArgument,
    amount: AmountArgument,
    reason: ReasonOption,
    booking: IdOption = None,
    currency: CurrencyOption = "EUR",
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Money was paid out: from an account to "cash out". No more than is free."""
    with operations_of(config, database) as operations:
        holder = operations.find(who)
        _tell(holder, "withdrawn", operations.withdraw(holder.owner, money_of(amount, currency), reason, booking))


def adjust(
    who: WhoArgument,
    amount: Annotated[str, typer.Argument(metavar="[+|-]AMOUNT", help="Such as -10.50.")],
    reason: ReasonOption,
    against: Annotated[Against, typer.Option("--against", help="The other side.")] = Against.SUSPENSE,
    booking: IdOption = None,
    currency: CurrencyOption = "EUR",
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Correct what an account has, up or down, against a system account."""
    money = money_of(amount[1:] if amount[:1] in ("+", "-") else amount, currency)
    with operations_of(config, database) as operations:
        holder = operations.find(who)
        other = SystemAccount[against.name]
        booked = operations.adjust(
            holder.owner, money, reason, up=not amount.startswith("-"), against=other, booking=booking
        )
        _tell(holder, "adjusted", booked)


def freeze(who: WhoArgument, config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """Let a person neither pay nor be paid; payments that wait for their PIN are given back."""
    with operations_of(config, database) as operations:
        person = person_of(operations, who)
        changed = operations.freeze(person.owner)
    print(f"{person.name} is frozen" if changed else f"{person.name} was frozen already")


def unfreeze(who: WhoArgument, config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """Let a person pay and be paid again."""
    with operations_of(config, database) as operations:
        person = person_of(operations, who)
        changed = operations.unfreeze(person.owner)
    print(f"{person.name} can pay and be paid again" if changed else f"{person.name} was not frozen")


@contextmanager
def operations_of(config: Path | None, database: Path | None) -> Iterator[Operations]:
    """The operator's side of an installation."""
    with installation(config, database) as (opened, key):
        yield Operations(database=opened, clock=system_clock, audit_key=key)


def person_of(operations: Operations, who: str) -> Holder:
    """The person whom an operator means. Raises `ConfigError` for a charity."""
    holder = operations.find(who)
    if holder.kind is not AccountKind.PERSON:
        raise ConfigError(f"{who!r} is no person")
    return holder


def money_of(text: str, currency: str) -> Money:
    """An amount as typed: digits with at most two decimals; never a float, never rounded."""
    try:
        Money(0, currency)
    except ValueError as error:
        raise ConfigError(f"--currency: {error}") from None
    money = from_digits(text, currency)
    if isinstance(money, Code):
        raise ConfigError(f"{text!r} is no amount ({money.value}): write it like 10 or 10.50")
    return money


def _tell(holder: Holder, done: str, booked: Booked | Refusal) -> None:
    if isinstance(booked, Refusal):
        free = booked.details.get("left")
        what = f"only {free.to_decimal_string()} {free.currency} of {holder.name} are free" if free else booked.code
        print(f"refused, nothing was booked: {what}")
        raise typer.Exit(1)
    transfer = booked.transfer
    amount = Money(transfer.amount_minor, transfer.currency).to_decimal_string()
    said = "was booked before, nothing was booked now" if booked.again else done
    print(
        f"{amount} {transfer.currency} {said}: {holder.name} ({holder.owner}) has "
        f"{booked.balance.to_decimal_string()}. Ref. {ids.reference(transfer.id)}, transfer {transfer.id}"
    )

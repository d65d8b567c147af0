"""`botpay ledger`: what accountants and auditors ask. What operators book is in `booking`."""

import json
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection

from botpay import proof
from botpay.account_statement import Statement, decimal, load_statement, to_csv, to_dict
from botpay.audit import verify as audit
from botpay.audit.head import Heads, load_heads, read_heads
from botpay.cli.common import ConfigOption, DatabaseOption, installation, settings_of
from botpay.errors import ConfigError
from botpay.ledger import verify as ledger
from botpay.ledger.trial import TrialLine, trial_balance
from botpay.operations import find
from botpay.sealing import Keyring

app = typer.Typer(help="Prove the ledger, read its books, book by hand.", no_args_is_help=True)

WhoArgument = Annotated[
    str, typer.Argument(metavar="PERSON", help="An id, ADAPTER:TENANT:ID, a full name, or a charity's #tag.")
]
_DAY = ["%Y-%m-%d"]
_WIDE = 160


class Form(StrEnum):
    """How books are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@app.callback()
def _family() -> None:
    """Prove the ledger, read its books, book by hand."""


@app.command()
def verify(
    head: Annotated[
        Path | None, typer.Option("--head", help="A head exported earlier: the chain must still hold it.")
    ] = None,
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Recompute every balance from its rows and check the audit; exit 1 and name the rows if anything is off."""
    exported = read_heads(_read(head)) if head else None
    # One consistent view for all of it: the bot may go on meanwhile.
    with installation(config, database) as (opened, key), opened.read() as connection:
        found = _problems(connection, key, exported)
        transfers, links = ledger.count(connection), audit.count(connection)
    for problem in found:
        print(problem)
    if found:
        print(f"NOT verified: {len(found)} problem(s)")
        raise typer.Exit(1)
    print(f"verified: {transfers} transfer rows and {links} audit links agree")


@app.command("head")
def head_(
    out: Annotated[
        Path | None, typer.Option("--out", help="Write it to this file; keep that on another machine.")
    ] = None,
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Export the head of the audit's chain, so that `verify --head` can tell later if the chain was cut off."""
    with installation(config, database) as (opened, _), opened.read() as connection:
        heads = load_heads(connection)
    if heads is None:
        raise ConfigError("nothing has happened here yet: there is no head to export")
    if out is None:
        print(heads.to_json())
        return
    out.write_text(heads.to_json() + "\n", encoding="ascii")
    ends = ", ".join(f"link {head.place}" + (f" of lane {head.lane}" if head.lane else "") for head in heads.lanes)
    print(f"the head, {ends}, is in {out}")


@app.command()
def statement(
    who: WhoArgument,
    since: Annotated[datetime | None, typer.Option("--from", formats=_DAY, help="First day, in UTC.")] = None,
    until: Annotated[datetime | None, typer.Option("--to", formats=_DAY, help="Last day, included.")] = None,
    form: Annotated[Form, typer.Option("--format", help="How it is printed.")] = Form.TABLE,
    currency: Annotated[str, typer.Option(help="Of which account.")] = "EUR",
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Opening balance, every amount that came or went, closing balance; to the cent."""
    days = [day and day.date() for day in (since, until)]
    keyring = Keyring.of(settings_of(config, database).keys)
    with installation(config, database) as (opened, _), opened.read() as connection:
        holder = find(connection, who)
        found = load_statement(connection, keyring, holder.owner, holder.name, currency, *days)
    match form:
        case Form.CSV:
            print(to_csv(found), end="")
        case Form.JSON:
            print(json.dumps(to_dict(found), ensure_ascii=False, indent=2))
        case Form.TABLE:
            _show(_statement_table(found))


@app.command("trial-balance")
def trial_balance_(
    each: Annotated[bool, typer.Option("--each", help="A line for each account, not one for all people.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """The balances of all accounts by kind; exit 1 if debits and credits do not come to the same."""
    with installation(config, database) as (opened, _), opened.read() as connection:
        lines = trial_balance(connection, each=each)
    currencies = sorted({line.currency for line in lines})
    totals = {currency: _totals(lines, currency) for currency in currencies}
    balanced = all(debit == credit for debit, credit in totals.values())
    if as_json:
        print(json.dumps({"lines": [_trial_dict(line) for line in lines], "balanced": balanced}, indent=2))
    else:
        _show(_trial_table(lines, totals))
    if not balanced:
        print("debits and credits do NOT come to the same: run `botpay ledger verify`")
        raise typer.Exit(1)


def _problems(connection: Connection, key: bytes, heads: Heads | None) -> list[str]:
    """All that the proof finds; how far it is stands on standard error, if that is a terminal."""
    screen = Console(stderr=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as progress:
        task = progress.add_task("verifying", total=None)
        found: list[str] = []
        for name, problems in proof.steps(connection, key, heads, tick=lambda: progress.advance(task)):
            total = audit.count(connection) if name == "audit" else None
            progress.update(task, description=name, total=total, completed=0)
            found += problems
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is no head: it is not text") from None


def _show(table: Table) -> None:
    """A table as wide as it needs where nobody looks (a file, a pipe), else as wide as the terminal."""
    screen = Console(highlight=False)
    (screen if screen.is_terminal else Console(highlight=False, width=_WIDE)).print(table)


def _statement_table(found: Statement) -> Table:
    currency = found.currency
    title = _plain(f"{found.name}, {_days(found.first_day, found.last_day)}, in {currency}")
    table = Table(title=title, title_justify="left")
    for name in ("Date (UTC)", "Ref.", "Other party", "Memo"):
        table.add_column(name)
    for name in ("Amount", "Balance"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row("", "", "", "opening balance", "", decimal(found.opening_minor, currency))
    for line in found.lines:
        sums = (decimal(minor, currency) for minor in (line.amount_minor, line.balance_minor))
        table.add_row(f"{line.at:%Y-%m-%d %H:%M}", line.reference, _plain(line.other), _plain(line.memo), *sums)
    table.add_row("", "", "", "closing balance", "", decimal(found.closing_minor, currency))
    return table


def _plain(text: str) -> Text:
    """What people wrote, without markup, and without what a terminal would obey."""
    return Text("".join(char if char.isprintable() else "\ufffd" for char in text))


def _days(first: date | None, last: date | None) -> str:
    return f"{first or 'the beginning'} to {last or 'today'}"


def _totals(lines: list[TrialLine], currency: str) -> tuple[int, int]:
    of_currency = [line for line in lines if line.currency == currency]
    return sum(line.debit_minor for line in of_currency), sum(line.credit_minor for line in of_currency)


def _trial_dict(line: TrialLine) -> dict[str, str | int]:
    return {
        "kind": line.kind.value,
        "name": line.name,
        "accounts": line.accounts,
        "currency": line.currency,
        "debit": decimal(line.debit_minor, line.currency),
        "credit": decimal(line.credit_minor, line.currency),
    }


def _trial_table(lines: list[TrialLine], totals: dict[str, tuple[int, int]]) -> Table:
    table = Table("Kind", "Account", "Currency", title="Trial balance", title_justify="left")
    for name in ("Accounts", "Debit", "Credit"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in lines:
        sums = (decimal(minor, line.currency) for minor in (line.debit_minor, line.credit_minor))
        table.add_row(line.kind.value, line.name, line.currency, str(line.accounts), *sums)
    for currency, (debit, credit) in totals.items():
        table.add_section()
        table.add_row("total", "", currency, "", decimal(debit, currency), decimal(credit, currency))
    return table

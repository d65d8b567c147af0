"""`botpay charity payout`: from charities' balances to their banks, and back to what the bank says of it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from botpay import ids
from botpay.cli.common import ConfigOption, DatabaseOption, installation, settings_of
from botpay.clock import system_clock
from botpay.config import Settings
from botpay.errors import ConfigError
from botpay.message import SecretText
from botpay.money import Money
from botpay.paying_out.desk import PayoutDesk, Sheet
from botpay.paying_out.settling import Settled, Settling
from botpay.payouts.bank_statement import LARGEST
from botpay.payouts.model import Item, Run, end_to_end
from botpay.payouts.order import Debtor
from botpay.sealing import Keyring

app = typer.Typer(help="Pay charities out: prepare, approve, export, settle.", no_args_is_help=True)

PayoutArgument = Annotated[str, typer.Argument(metavar="PAYOUT", help="Its reference or id; `list` shows them.")]
ByOption = Annotated[str, typer.Option("--by", help="Who does it; it stands in the audit.")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON for programs.")]


@app.callback()
def _family() -> None:
    """Pay charities out: prepare, approve, export, settle."""


@app.command()
def prepare(by: ByOption, config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """Set aside all that verified charities have, for a payout that another person approves."""
    with desk_of(config, database) as desk:
        _tell(desk.prepare(by))


@app.command()
def approve(which: PayoutArgument, by: ByOption, config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """Sign what another person prepared."""
    with desk_of(config, database) as desk:
        _tell(desk.approve(which, by))


@app.command()
def cancel(
    which: PayoutArgument,
    by: ByOption,
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the audit.")],
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Give the money back to the charities; as long as the bank's file was not made."""
    with desk_of(config, database) as desk:
        _tell(desk.cancel(which, by, reason))


@app.command()
def export(
    which: PayoutArgument,
    out: Annotated[Path, typer.Option("--out", help="Where the bank's file is written; its owner alone can read it.")],
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Write the file for the bank (pain.001.001.09): the same one however often. From then on nothing is cancelled."""
    if not out.parent.is_dir():
        raise ConfigError(f"there is no folder {out.parent}: nothing was exported")
    with desk_of(config, database) as desk:
        if out.exists() and desk.show(which).run.exported_at is None:
            raise ConfigError(f"there is a file {out} already: nothing was exported, name another with --out")
        sheet, file, again = desk.export(which, _debtor(settings_of(config, database)))
    _write(out, file.encode())
    _tell(sheet)
    print(f"  the bank's file{', the same as before,' if again else ''} is in {out}: hand it in once")


@app.command()
def settle(
    file: Annotated[Path, typer.Argument(help="What the bank sent: camt.053 or camt.054.")],
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Read the bank's statement: confirm what arrived, give back what was returned. Exit 1 if anything is left open."""
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"{file} cannot be read ({error.strerror})") from None
    keyring = Keyring.of(settings_of(config, database).keys)
    with installation(config, database) as (found, key):
        settling = Settling(database=found, clock=system_clock, keyring=keyring, audit_key=key)
        settled = settling.settle(content)
    _report(settled)
    if settled.unexplained:
        raise typer.Exit(1)


@app.command()
def show(
    which: PayoutArgument, as_json: JsonOption = False, config: ConfigOption = None, database: DatabaseOption = None
) -> None:
    """One payout, charity by charity."""
    with desk_of(config, database) as desk:
        sheet = desk.show(which)
    print(json.dumps(_dict(sheet), ensure_ascii=False, indent=2)) if as_json else _tell(sheet)


@app.command("list")
def list_(as_json: JsonOption = False, config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """All payouts, the oldest first."""
    with desk_of(config, database) as desk:
        sheets = desk.sheets()
    if as_json:
        print(json.dumps([_dict(sheet) for sheet in sheets], ensure_ascii=False, indent=2))
        return
    table = Table("Payout", "Prepared", "State", "Charities")
    table.add_column("Sum", justify="right")
    for sheet in sheets:
        run = sheet.run
        table.add_row(
            ids.reference(run.id), f"{run.prepared_at:%Y-%m-%d}", run.state.value, str(len(sheet.items)), _sum(sheet)
        )
    Console(highlight=False).print(table)


@contextmanager
def desk_of(config: ConfigOption, database: DatabaseOption) -> Iterator[PayoutDesk]:
    """The payouts of an installation."""
    keyring = Keyring.of(settings_of(config, database).keys)
    with installation(config, database) as (opened, key):
        yield PayoutDesk(database=opened, clock=system_clock, keyring=keyring, audit_key=key)


def _debtor(settings: Settings) -> Debtor | None:
    pays = settings.payout
    if pays is None:
        return None
    return Debtor(name=pays.name, iban=SecretText(pays.iban.get_secret_value()), bic=pays.bic)


def _write(out: Path, content: bytes) -> None:
    """A file that only its owner can read, whole on the disk; one that is there is never overwritten."""
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        if out.read_bytes() != content:
            raise ConfigError(f"{out} is another file: name another with --out, and the same export comes") from None
    except OSError as error:
        why = f"{out} cannot be written ({error.strerror})"
        raise ConfigError(f"exported, but {why}: call this again, the same export comes") from None


def _tell(sheet: Sheet) -> None:
    run = sheet.run
    print(f"payout {ids.reference(run.id)}: {_standing(run)}, {_sum(sheet)}")
    for item in sheet.items:
        print(f"  {_amount(item)} {item.name}: {_WHERE[item.state.value]} ({end_to_end(item.id)})")
    for name, why in sheet.left_out:
        print(f"  left out: {name}, {why}")


_WHERE = {
    "waiting": "set aside, not sent",
    "in_doubt": "in doubt: sent, the bank has not said whether it arrived",
    "confirmed": "arrived",
    "returned": "returned by the bank, back on the charity's account",
    "cancelled": "back on the charity's account",
}


def _standing(run: Run) -> str:
    signed = f"prepared by {run.prepared_by} on {run.prepared_at:%Y-%m-%d}"
    if run.approved_by:
        signed += f", approved by {run.approved_by} on {run.approved_at:%Y-%m-%d}"
    return signed if run.state.value in ("prepared", "approved") else f"{run.state.value}, {signed}"


def _sum(sheet: Sheet) -> str:
    return f"{Money(sum(item.amount_minor for item in sheet.items)).to_decimal_string()} EUR"


def _amount(item: Item) -> str:
    return f"{Money(item.amount_minor, item.currency).to_decimal_string()} {item.currency}"


def _report(settled: Settled) -> None:
    for item in settled.confirmed:
        print(f"arrived: {_amount(item)} {item.name} ({end_to_end(item.id)})")
    for item in settled.returned:
        print(f"returned: {_amount(item)} {item.name} ({end_to_end(item.id)}), back on the charity's account")
    if settled.again:
        print(f"{settled.again} statement(s) were read before: nothing was changed by them")
    if settled.known:
        print(f"{settled.known} payment(s) were known before")
    for what in settled.unexplained:
        print(f"left alone: {what}")
    if settled.others:
        print(f"{settled.others} other movement(s) are no payouts")
    if not settled.confirmed and not settled.returned:
        print("nothing has changed")


def _dict(sheet: Sheet) -> dict[str, object]:
    run = sheet.run
    times = {"prepared_at": run.prepared_at, "approved_at": run.approved_at, "exported_at": run.exported_at}
    return {
        "id": run.id,
        "reference": ids.reference(run.id),
        "state": run.state.value,
        "prepared_by": run.prepared_by,
        "approved_by": run.approved_by,
        **{name: at and at.isoformat() for name, at in times.items()},
        "items": [
            {
                "end_to_end_id": end_to_end(item.id),
                "charity": item.charity_id,
                "name": item.name,
                "amount": Money(item.amount_minor, item.currency).to_decimal_string(),
                "currency": item.currency,
                "state": item.state.value,
            }
            for item in sheet.items
        ],
    }

"""`botpay charity receipts`: the receipts of a charity, for its treasurer."""

import csv
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from botpay.cli.common import ConfigOption, DatabaseOption, installation, settings_of
from botpay.clock import system_clock
from botpay.errors import ConfigError
from botpay.money import Money
from botpay.receipt_book import ReceiptBook
from botpay.receipts.model import Receipt
from botpay.sealing import Keyring

app = typer.Typer(help="Tax receipts: who signs, issue, cancel, replace, export, totals.", no_args_is_help=True)

TagArgument = Annotated[str, typer.Argument(metavar="TAG", help="One of its hashtags, with or without #.")]
NumberArgument = Annotated[str, typer.Argument(metavar="NUMBER", help="As it is printed: 2026-000017.")]
YearOption = Annotated[int, typer.Option("--year", min=2000, max=2999, help="Of the gifts, in French time.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it stands in the audit.")]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="As CSV.")]

_NUMBER = re.compile(r"(2[0-9]{3})-([0-9]{1,9})", re.ASCII)


@app.callback()
def _family() -> None:
    """Tax receipts: who signs, issue, cancel, replace, export, totals."""


@app.command()
def sign(
    tag: TagArgument,
    name: Annotated[str, typer.Option(help="Who signs.")],
    capacity: Annotated[str, typer.Option(help="As what: trésorière, président, …")],
    image: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Their signature, PNG or JPEG.")
    ] = None,
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Say who signs a charity's receipts from now on; before, it issues none."""
    with receipt_book(config, database) as book:
        signer = book.sign_as(tag, name, capacity, image.read_bytes() if image else None)
    print(f"receipts are signed by {signer.name}, {signer.capacity}")


@app.command()
def issue(tag: TagArgument, year: YearOption, config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """Issue the receipts that donors have not got yet. Run it again whenever you like: no gift gets two."""
    with receipt_book(config, database) as book:
        issued, without = book.issue(tag, year)
    print(f"issued {issued}; {without} gifts wait until their donors say who they are (#reçu)")


@app.command(name="list")
def list_(
    tag: TagArgument,
    year: YearOption,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """All receipts of a year, also those that do not count any more. Donors stand on the receipts alone."""
    with receipt_book(config, database) as book:
        rows = list(map(_dict, book.receipts(tag, year)))
    if as_json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        for row in rows:
            over = f"  cancelled: {row['reason']}" if row["state"] == "cancelled" else ""
            print(f"{row['number']}  {row['issued_at'][:10]}  {row['amount']:>9}  {row['gift']}{over}")


@app.command()
def totals(
    tag: TagArgument,
    year: YearOption,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """What the charity declares for a year (CGI, article 222 bis): the sum of gifts, and how many receipts."""
    with receipt_book(config, database) as book:
        found = book.totals(tag, year)
    row = {**asdict(found), "sum": Money(found.sum_minor).to_decimal_string()}
    del row["sum_minor"]
    if as_json:
        print(json.dumps(row))
    elif as_csv:
        print(",".join(row), ",".join(map(str, row.values())), sep="\n")
    else:
        print(f"{year}: {row['receipts']} receipts count, for gifts of {row['sum']} EUR")
        print(f"  issued within {year}: {row['issued']}; cancelled: {row['cancelled']}")


@app.command()
def cancel(
    tag: TagArgument,
    number: NumberArgument,
    reason: ReasonOption,
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Say that a receipt does not count any more; it prints as cancelled, and its number stays taken."""
    with receipt_book(config, database) as book:
        print(f"cancelled {book.cancel(tag, *_year_and_number(number), reason).name}")


@app.command(name="replace")
def replace_(
    tag: TagArgument,
    number: NumberArgument,
    reason: ReasonOption,
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Issue another receipt in the place of one, with what donor and charity are now."""
    with receipt_book(config, database) as book:
        print(f"replaced {number} by {book.replace(tag, *_year_and_number(number), reason).name}")


@app.command()
def export(
    tag: TagArgument,
    year: YearOption,
    folder: Annotated[Path, typer.Option(file_okay=False, help="Where the PDFs go; made if it is not there.")],
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Write every receipt of a year as a PDF: the copies that a charity keeps for six years. They hold addresses."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with receipt_book(config, database) as book:
        found = book.receipts(tag, year)
        for receipt in found:
            folder.joinpath(f"{receipt.name}.pdf").write_bytes(book.pdf(receipt))
    print(f"wrote {len(found)} receipts to {folder}")


@contextmanager
def receipt_book(config: Path | None, database: Path | None) -> Iterator[ReceiptBook]:
    """The receipts of an installation."""
    keyring = Keyring.of(settings_of(config, database).keys)
    with installation(config, database) as (opened, audit_key):
        yield ReceiptBook(database=opened, clock=system_clock, keyring=keyring, audit_key=audit_key)


_COLUMNS = ("number", "gift", "amount", "issued_at", "state", "cancelled_at", "reason", "sha256")


def _dict(receipt: Receipt) -> dict[str, str]:
    values = (
        receipt.name,
        receipt.transfer_id,
        Money(receipt.amount_minor).to_decimal_string(),
        receipt.issued_at.isoformat(),
        receipt.state.value,
        receipt.cancelled_at.isoformat() if receipt.cancelled_at else "",
        receipt.reason or "",
        receipt.digest,
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _year_and_number(written: str) -> tuple[int, int]:
    found = _NUMBER.fullmatch(written.strip())
    if found is None:
        raise ConfigError(f"{written!r} is no number of a receipt: they look like 2026-000017")
    return int(found[1]), int(found[2])

"""`botpay charity`: the register of those who receive donations."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from botpay.charities.model import Document, Purpose, Record, Tag
from botpay.charities.review import checked_iban, checked_rna, checked_siren, masked, missing, says
from botpay.charity_register import CharityRegister, Entry
from botpay.cli import payout, receipts
from botpay.cli.common import ConfigOption, DatabaseOption, installation, settings_of
from botpay.cli.person import enrolment_of
from botpay.clock import system_clock
from botpay.errors import ConfigError
from botpay.message import SecretText
from botpay.sealing import Keyring

app = typer.Typer(help="Register charities, review them, suspend them.", no_args_is_help=True)
tags = typer.Typer(help="Which hashtags lead to a charity.", no_args_is_help=True)
app.add_typer(tags, name="tag")
app.add_typer(payout.app, name="payout")
app.add_typer(receipts.app, name="receipts")

_SEPA_PAYOUT = frozenset({"FR"})
"""Where charities may have their account: only people and charities of one country take part."""

TagArgument = Annotated[str, typer.Argument(metavar="TAG", help="One of its hashtags, with or without #.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it stands in the audit.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a charity.")]


@app.callback()
def _family() -> None:
    """Register charities, review them, suspend them."""


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The legal name.")],
    tag: Annotated[str, typer.Argument(help="Its hashtag.")],
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Add a charity with the hashtag that leads to it; it collects, and is paid out once it is verified."""
    with enrolment_of(settings_of(config, database)) as enrolment:
        charity = enrolment.add_charity(name, tag)
    print(f"added {charity.name} as #{charity.tag}")


@app.command()
def describe(
    tag: TagArgument,
    address: Annotated[str | None, typer.Option(help="Street, postal code, town.")] = None,
    object_: Annotated[str | None, typer.Option("--object", help="What it is for, as its statutes say.")] = None,
    purpose: Annotated[Purpose | None, typer.Option(help="What it is in the law: may it issue tax receipts?")] = None,
    rna: Annotated[str | None, typer.Option(help="Its number in the register of associations: W751234567.")] = None,
    siren: Annotated[str | None, typer.Option(help="Its SIREN: nine digits.")] = None,
    iban_stdin: Annotated[bool, typer.Option("--iban-stdin", help="Read its IBAN from standard input.")] = False,
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Write what is known of a charity. After a change it must be verified again."""
    found: dict[str, Any] = {"address": address, "object": object_, "purpose": purpose}
    found["rna"] = rna and checked_rna(rna)
    found["siren"] = siren and checked_siren(siren)
    changes = {name: value for name, value in found.items() if value is not None}
    if iban_stdin:
        changes["iban"] = SecretText(checked_iban(sys.stdin.readline().strip(), _SEPA_PAYOUT))
    if not changes:
        raise ConfigError("nothing to write down: name --address, --object, --purpose, --rna, --siren or --iban-stdin")
    with charity_register(config, database) as register:
        _tell(register.describe(tag, changes))


@app.command()
def verify(
    tag: TagArgument,
    by: Annotated[str, typer.Option("--by", help="Who reviewed it.")],
    document: Annotated[
        list[str] | None, typer.Option("--document", help="KIND=WHERE IT LIES, for each document that was seen.")
    ] = None,
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Say that a charity was reviewed: from now on its donations may be paid out."""
    seen = dict(map(_document, document or ()))
    with charity_register(config, database) as register:
        _tell(register.verify(tag, by, seen))


@app.command()
def suspend(
    tag: TagArgument, reason: ReasonOption, config: ConfigOption = None, database: DatabaseOption = None
) -> None:
    """Take no more donations for a charity; those that wait for a PIN are given back within seconds."""
    with charity_register(config, database) as register:
        _tell(register.suspend(tag, reason))


@app.command()
def resume(
    tag: TagArgument, reason: ReasonOption, config: ConfigOption = None, database: DatabaseOption = None
) -> None:
    """Take donations for a charity again."""
    with charity_register(config, database) as register:
        _tell(register.resume(tag, reason))


@app.command()
def show(
    tag: TagArgument, as_json: JsonOption = False, config: ConfigOption = None, database: DatabaseOption = None
) -> None:
    """Everything that is known of one charity, its IBAN but for the last four."""
    with charity_register(config, database) as register:
        entry = register.show(tag)
    print(json.dumps(_dict(entry), indent=2)) if as_json else _tell(entry)


@app.command("list")
def list_(as_json: JsonOption = False, config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """All charities with their hashtags and how they stand."""
    with charity_register(config, database) as register:
        entries = register.entries()
    if as_json:
        print(json.dumps([_dict(entry) for entry in entries], indent=2))
        return
    table = Table("Charity", "Hashtags", "Standing", "Receipts")
    for entry in entries:
        table.add_row(entry.name, " ".join(map(_shown, entry.tags)), _standing(entry), says(entry.record.purpose))
    Console(highlight=False).print(table)


@tags.command("add")
def add_tag(tag: TagArgument, another: str, config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """Another hashtag for a charity; it leads there from tomorrow on."""
    with charity_register(config, database) as register:
        added = register.add_tag(tag, another)
    print(f"{_shown(added)} will lead there from {added.active_from:%Y-%m-%d %H:%M} UTC on")


@tags.command("release")
def release_tag(tag: TagArgument, config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """Give a hashtag up: it leads to nobody, and rests before another charity may have it."""
    with charity_register(config, database) as register:
        released = register.release_tag(tag)
    print(f"#{released.tag} leads to nobody now")


@contextmanager
def charity_register(config: ConfigOption, database: DatabaseOption) -> Iterator[CharityRegister]:
    """The register of an installation."""
    keyring = Keyring.of(settings_of(config, database).keys)
    with installation(config, database) as (opened, audit_key):
        yield CharityRegister(database=opened, clock=system_clock, keyring=keyring, audit_key=audit_key)


def _document(written: str) -> tuple[Document, str]:
    kind, _, where = written.partition("=")
    try:
        return Document(kind.strip()), where.strip() or _raise(written)
    except ValueError:
        raise ConfigError(f"--document {written!r} must be KIND=WHERE, KIND one of {', '.join(Document)}") from None


def _raise(written: str) -> str:
    raise ValueError(written)


def _tell(entry: Entry) -> None:
    record = entry.record
    print(f"{entry.name}: {_standing(entry)}, {says(record.purpose)}")
    print(f"  hashtags: {' '.join(map(_shown, entry.tags))}")
    for name, value in (("address", record.address), ("object", record.object), ("RNA", record.rna)):
        print(f"  {name}: {value or '-'}")
    print(f"  SIREN: {record.siren or '-'}")
    print(f"  IBAN: {masked(record.iban.reveal()) or '-'}")
    for document, where in record.documents:
        print(f"  seen: {document}, {where}")
    if not record.verified and (lacks := list(missing(record))):
        print(f"  before it can be verified: {'; '.join(lacks)}")


def _standing(entry: Entry) -> str:
    record = entry.record
    reviewed = f"verified by {record.reviewed_by} on {record.reviewed_at:%Y-%m-%d}" if record.verified else "unverified"
    return f"suspended, {reviewed}" if record.suspended else reviewed


def _shown(tag: Tag) -> str:
    if tag.released_at is not None:
        return f"#{tag.tag} (given up)"
    return f"#{tag.tag}" if tag.active_from is None else f"#{tag.tag} (from {tag.active_from:%Y-%m-%d %H:%M})"


def _dict(entry: Entry) -> dict[str, object]:
    record: Record = entry.record
    return {
        "id": entry.charity_id,
        "name": entry.name,
        "hashtags": [tag.tag for tag in entry.tags if tag.released_at is None],
        "verified": record.verified,
        "suspended": record.suspended,
        "address": record.address,
        "object": record.object,
        "purpose": record.purpose.value,
        "rna": record.rna,
        "siren": record.siren,
        "iban": masked(record.iban.reveal()),
        "documents": {document.value: where for document, where in record.documents},
        "reviewed_by": record.reviewed_by,
        "reviewed_at": record.reviewed_at and record.reviewed_at.isoformat(),
    }

"""`botpay person` and `botpay charity`: who is there."""

import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from botpay.cli.booking import money_of, operations_of, person_of
from botpay.cli.common import ConfigOption, DatabaseOption, installation, settings_of
from botpay.cli.ledger import WhoArgument
from botpay.clock import system_clock
from botpay.config import Settings
from botpay.confirm.hashing import hasher_of
from botpay.database import Database
from botpay.enrolment import Enrolment
from botpay.errors import ConfigError
from botpay.ledger.model import AccountKind
from botpay.message import Actor, SecretText
from botpay.migrations import require_current
from botpay.operations import Holder, find
from botpay.register import Entry, Register, Standing
from botpay.replies import LANGUAGES
from botpay.sealing import Keyring

WhyOption = Annotated[str, typer.Option("--reason", help="Why; it stands in the audit.")]

people = typer.Typer(help="Who is there: add, approve, lock, unlock, forget people.", no_args_is_help=True)


@people.callback()
def _people() -> None:
    """Who is there: add, approve, lock, unlock, forget people."""


@people.command("add")
def add_person(
    name: Annotated[str, typer.Argument(help='The name that payers are shown: "Bob Martin".')],
    identity: Annotated[
        list[str], typer.Option("--identity", help="ADAPTER:TENANT:ID, as the bot tells it to strangers.")
    ],
    handle: Annotated[str | None, typer.Option("--handle", help="The @name there, without @.")] = None,
    language: Annotated[str, typer.Option("--language", help="fr or en.")] = "fr",
    country: Annotated[
        str | None, typer.Option("--country", help="Of residence, such as FR; by default the first of those admitted.")
    ] = None,
    fund: Annotated[str | None, typer.Option("--fund", help="Money to begin with, such as 300.00.")] = None,
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Add a person with a first PIN, asked for without showing it (or read from standard input)."""
    actors = [_actor(text, handle, name) for text in identity]
    amount = money_of(fund, "EUR") if fund else None
    if amount is not None and not amount.minor:
        raise ConfigError("--fund 0 is nothing: leave it out")
    if language not in LANGUAGES:
        raise ConfigError(f"--language {language!r} must be one of {', '.join(LANGUAGES)}")
    pin = SecretText(getpass.getpass("PIN (6 digits): ") if sys.stdin.isatty() else sys.stdin.readline().strip())
    if not pin:
        raise ConfigError("no PIN was given: type it when asked, or pass it on standard input")
    settings = settings_of(config, database)
    admitted = settings.enrolment.countries
    if country is not None and country not in admitted:
        raise ConfigError(f"--country {country!r} is none of enrolment.countries: {', '.join(admitted)}")
    with enrolment_of(settings) as enrolment:
        person = enrolment.add_person(name, language, pin, actors, country=country or admitted[0])
        if amount:
            enrolment.fund(person.id, amount, "first funding")
    print(f"added {name} as {person.id}")


@people.command("list")
def list_people(
    standing: Annotated[Standing | None, typer.Option("--state", help="Only those of this state.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Who is there, and in which state: active, awaiting approval, locked, frozen or forgotten."""
    with _register(config, database) as register:
        entries = register.entries(standing)
    if as_json:
        for entry in entries:
            print(_json(entry))
        return
    table = Table(
        *(Column(head, overflow="fold") for head in ("id", "name", "state", "country", "where", "since")), box=None
    )
    for entry in entries:
        since = f"{entry.enrolled_at:%Y-%m-%d}"
        table.add_row(entry.id, entry.name, entry.standing, entry.country or "-", "\n".join(entry.places), since)
    Console(highlight=False, soft_wrap=True, markup=False).print(table)


@people.command("show")
def show(who: WhoArgument, config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """All that is kept of a person, but for what they wrote and their address, as JSON."""
    with _register(config, database) as register:
        print(_json(register.entry(_found(register, who).owner)))


@people.command("approve")
def approve(
    who: WhoArgument,
    country: Annotated[str | None, typer.Option("--country", help="Of residence, if it is not known yet.")] = None,
    reason: WhyOption = "",
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Let a person pay, once you know who they are, and tell them."""
    admitted = settings_of(config, database).enrolment.countries
    if country is not None and country not in admitted:
        raise ConfigError(f"--country {country!r} is none of enrolment.countries: {', '.join(admitted)}")
    with _register(config, database) as register:
        person = _found(register, who)
        changed = register.approve(person.owner, country, reason)
    print(f"{person.name} is approved" if changed else f"{person.name} was approved already")


@people.command("lock")
def lock(who: WhoArgument, reason: WhyOption, config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """Let nothing be paid in a person's name, as when their phone was stolen. Money still comes in."""
    with _register(config, database) as register:
        person = _found(register, who)
        changed = register.lock(person.owner, _given(reason))
    print(f"{person.name} is locked" if changed else f"{person.name} was locked already")


@people.command("unlock")
def unlock(
    who: WhoArgument, reason: WhyOption = "", config: ConfigOption = None, database: DatabaseOption = None
) -> None:
    """Undo a lock and forget a person's wrong PINs, once you are sure that it is them who ask."""
    with operations_of(config, database) as operations:
        person = person_of(operations, who)
        forgot = operations.unlock(person.owner)
    with _register(config, database) as register:
        changed = register.unlock(person.owner, reason)
    print(f"{person.name} may enter their PIN again" if changed or forgot else f"{person.name} was not locked")


@people.command("forget")
def forget(who: WhoArgument, reason: WhyOption, config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """Close an empty account for good, and erase what is known of its person; what moved stays in the books."""
    with _register(config, database) as register:
        person = _found(register, who)
        register.forget(person.owner, _given(reason))
    print(f"{person.name} is forgotten; what moved stays as {person.owner}")


def _found(register: Register, who: str) -> Holder:
    """The person whom the operator means."""
    with register.database.read() as connection:
        found = find(connection, who)
    if found.kind is not AccountKind.PERSON:
        raise ConfigError(f"{found.name} is no person")
    return found


def _given(reason: str) -> str:
    if not reason.strip():
        raise ConfigError("a reason is needed: whoever reads the audit later will ask")
    return reason


def _json(entry: Entry) -> str:
    return json.dumps(
        {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(entry).items()}
    )


@contextmanager
def _register(config: Path | None, database: Path | None) -> Iterator[Register]:
    settings = settings_of(config, database)
    with installation(config, database) as (opened, audit_key):
        yield Register(
            database=opened,
            clock=system_clock,
            audit_key=audit_key,
            keyring=Keyring.of(settings.keys),
            approves=settings.enrolment.level == "checked",
            language=settings.language,
        )


@contextmanager
def enrolment_of(settings: Settings) -> Iterator[Enrolment]:
    """Who adds people and charities to an installation."""
    opened = Database(settings.database)
    require_current(opened)
    hasher, audit_key = hasher_of(settings), bytes.fromhex(settings.keys.audit.get_secret_value())
    try:
        yield Enrolment(database=opened, clock=system_clock, hasher=hasher, audit_key=audit_key)
    finally:
        opened.close()


def _actor(identity: str, handle: str | None, name: str) -> Actor:
    parts = identity.split(":")
    known = {point.name for point in entry_points(group="botpay.adapters")} | {"console"}
    if len(parts) == 3 and parts[0] not in known:
        raise ConfigError(f"--identity {identity!r}: there is no adapter {parts[0]!r}, only {', '.join(sorted(known))}")
    if len(parts) != 3 or not all(parts):
        raise ConfigError(f"--identity {identity!r} must be ADAPTER:TENANT:ID, such as telegram:main:123456789")
    return Actor(parts[0], parts[1], parts[2], handle=handle and handle.removeprefix("@"), name=name)

"""`botpay person` and `botpay charity`: who is there. Today the operator enrols people by hand."""

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import Annotated

import typer

from botpay.cli.booking import money_of, operations_of, person_of
from botpay.cli.common import ConfigOption, DatabaseOption, settings_of
from botpay.cli.ledger import WhoArgument
from botpay.clock import system_clock
from botpay.config import Settings
from botpay.confirm.hashing import hasher_of
from botpay.database import Database
from botpay.enrolment import Enrolment
from botpay.errors import ConfigError
from botpay.message import Actor, SecretText
from botpay.migrations import require_current
from botpay.replies import LANGUAGES

people = typer.Typer(help="Add people, unlock them.", no_args_is_help=True)
charities = typer.Typer(help="Add charities.", no_args_is_help=True)


@people.callback()
def _people() -> None:
    """Add people, unlock them."""


@charities.callback()
def _charities() -> None:
    """Add charities."""


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
    with _enrolment(settings) as enrolment:
        person = enrolment.add_person(name, language, pin, actors, country=country or admitted[0])
        if amount:
            enrolment.fund(person.id, amount, "first funding")
    print(f"added {name} as {person.id}")


@people.command("unlock")
def unlock(who: WhoArgument, config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """Forget a person's wrong PINs, once you are sure that it is them who ask."""
    with operations_of(config, database) as operations:
        person = person_of(operations, who)
        changed = operations.unlock(person.owner)
    print(f"{person.name} may enter their PIN again" if changed else f"{person.name} was not locked")


@charities.command("add")
def add_charity(
    name: Annotated[str, typer.Argument(help="The legal name.")],
    tag: Annotated[str, typer.Argument(help="Its hashtag.")],
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Add a charity with the hashtag that leads to it."""
    with _enrolment(settings_of(config, database)) as enrolment:
        charity = enrolment.add_charity(name, tag)
    print(f"added {charity.name} as #{charity.tag}")


@contextmanager
def _enrolment(settings: Settings) -> Iterator[Enrolment]:
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

"""`botpay outbox`: letters that wait or could not be delivered."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from botpay.cli.common import ConfigOption, DatabaseOption, installation, settings_of
from botpay.clock import system_clock
from botpay.errors import ConfigError
from botpay.outbox.model import Fate
from botpay.outbox_desk import Entry, OutboxDesk, Retried
from botpay.sealing import Keyring

app = typer.Typer(help="Letters that wait or could not be delivered: see, retry, drop them.", no_args_is_help=True)

_SHOWN_OF_DIGEST = 8

AdapterOption = Annotated[str | None, typer.Option("--adapter", help="Only those of this adapter.")]


@app.callback()
def _family() -> None:
    """Letters that wait or could not be delivered: see, retry, drop them."""


@app.command("list")
def list_(
    fate: Annotated[Fate | None, typer.Option("--fate", help="Only those that wait (queued) or are dead.")] = None,
    adapter: AdapterOption = None,
    error: Annotated[str | None, typer.Option("--error", help="Only those whose last error was of this kind.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """What waits and what is dead, the oldest first; never what it says, or to whom."""
    with outbox_desk(config, database) as desk:
        entries = desk.entries(fate, adapter, error)
    if as_json:
        for entry in entries:
            print(json.dumps(_dict(entry)))
        return
    table = Table("id", "where", "to", "fate", "tries", "age", "last error", box=None)
    for entry in entries:
        to = f"{entry.kind or 'sealed'} {entry.to[:_SHOWN_OF_DIGEST]}"
        table.add_row(entry.id, entry.where, to, entry.fate, str(entry.tries), _rounded(entry.age), entry.error or "-")
    Console(highlight=False, soft_wrap=True, markup=False).print(table)


@app.command()
def retry(
    letter: Annotated[str | None, typer.Argument(metavar="[ID]", help="A dead letter.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All dead letters.")] = False,
    adapter: AdapterOption = None,
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Send dead letters again, behind what waits for the same person or chat, unless that is out of date."""
    if (letter is None) != all_ or (adapter and not all_):
        raise ConfigError("name either one letter, or --all, with --adapter if only one platform was down")
    with outbox_desk(config, database) as desk:
        _tell(desk.retry_all(adapter) if letter is None else desk.retry(letter))


@app.command()
def drop(
    letter: Annotated[str, typer.Argument(metavar="ID", help="A letter that waits or is dead.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the audit.")],
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Wipe a letter: it is not sent any more."""
    with outbox_desk(config, database) as desk:
        desk.drop(letter, reason)
    print("dropped")


@contextmanager
def outbox_desk(config: ConfigOption, database: DatabaseOption) -> Iterator[OutboxDesk]:
    """The desk of an installation."""
    keyring = Keyring.of(settings_of(config, database).keys)
    with installation(config, database) as (opened, audit_key):
        yield OutboxDesk(database=opened, clock=system_clock, keyring=keyring, audit_key=audit_key)


def _tell(done: Retried) -> None:
    print(f"{len(done.queued)} queued again")
    if done.superseded:
        print(f"{len(done.superseded)} superseded: something later was said instead, or what they ask is over")
    if done.sealed:
        print(f"{len(done.sealed)} left as they are: no key that is here opens them (`botpay keys list`)")


def _dict(entry: Entry) -> dict[str, object]:
    return {
        "id": entry.id,
        "where": entry.where,
        "kind": entry.kind,
        "to": entry.to,
        "fate": entry.fate,
        "tries": entry.tries,
        "age_seconds": int(entry.age.total_seconds()),
        "error": entry.error,
    }


def _rounded(age: timedelta) -> str:
    """An age in its largest unit."""
    seconds = int(age.total_seconds())
    units = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    return next(f"{seconds // size} {name}" for size, name in units if seconds >= size or size == 1)

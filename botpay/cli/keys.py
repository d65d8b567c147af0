"""`botpay keys`: which keys sealed what, and a change of keys. Nothing here prints a key, only what keys are called."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from botpay.cli.common import ConfigOption, DatabaseOption, installation, settings_of
from botpay.clock import system_clock
from botpay.config import Keys
from botpay.rotation import Census, Rotation
from botpay.sealing import Keyring, key_id

app = typer.Typer(help="See and change the key of the data.", no_args_is_help=True)

_WIDE = 140
_STILL_NEEDED = "still needed: run `botpay keys rotate`"
_NO_LONGER = "no longer needed: remove it from the settings, and keep it with the backups that it opens"
_NOT_HERE = "NOT HERE: put it back into [keys.old_data], what it sealed cannot be read"


@app.callback()
def _family() -> None:
    """See and change the key of the data."""


@app.command("list")
def list_(config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """Which keys of the data there are, how much each of them sealed, and which can be removed."""
    with _rotation(config, database) as (rotation, keys):
        _show(keys, rotation.census())


@app.command()
def rotate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    config: ConfigOption = None,
    database: DatabaseOption = None,
) -> None:
    """Seal anew with the current key what an old one sealed; the bot may run, and this may be interrupted."""
    with _rotation(config, database) as (rotation, keys):
        current = rotation.keyring.current.hex()
        old = _beside(current, rotation.census())
        if dry_run:
            print(f"{old} values would be sealed anew with {current}: nothing was changed")
        else:
            print(f"{_run(rotation, old)} values were sealed anew with {current}")
        left = rotation.census()
        _show(keys, left)
    if not dry_run and (missed := _beside(current, left)):
        print(f"{missed} values are still sealed with another key")
        raise typer.Exit(1)


@contextmanager
def _rotation(config: ConfigOption, database: DatabaseOption) -> Iterator[tuple[Rotation, Keys]]:
    keys = settings_of(config, database).keys
    with installation(config, database) as (opened, audit_key):
        yield Rotation(database=opened, clock=system_clock, keyring=Keyring.of(keys), audit_key=audit_key), keys


def _run(rotation: Rotation, total: int) -> int:
    """Seal anew; how far it is stands on standard error, if that is a terminal."""
    screen = Console(stderr=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as progress:
        task = progress.add_task("sealing anew", total=total)
        return rotation.run(lambda done: progress.advance(task, done))


def _beside(current: str, found: Census) -> int:
    """How many values another key than the current one sealed."""
    return sum(sum(counts.values()) for key, counts in found.items() if key != current)


def _show(keys: Keys, found: Census) -> None:
    names = {_id(keys.data.get_secret_value()): "data"}
    names |= {_id(key.get_secret_value()): f"old_data.{name}" for name, key in keys.old_data.items()}
    table = Table("Key", "Setting", "Sealed", "", title="Keys of the data", title_justify="left")
    for key in [*names, *sorted(set(found) - set(names))]:
        counts = found.get(key, Counter())
        sealed = "\n".join(f"{count} {column}" for column, count in sorted(counts.items())) or "nothing"
        table.add_row(key, Text(names.get(key, "")), sealed, Text(_what_to_do(names.get(key), bool(counts))))
    screen = Console(highlight=False)
    (screen if screen.is_terminal else Console(highlight=False, width=_WIDE)).print(table)


def _what_to_do(setting: str | None, needed: bool) -> str:
    match setting:
        case None:
            return _NOT_HERE
        case "data":
            return "seals what is new"
        case _:
            return _STILL_NEEDED if needed else _NO_LONGER


def _id(key: str) -> str:
    return key_id(bytes.fromhex(key)).hex()

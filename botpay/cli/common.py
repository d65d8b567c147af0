"""What several commands share: which installation is meant."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from botpay.config import Keys, Settings, load
from botpay.database import Database
from botpay.errors import ConfigError
from botpay.migrations import require_current

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="The installation's botpay.toml; by default the one in this folder.")
]
DatabaseOption = Annotated[
    Path | None,
    typer.Option(
        "--database", help="Instead of a configuration: an SQLite file, with its keys in FILE.keys beside it."
    ),
]


def settings_of(config: Path | None, database: Path | None) -> Settings:
    """The settings of an installation, by its configuration or by its database file alone."""
    if database is None:
        return load(config)
    if config is not None:
        raise ConfigError("name either --config or --database, not both")
    if not database.exists():
        raise ConfigError(f"there is no database at {database}; `botpay demo --database {database}` makes one")
    if not _keys_file(database).exists():
        raise ConfigError(
            f"there is no {_keys_file(database)}: if this database has a botpay.toml, name that with --config"
        )
    return Settings(database=f"sqlite:///{database}", keys=keys_beside(database))


@contextmanager
def installation(config: Path | None, database: Path | None) -> Iterator[tuple[Database, bytes]]:
    """The database of an installation, if its schema is current, and the key of its audit."""
    settings = settings_of(config, database)
    opened = Database(settings.database)
    try:
        require_current(opened)
        yield opened, bytes.fromhex(settings.keys.audit.get_secret_value())
    finally:
        opened.close()


def keys_beside(database: Path) -> Keys:
    """The keys of a database file, made at first use in a file that its owner alone can read."""
    path = _keys_file(database)
    if not path.exists():
        keys = Keys.fresh()
        path.touch(mode=0o600)
        path.write_text("".join(f"{name} = {_plain(keys, name)}\n" for name in Keys.names()), encoding="ascii")
        return keys
    lines = (line.partition("=") for line in path.read_text(encoding="ascii").splitlines())
    try:
        return Keys.model_validate({name.strip(): value.strip() for name, _, value in lines})
    except ValueError:
        raise ConfigError(f"{path} does not hold the three keys of its database") from None


def _keys_file(database: Path) -> Path:
    return database.with_name(f"{database.name}.keys")


def _plain(keys: Keys, name: str) -> str:
    key: object = getattr(keys, name)
    return key.get_secret_value()  # type: ignore[attr-defined, no-any-return]

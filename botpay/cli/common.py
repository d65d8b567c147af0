"""What several commands share: which installation is meant."""

from pathlib import Path
from typing import Annotated

import typer

from botpay.config import Keys, Settings, load
from botpay.errors import ConfigError

DEFAULT_CONFIG = Path("botpay.toml")

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
        return load(config or DEFAULT_CONFIG)
    if config is not None:
        raise ConfigError("name either --config or --database, not both")
    if not database.exists():
        raise ConfigError(f"there is no database at {database}; `botpay demo --database {database}` makes one")
    return Settings(database=f"sqlite:///{database}", keys=keys_beside(database))


def keys_beside(database: Path) -> Keys:
    """The keys of a database file, made at first use in a file that its owner alone can read."""
    path = database.with_name(f"{database.name}.keys")
    if not path.exists():
        keys = Keys.fresh()
        path.touch(mode=0o600)
        path.write_text("".join(f"{name} = {_plain(keys, name)}\n" for name in Keys.model_fields), encoding="ascii")
        return keys
    lines = (line.partition("=") for line in path.read_text(encoding="ascii").splitlines())
    try:
        return Keys.model_validate({name.strip(): value.strip() for name, _, value in lines})
    except ValueError:
        raise ConfigError(f"{path} does not hold the three keys of its database") from None


def _plain(keys: Keys, name: str) -> str:
    key: object = getattr(keys, name)
    return key.get_secret_value()  # type: ignore[attr-defined, no-any-return]

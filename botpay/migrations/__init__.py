"""The database's schema, step by step (Alembic). A test holds that the steps and the tables in the code agree."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from botpay.database import Database
from botpay.errors import ConfigError
from botpay.sealing import Keyring


def upgrade(database: Database, revision: str = "head", *, keyring: Keyring | None = None) -> None:
    """Bring the schema up to a revision, in one transaction.

    Args:
        keyring: seals what older versions kept in the clear; not needed where there is nothing yet.

    Raises `ConfigError` if a step needs the keys and has none, or if a newer botpay made this schema.
    """
    config = _config()
    needed = _newest()
    with database.write() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        if found is not None and found > needed:
            raise _too_new(found, needed)
        if not database.is_sqlite:
            connection.exec_driver_sql("set local statement_timeout = 0")
        config.attributes |= {"connection": connection, "keyring": keyring}
        command.upgrade(config, revision)


def require_current(database: Database) -> None:
    """Raise `ConfigError` if the schema is not the one that this version of botpay needs. Makes no file."""
    file = database.engine.url.database
    if database.is_sqlite and file and not Path(file).exists():
        raise ConfigError(f"there is no database at {file}: run `botpay upgrade` to make it")
    with database.read() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    needed = _newest()
    if found is not None and found > needed:
        raise _too_new(found, needed)
    if found != needed:
        state = "is empty" if found is None else f"has schema {found}"
        raise ConfigError(f"the database {state}, this botpay needs {needed}: run `botpay upgrade`")


def _newest() -> str:
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def _too_new(found: str, needed: str) -> ConfigError:
    return ConfigError(
        f"the database has schema {found}, this botpay knows {needed} at most: install the botpay that upgraded it"
    )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config

"""The contract of a ledger, on both databases."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from botpay import migrations
from botpay.database import Database
from botpay.testing.ledger_contract import LedgerContract
from botpay.testing.postgres import migrated_database


@pytest.fixture(scope="module")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the current schema, to copy from."""
    path = tmp_path_factory.mktemp("contract") / "empty.sqlite"
    database = Database(f"sqlite:///{path}")
    migrations.upgrade(database)
    database.close()
    return path


class TestOnSQLite(LedgerContract):
    """SQLite: one file, one writer at a time."""

    @pytest.fixture
    def url(self, migrated_file: Path, tmp_path: Path) -> str:
        """A copy of the empty file."""
        shutil.copy(migrated_file, tmp_path / "ledger.sqlite")
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"


class TestOnPostgreSQL(LedgerContract):
    """PostgreSQL: several processes at once."""

    @pytest.fixture
    def url(self) -> Iterator[str]:
        """A database of its own."""
        with migrated_database() as url:
            yield url


@pytest.mark.long
class TestLongOnSQLite(TestOnSQLite):
    """The same with many rounds."""

    rounds = 1000


@pytest.mark.long
class TestLongOnPostgreSQL(TestOnPostgreSQL):
    """The same with many rounds."""

    rounds = 1000

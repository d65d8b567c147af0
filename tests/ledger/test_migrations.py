"""The schema's steps: they lead to just the tables of the code, are taken once, and must have been."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from botpay import migrations
from botpay.database import Database
from botpay.errors import ConfigError
from botpay.tables import metadata


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    database = Database(f"sqlite:///{tmp_path / 'steps.sqlite'}")
    yield database
    database.close()


def schema(database: Database) -> list[tuple[str, str]]:
    """Everything in the schema, by name, with spaces made even."""
    with database.read() as connection:
        found = connection.execute(text("select name, sql from sqlite_master where sql is not null order by name"))
        return [(name, " ".join(sql.split())) for name, sql in found]


def test_the_steps_and_the_tables_agree(database: Database) -> None:
    """A database made by the steps has the tables, columns, types, indexes and keys of the code."""
    migrations.upgrade(database)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_the_steps_and_the_tables_have_the_same_checks(database: Database, tmp_path: Path) -> None:
    """A database made by the steps and one made from the tables refuse the same rows: columns and CHECKs are equal."""
    migrations.upgrade(database)
    direct = Database(f"sqlite:///{tmp_path / 'direct.sqlite'}")
    metadata.create_all(direct.engine)
    made, wanted = dict(schema(database)), dict(schema(direct))
    direct.close()
    for name, sql in wanted.items():
        assert _parts(made[name]) == _parts(sql), name


def test_an_empty_database_is_refused(database: Database) -> None:
    """Before its schema is made a database is not used, and the refusal says what to run."""
    with pytest.raises(ConfigError, match="run `botpay upgrade`"):
        migrations.require_current(database)
    migrations.upgrade(database)
    migrations.require_current(database)


def test_another_schema_is_refused(database: Database) -> None:
    """A database of another version is not used; the refusal names both versions and what to run."""
    migrations.upgrade(database)
    with database.write() as connection:
        connection.execute(text("update alembic_version set version_num = '0000'"))
    with pytest.raises(ConfigError, match=r"has schema 0000, this botpay needs \d{4}: run `botpay upgrade`"):
        migrations.require_current(database)


def test_the_schema_of_a_newer_botpay_is_refused(database: Database) -> None:
    """A database that a newer version upgraded is neither used nor upgraded: the refusal says what to install."""
    migrations.upgrade(database)
    with database.write() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    for use in (migrations.require_current, migrations.upgrade):
        with pytest.raises(ConfigError, match=r"has schema 9999, .* install the botpay that upgraded it"):
            use(database)


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    """An upgrade of a database that is current leaves it as it is."""
    migrations.upgrade(database)
    before = schema(database)
    migrations.upgrade(database)
    assert schema(database) == before
    assert len(before) > 20


def test_a_step_is_taken_whole_or_not_at_all(database: Database) -> None:
    """If a step fails in the middle, nothing of it stays and it can be taken again."""
    with database.write() as connection:
        connection.execute(text("create table pins (person_id text)"))  # in the way of the step
    before = schema(database)
    with pytest.raises(Exception, match="pins"):
        migrations.upgrade(database)
    assert schema(database) == before
    with database.write() as connection:
        connection.execute(text("drop table pins"))
    migrations.upgrade(database)
    migrations.require_current(database)


def _parts(sql: str) -> list[str]:
    """A CREATE statement as its clauses, whose order does not matter."""
    clauses, depth, last = [], 0, ""
    for char in sql.partition("(")[2].rpartition(")")[0]:
        depth += (char == "(") - (char == ")")
        if char == "," and not depth:
            clauses.append(last.strip())
            last = ""
        else:
            last += char
    return sorted([*clauses, last.strip()])

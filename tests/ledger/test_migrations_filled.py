"""The schema's steps on a database that is full of a past: nothing is lost, and everything still verifies.

`filled/schema_0001.json` holds the rows of a town under the first schema: payments that were posted, cancelled, expired
and still wait, a wrong PIN, a donation, money paid out, somebody frozen, letters, and a message kept after a fault.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Connection, MetaData, text

from botpay import migrations, proof
from botpay.database import Database
from botpay.testing.postgres import scratch_database, server_url
from tests.conftest import AUDIT_KEY, KEYRING

PAST: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "filled" / "schema_0001.json").read_text(encoding="utf-8")
)
_FIRST = ("people", "charities", "accounts", "transfers")
"""Tables that others refer to."""


@pytest.fixture(params=["sqlite", "postgresql"])
def past(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database at the first schema with the rows of the past in it."""
    if request.param == "sqlite":
        yield from _filled(f"sqlite:///{tmp_path / 'past.sqlite'}")
    else:
        with scratch_database(server_url()) as url:
            yield from _filled(url.render_as_string(hide_password=False))


def _filled(url: str) -> Iterator[Database]:
    database = Database(url)
    migrations.upgrade(database, "0001")
    with database.write() as connection:
        there = MetaData()
        there.reflect(connection)
        for name in sorted(PAST, key=lambda name: (*_FIRST, name).index(name)):
            flags = {column.name for column in there.tables[name].columns if isinstance(column.type, Boolean)}
            for row in PAST[name]:
                _insert(connection, name, {key: _read(value, key in flags) for key, value in row.items()})
        if not database.is_sqlite:  # rows came with numbers of their own
            for name, key in (("accounts", "id"), ("outbound", "seq")):
                connection.execute(text(f"select setval(pg_get_serial_sequence('{name}', '{key}'), 1000)"))
    yield database
    database.close()


def _insert(connection: Connection, table: str, row: dict[str, Any]) -> None:
    names = ", ".join(f'"{name}"' for name in row)
    connection.execute(text(f"insert into {table} ({names}) values (:{', :'.join(row)})"), row)


def _read(value: Any, is_flag: bool) -> Any:
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    return bool(value) if is_flag else value


def test_a_full_database_goes_up_all_steps(past: Database) -> None:
    """From the first schema to the newest: every row is still there, and balances, audit and all verify."""
    migrations.upgrade(past, keyring=KEYRING)
    migrations.require_current(past)
    with past.read() as connection:
        problems = [problem for _, step in proof.steps(connection, AUDIT_KEY) for problem in step]
        found = {name: connection.execute(text(f"select count(*) from {name}")).scalar_one() for name in PAST}
    assert problems == []
    assert found == {name: len(rows) for name, rows in PAST.items()}


def test_a_row_bent_before_the_steps_is_found_after_them(past: Database) -> None:
    """The steps do not launder: what was changed by hand under the first schema does not verify under the newest."""
    with past.write() as connection:
        off = "drop trigger transfers_refuse_1" if past.is_sqlite else "alter table transfers disable trigger user"
        connection.execute(text(off))
        connection.execute(text("update transfers set reason = 'a present' where reason = 'gift'"))
    migrations.upgrade(past, keyring=KEYRING)
    with past.read() as connection:
        problems = [problem for _, step in proof.steps(connection, AUDIT_KEY) for problem in step]
    assert [problem for problem in problems if problem.startswith("transfers: the rows of batch")]

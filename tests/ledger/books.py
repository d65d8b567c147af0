"""What tests of the operator's commands start from: the command line on a town's database, and a hand that tampers."""

import contextlib
import sqlite3
from pathlib import Path

from typer.testing import CliRunner, Result

from botpay.cli import app
from tests.conftest import AUDIT_KEY, DATA_KEY, PEPPER, Town


def path_of(town: Town) -> Path:
    """The town's file, with its keys beside it as the command line looks for them."""
    path = Path(str(town.database.engine.url.database))
    keys = {"pepper": PEPPER, "audit": AUDIT_KEY, "data": DATA_KEY}
    lines = "".join(f"{name} = {key.hex()}\n" for name, key in keys.items())
    path.with_name(f"{path.name}.keys").write_text(lines, encoding="ascii")
    return path


def run(town: Town, *words: str, given: str | None = None) -> Result:
    """One command of `botpay` on the town's database, and what it is given on standard input."""
    return CliRunner().invoke(app, [*words, "--database", str(path_of(town))], input=given)


def printed(town: Town, *words: str, given: str | None = None) -> str:
    """What a command prints that must succeed."""
    result = run(town, *words, given=given)
    assert result.exit_code == 0, result.output
    return result.stdout


def tamper(town: Town, *statements: str) -> None:
    """Change rows as somebody who can write to the file would: triggers dropped, keys and checks off."""
    with contextlib.closing(sqlite3.connect(path_of(town), isolation_level=None)) as raw:
        raw.execute("pragma ignore_check_constraints = on")
        for (name,) in raw.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            raw.execute(f"drop trigger {name}")
        for statement in statements:
            assert raw.execute(statement).rowcount >= 1, statement

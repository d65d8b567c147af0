"""What to measure a ledger against, on the same machine in the same minute, just as durable."""

import os
import re
import sqlite3
import subprocess
import time
from pathlib import Path

from sqlalchemy import URL

from botpay.errors import ConfigError
from botpay.testing.postgres import program

_SCALE, _CLIENTS, _THREADS = 10, 8, 2


class TpcB:
    """pgbench's TPC-B-like transactions on a scratch database: scale 10, 8 clients, 2 threads, prepared."""

    name = f"pgbench TPC-B -s {_SCALE} -c {_CLIENTS} -j {_THREADS} -M prepared"

    def __init__(self, url: URL) -> None:
        self._url = url
        self._run("-i", "-q", "-s", str(_SCALE))

    def per_second(self, seconds: float) -> float:
        """Transactions a second."""
        length = str(max(1, round(seconds)))
        said = self._run("-M", "prepared", "-c", str(_CLIENTS), "-j", str(_THREADS), "-T", length)
        found = re.search(r"tps = ([\d.]+)", said)
        if found is None:
            raise ConfigError("pgbench did not say how fast it was")
        return float(found[1])

    def _run(self, *options: str) -> str:
        url = self._url
        place = {"PGHOST": url.query.get("host") or url.host, "PGPORT": url.query.get("port") or url.port}
        place |= {"PGUSER": url.username, "PGPASSWORD": url.password, "PGDATABASE": url.database}
        named = {name: str(value) for name, value in place.items() if value}
        command = [str(program("pgbench")), *options]
        done = subprocess.run(command, env={**os.environ, **named}, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise ConfigError(f"pgbench failed: {done.stderr.strip().splitlines()[-1]}")
        return done.stdout


class BareSqlite:
    """A loop on sqlite3 that only writes a ledger's rows, one transaction for the reserve and one for the post."""

    name = "bare sqlite3, one transaction a phase"

    def __init__(self, path: Path) -> None:
        self._path = path

    def per_second(self, seconds: float) -> float:
        """Payments a second."""
        connection = sqlite3.connect(self._path, isolation_level=None)
        for statement in _SCHEMA:
            connection.execute(statement)
        (number,) = connection.execute("SELECT count(*) FROM transfer").fetchone()
        first, started = number, time.perf_counter()
        while time.perf_counter() - started < seconds:
            number += 1
            for statements in _PAYMENT:
                connection.execute("BEGIN IMMEDIATE")
                for statement in statements:
                    connection.execute(statement, {"id": number, "amount": 1})
                connection.execute("COMMIT")
        elapsed = time.perf_counter() - started
        connection.close()
        return float((number - first) / elapsed)


_SCHEMA = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "CREATE TABLE IF NOT EXISTS account "
    "(id INTEGER PRIMARY KEY, held INTEGER, balance INTEGER, CHECK (balance >= held))",
    "CREATE TABLE IF NOT EXISTS transfer "
    "(id INTEGER, kind TEXT, amount INTEGER NOT NULL, PRIMARY KEY (id, kind)) WITHOUT ROWID",
    "INSERT OR IGNORE INTO account VALUES (1, 0, 1000000000), (2, 0, 0)",
)
_PAYMENT = (
    (
        "UPDATE account SET held = held + :amount WHERE id = 1",
        "INSERT INTO transfer VALUES (:id, 'reserve', :amount)",
    ),
    (
        "UPDATE account SET held = held - :amount, balance = balance - :amount WHERE id = 1",
        "UPDATE account SET balance = balance + :amount WHERE id = 2",
        "INSERT INTO transfer VALUES (:id, 'post', :amount)",
    ),
)

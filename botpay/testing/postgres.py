"""A private PostgreSQL for tests and benches: started by whoever needs it, seen by nobody else, gone at the end.

BOTPAY_TEST_POSTGRES_URL names a server that is there already (its user must be allowed to create databases); else the
server's programs are found on the PATH or where Debian puts them. PostgreSQL refuses to run as root, so under root it
runs as the user `postgres`, or else `nobody`.
"""

import atexit
import contextlib
import functools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import URL, create_engine, make_url

from botpay import migrations
from botpay.database import Database
from botpay.errors import ConfigError

_DEBIAN = "/usr/lib/postgresql"
_QUICK = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
_PATIENCE_SECONDS = 60


def program(name: str) -> Path:
    """Where a program of PostgreSQL is ("initdb", "pgbench"). Raises `ConfigError` that says what to install."""
    newest_first = sorted(Path(_DEBIAN).glob(f"*/bin/{name}"), key=lambda path: -float(path.parts[-3]))
    on_path = shutil.which(name)
    if newest_first or on_path:
        return newest_first[0] if newest_first else Path(on_path or "")
    raise ConfigError(
        f"PostgreSQL's {name} was not found: install it (Debian and Ubuntu: apt-get install postgresql), "
        "or let BOTPAY_TEST_POSTGRES_URL name a server"
    )


class PrivateServer:
    """A PostgreSQL server of one's own, in a temporary folder, on a socket there and a free loopback port.

    Args:
        durable: with the settings of a fresh installation, fsync on; by default it trades safety for speed.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="botpay-pg-"))
        self._folder.chmod(0o755)
        self._data = self._folder / "data"
        self._data.mkdir()
        self._user = _unprivileged()
        if self._user:
            for path in (self._folder, self._data):
                os.chown(path, self._user.pw_uid, self._user.pw_gid)
        self._run(program("initdb"), "-D", self._data, "-U", "botpay", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        self.port = _free_port()
        options = ["-c", "listen_addresses=127.0.0.1", "-p", str(self.port), "-k", str(self._folder)]
        options += [] if durable else _QUICK
        log = self._folder / "log"
        self._run(program("pg_ctl"), "-D", self._data, "-w", "-l", log, "-o", " ".join(options), "start")

    @property
    def url(self) -> URL:
        """Its maintenance database, over the socket."""
        return URL.create("postgresql+psycopg", "botpay", database="postgres", query=self._place)

    @property
    def _place(self) -> dict[str, str]:
        return {"host": str(self._folder), "port": str(self.port)}

    def stop(self) -> None:
        """End it, and remove all that it wrote."""
        with contextlib.suppress(subprocess.SubprocessError):
            self._run(program("pg_ctl"), "-D", self._data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, *command: Path | str) -> None:
        user = self._user
        done = subprocess.run(  # noqa: S603 - our own words
            [str(word) for word in command],
            cwd=self._folder,
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(self._folder), "LC_ALL": "C"},
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
            timeout=_PATIENCE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            raise ConfigError(f"{Path(str(command[0])).name} failed: {done.stderr.strip()}")


@functools.cache
def server_url() -> URL:
    """The server for this process's tests: the one that is named, else a private one until the process ends."""
    if named := os.environ.get("BOTPAY_TEST_POSTGRES_URL"):
        return make_url(named).set(drivername="postgresql+psycopg")
    server = PrivateServer()
    atexit.register(server.stop)
    return server.url


@contextlib.contextmanager
def scratch_database(server: URL, template: str | None = None) -> Iterator[URL]:
    """A new database on a server, gone afterwards; a copy of `template` if one is named."""
    name = f"botpay_{uuid.uuid4().hex}"
    copied = f' template "{template}"' if template else ""
    _administer(server, f'create database "{name}"{copied}')
    try:
        yield server.set(database=name)
    finally:
        _administer(server, f'drop database if exists "{name}" with (force)')


@functools.cache
def migrated() -> str:
    """A database with the current schema on `server_url`, to copy from: that takes a tenth of making another."""
    template = contextlib.ExitStack()
    url = template.enter_context(scratch_database(server_url()))
    atexit.register(template.close)
    database = Database(url.render_as_string(hide_password=False))
    migrations.upgrade(database)
    database.close()
    return str(url.database)


@contextlib.contextmanager
def migrated_database() -> Iterator[str]:
    """The URL of a new database with the current schema, gone afterwards."""
    with scratch_database(server_url(), migrated()) as url:
        yield url.render_as_string(hide_password=False)


def _administer(server: URL, statement: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom to run the server as, if we are root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ConfigError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port

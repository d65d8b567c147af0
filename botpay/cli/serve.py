"""`botpay serve`, `upgrade` and `doctor`: running an installation."""

import asyncio
import contextlib
import fcntl
import logging
import signal
import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import IO

import structlog
import typer

from botpay import keyfiles, migrations
from botpay.adapters.base import Adapter
from botpay.app import Application, channel_of, lent_to
from botpay.cli.common import ConfigOption, DatabaseOption, settings_of
from botpay.cli.loading import load_adapters
from botpay.clock import minute_as_time, system_clock
from botpay.config import DEFAULT_CONFIG, Settings
from botpay.confirm.guesses import count_of_day
from botpay.confirm.guessing import EVERYBODY, REFUSED
from botpay.confirm.hashing import measured
from botpay.confirm.pin import pepper_id
from botpay.confirm.store import count_peppers
from botpay.database import Database
from botpay.errors import BotpayError, ConfigError
from botpay.outbox.kept import count_dead
from botpay.rotation import census
from botpay.sealing import Keyring

log = structlog.get_logger(__name__)


def serve(config: ConfigOption = None) -> None:
    """Run adapters, web, outbox and expiry until SIGTERM; then finish what is under way."""
    _log_ids_and_codes()
    asyncio.run(_serve(settings_of(config, None)))


def upgrade(config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """Bring the database to the schema that this version needs."""
    settings = settings_of(config, database)
    opened = Database(settings.database)
    migrations.upgrade(opened, keyring=Keyring.of(settings.keys))
    where = opened.engine.url.database
    opened.close()
    print(f"{where} has the current schema")


def doctor(config: ConfigOption = None) -> None:
    """Say what is wrong with the configuration, and how to mend it; exit 1 if anything is."""
    settings = settings_of(config, None)
    cost = measured(settings)
    print(cost)
    wrong = [
        *cost.troubles(),
        *_file_troubles(config or DEFAULT_CONFIG),
        *keyfiles.troubles(settings.keys.files),
        *_database_troubles(settings),
        *settings.limit_troubles(),
        *settings.enrolment_troubles(),
        *asyncio.run(_channel_troubles(settings)),
        *asyncio.run(_adapter_troubles(settings)),
    ]
    for trouble in wrong:
        print(f"- {trouble}")
    if wrong:
        raise typer.Exit(1)
    print("all is well")


async def _serve(settings: Settings) -> None:
    adapters = load_adapters(settings)
    if not adapters:
        raise ConfigError("no adapter is configured: add a section such as [adapters.telegram], as the README shows")
    application = Application(settings, adapters)
    lock = _alone_on(application.database)
    stopping = asyncio.Event()
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_, stopping.set)
    try:
        base_url = await application.start_core()
        if await _started(application, stopping):
            log.info("serving", adapters=[adapter.name for adapter in adapters], web=base_url)
            await stopping.wait()
            log.info("stopping")
    finally:
        await application.stop()
        lock.close()


def _alone_on(database: Database) -> IO[str]:
    """Holds an SQLite database for this process: of two that serve it, each would miss what the other polled."""
    file = database.engine.url.database
    if not database.is_sqlite or not file:
        return StringIO()
    lock = Path(f"{file}.lock").open("w", encoding="ascii")  # noqa: SIM115 - held as long as the process serves
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise ConfigError(f"another botpay serves {file}: stop that one first") from None
    return lock


async def _started(application: Application, stopping: asyncio.Event) -> bool:
    """Whether the adapters started before somebody asked to stop."""
    starting, stopped = asyncio.create_task(application.start_adapters()), asyncio.create_task(stopping.wait())
    await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if starting.done():
        await starting
        return True
    starting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await starting
    return False


def _file_troubles(config: Path) -> Sequence[str]:
    if config.exists() and config.stat().st_mode & 0o077:
        return [f"{config} holds secrets and others on this machine may read it: chmod 600 {config}"]
    return []


def _database_troubles(settings: Settings) -> Sequence[str]:
    opened = Database(settings.database)
    try:
        migrations.require_current(opened)
        return [
            *_pepper_troubles(opened, settings),
            *_key_troubles(opened, settings),
            *_guess_troubles(opened),
            *_outbox_troubles(opened),
        ]
    except BotpayError as error:
        return [str(error)]
    finally:
        opened.close()


def _pepper_troubles(database: Database, settings: Settings) -> Sequence[str]:
    """PINs that nobody can enter any more, because the pepper that they were hashed with is not in the settings."""
    keys = settings.keys
    known = {pepper_id(bytes.fromhex(k.get_secret_value())) for k in (keys.pepper, *keys.old_peppers.values())}
    with database.read() as connection:
        counted = count_peppers(connection)
    return [
        f"{count} PINs were hashed with pepper {name}, which is none of [keys]: put it into [keys.old_peppers]"
        for name, count in counted.items()
        if name not in known
    ]


def _outbox_troubles(database: Database) -> Sequence[str]:
    """Letters that nobody got and that are not tried again by themselves."""
    with database.read() as connection:
        dead = count_dead(connection)
    return [f"letters that could not be delivered: {dead}; see `botpay outbox list --fate dead`"] if dead else []


def _key_troubles(database: Database, settings: Settings) -> Sequence[str]:
    """Values that nobody can read any more, unless a key is put back."""
    known = {key.hex() for key in Keyring.of(settings.keys).ids}
    with database.read() as connection:
        found = census(connection)
    return [
        f"{sum(counts.values())} values are sealed with key {key}, which is not here: put it into [keys.old_data]"
        for key, counts in sorted(found.items())
        if key not in known
    ]


def _guess_troubles(database: Database) -> Sequence[str]:
    """PINs that were not read within the last day, because too many others were wrong."""
    with database.read() as connection:
        counted = count_of_day(connection, database.now(connection, system_clock))
    refused, last = counted.get(REFUSED, (0, 0))
    if not refused:
        return []
    wrong, _ = counted.get(EVERYBODY, (0, 0))
    at = minute_as_time(last).isoformat(timespec="minutes")
    return [
        f"{wrong} PINs were wrong within a day, and {refused} were not read because of [guessing], last at {at}: find "
        "out who guesses, or raise [guessing] if nobody does"
    ]


async def _channel_troubles(settings: Settings) -> Sequence[str]:
    channel = channel_of(settings)
    return [f"mail: {trouble}" for trouble in await channel.check()] if channel else []


async def _adapter_troubles(settings: Settings) -> Sequence[str]:
    if not settings.adapters:
        return ["no adapter is configured: add a section such as [adapters.telegram], as the README shows"]
    found: list[str] = []
    database = Database(settings.database)
    for adapter in load_adapters(settings):
        adapter.meet(lent_to(adapter, settings, database))
        found += _confirming_troubles(adapter, settings)
        try:
            found += [f"{adapter.name}: {trouble}" for trouble in await adapter.check()]
        except BotpayError as error:
            found.append(f"{adapter.name}: {error}")
    database.close()
    return found


def _confirming_troubles(adapter: Adapter, settings: Settings) -> Sequence[str]:
    """Whether there is a way to enter a PIN: keys in the chat, the page, or typing it."""
    can = adapter.capabilities
    if can.buttons or can.typed_pin or settings.confirmation.typed_pin or settings.web.public_url:
        return []
    return [
        f"{adapter.name}: nobody could confirm a payment there: it has no buttons, so set [web] public_url for the "
        "page on which PINs are entered, or allow typed_pin"
    ]


def _log_ids_and_codes() -> None:
    """Structured lines on standard error, with ids and codes; libraries that log bodies or URLs are kept quiet."""
    logging.basicConfig(level=logging.WARNING)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )

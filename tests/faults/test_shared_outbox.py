"""Two real processes on one PostgreSQL share the outbox, and one takes over what the other was sending when it died."""

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from botpay.app import Application
from botpay.cli.common import keys_beside
from botpay.config import load
from botpay.message import Actor, SecretText
from botpay.testing.play import ALICE
from botpay.testing.postgres import migrated_database
from botpay.testing.webhook import FakePlatform
from botpay.testing.webhook.platform import SECRET
from botpay.testing.webhook.rig import message

_PATIENCE_SECONDS = 60
PEOPLE = [f"u-{number}" for number in range(8)]


@pytest.fixture
async def platform() -> AsyncIterator[FakePlatform]:
    """A platform that outlives the processes."""
    async with FakePlatform() as fake:
        yield fake


@asynccontextmanager
async def installation(folder: Path, platform: FakePlatform) -> AsyncIterator[Path]:
    """Eight people on PostgreSQL; gives the configuration of any number of processes."""
    config, keys = folder / "botpay.toml", keys_beside(folder / "none.sqlite")
    with migrated_database() as url:
        config.write_text(
            f'database = "{url}"\n[web]\nport = 0\n[enrolment]\nlevel = "demo"\n[keys]\n'
            + "".join(f'{name} = "{getattr(keys, name).get_secret_value()}"\n' for name in ("pepper", "audit", "data"))
            + f'[adapters.webhook.tenants.main]\nurl = "{platform.url}"\nsecrets = ["{SECRET}"]\n',
            encoding="utf-8",
        )
        application = Application(load(config), [])
        for who in PEOPLE:
            actor = Actor("webhook", "main", who, handle=who)
            application.enrolment.add_person(f"Person {who}", "fr", SecretText(ALICE.pin), [actor])
        application.database.close()
        yield config


@asynccontextmanager
async def served(config: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A `botpay serve`, and where it listens; killed at the end if it still runs."""
    command = [sys.executable, "-c", "from botpay.cli import main; main()", "serve", "--config", str(config)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while b'"serving"' not in (line := await process.stderr.readline()):
                assert line, "botpay serve ended"
        yield process, json.loads(line)["web"]
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def until(seen: Callable[[], bool]) -> None:
    """Wait until something can be seen."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not seen():  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.02)


async def asks(platform: FakePlatform, base_url: str, who: str, number: int) -> None:
    """Somebody asks for their balance, in private, through one of the processes."""
    platform.connect(base_url)
    author, chat = {"id": who, "handle": who}, {"id": who, "visibility": "private"}
    assert (await platform.tell(message("#solde", author=author, chat=chat), f"{who}-{number}"))[0] == 200


async def test_while_both_live_nothing_is_sent_twice(platform: FakePlatform, tmp_path: Path) -> None:
    """Eighty questions through two processes are eighty answers, each posted once."""
    async with installation(tmp_path, platform) as config, served(config) as (_, one), served(config) as (_, two):
        for number in range(10):
            for who in PEOPLE:
                await asks(platform, one if number % 2 else two, who, number)
        await until(lambda: len(platform.history) == 80)
        await asyncio.sleep(2)  # both look again at what waits, at least once
    assert set(Counter(platform.ids).values()) == {1}
    assert Counter(shown.to for shown in platform.history) == dict.fromkeys(PEOPLE, 10)


@pytest.mark.long
async def test_what_a_killed_process_was_sending_is_sent_by_the_other(platform: FakePlatform, tmp_path: Path) -> None:
    """A process that dies in the middle of a delivery leaves it to the other, which makes it when the lease ends."""
    async with installation(tmp_path, platform) as config, served(config) as (process, base_url):
        platform.holding = asyncio.Event()
        await asks(platform, base_url, "u-0", 1)
        await until(lambda: len(platform.ids) == 1)
        async with served(config):
            process.send_signal(signal.SIGKILL)
            await process.communicate()
            platform.holding.set()
            await until(lambda: len(platform.ids) == 2)
            await until(lambda: len(platform.history) == 1)
    assert len(set(platform.ids)) == 1

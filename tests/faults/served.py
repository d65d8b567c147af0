"""A real `botpay serve` in a process of its own, against a fake Telegram, to be killed."""

import asyncio
import signal
import sys
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Self

from botpay.app import Application
from botpay.audit import verify as audit
from botpay.cli.common import keys_beside
from botpay.config import load
from botpay.database import Database
from botpay.ledger import verify as ledger
from botpay.message import Actor, SecretText
from botpay.money import Money
from botpay.testing.play import ALICE, BOB, embedded
from botpay.testing.telegram import FakeMessage, FakeTelegram, FakeUser

_PATIENCE_SECONDS = 20


class Served:
    """An installation with alice and bob on a fake Telegram, run by `botpay serve`.

    Args:
        passes: the cost of checking a PIN; many, to have the time to kill a process while it checks.
        database: the URL of an empty database with the current schema; by default an SQLite file in the folder.
    """

    def __init__(
        self,
        folder: Path,
        telegram: FakeTelegram,
        *,
        passes: int = 2,
        confirm_within: int = 300,
        database: str | None = None,
    ) -> None:
        self.telegram = telegram
        self.alice, self.bob = (telegram.user(name, started=True) for name in ("alice", "bob"))
        self.group = telegram.group("amis", self.alice, self.bob)
        self.config = folder / "botpay.toml"
        keys = keys_beside(folder / "botpay.sqlite")
        self.config.write_text(
            f'database = "{database or f"sqlite:///{folder}/botpay.sqlite"}"\n'
            f"[keys]\n"
            + "".join(f'{name} = "{getattr(keys, name).get_secret_value()}"\n' for name in ("pepper", "audit", "data"))
            + f"[limits]\nconfirm_within_seconds = {confirm_within}\n"
            f'[enrolment]\nlevel = "demo"\n'
            f"[hashing]\npasses = {passes}\n"
            f'[adapters.telegram]\ntoken = "{telegram.token}"\nbase_url = "{telegram.base_url}"\n',
            encoding="utf-8",
        )
        if database is None:
            embedded(folder / "botpay.sqlite", keys)
        self._enrol()
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        """Leave no process behind, whatever the test saw."""
        if self._process is not None and self._process.returncode is None:
            await self.kill()

    def twin(self) -> "Served":
        """Another process of the same installation, to be started beside this one."""
        other = copy(self)
        other._process = None
        return other

    async def start(self) -> None:
        """Start a process and wait until it says that it serves."""
        command = [sys.executable, "-c", "from botpay.cli import main; main()", "serve", "--config", str(self.config)]
        self._process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        assert self._process.stderr is not None
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while b'"serving"' not in (line := await self._process.stderr.readline()):
                assert line, "botpay serve ended"

    async def kill(self) -> None:
        """End the process as a power cut would."""
        await self._end(signal.SIGKILL)

    async def terminate(self) -> int:
        """Ask the process to finish; its exit code."""
        return await self._end(signal.SIGTERM)

    async def until(self, seen: Callable[[], bool]) -> None:
        """Wait until something can be seen."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not seen():  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(0.02)

    async def command(self, text: str) -> FakeMessage:
        """Let alice write in the group, and wait for the prompt in her private chat."""
        before = len(self.alice.sees())
        await self.alice.say(self.group, text)
        await self.until(lambda: any(m.labels() for m in self.alice.sees()[before:]))
        return next(m for m in reversed(self.alice.sees()) if m.labels())

    async def tap(self, prompt: FakeMessage, pin: str) -> None:
        """Tap a PIN; returns when the bot has acknowledged the last tap."""
        for digit in pin:
            await self.alice.press(prompt, digit)
            await self.telegram.delivered()

    def told(self, user: FakeUser, words: str) -> int:
        """In how many messages a person now reads some words, in private."""
        return sum(words in message.text for message in user.sees())

    def balances(self) -> dict[str, tuple[int, int]]:
        """Available and held minor units by name."""
        database = Database(load(self.config).database)
        with database.read() as connection:
            rows = connection.exec_driver_sql(
                "select p.name, a.credits_posted - a.debits_posted - a.debits_pending, a.debits_pending "
                "from accounts a join people p "
                "on replace(cast(p.id as varchar), '-', '') = replace(cast(a.owner as varchar), '-', '')"
            )
            found = {row[0].split()[0].lower(): (row[1], row[2]) for row in rows}
        database.close()
        return found

    def problems(self) -> list[str]:
        """What `botpay ledger verify` would say."""
        settings = load(self.config)
        database = Database(settings.database)
        with database.read() as connection:
            key = bytes.fromhex(settings.keys.audit.get_secret_value())
            found = [*ledger.problems(connection), *audit.problems(connection, key)]
        database.close()
        return found

    def _enrol(self) -> None:
        application = Application(load(self.config), [])
        for resident, user in ((ALICE, self.alice), (BOB, self.bob)):
            actor = Actor("telegram", "main", str(user.id), handle=resident.who, name=resident.name)
            person = application.enrolment.add_person(resident.name, "fr", SecretText(resident.pin), [actor])
            application.enrolment.fund(person.id, Money(300_00), "test")
        application.database.close()

    async def _end(self, how: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(how)
        if self._process.stderr is not None:
            await self._process.stderr.read()
        return await self._process.wait()

"""What one process of an installation does at a time, such as asking a platform for updates.

On PostgreSQL whose turn it is hangs on an advisory lock that a connection of its own holds: a process that dies loses
it with its connection, and another that waits takes over within seconds. An SQLite database has one process only.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from botpay.database import Database

LOOK_EVERY_SECONDS = 2.0
"""How often who waits asks for the turn, and who has it makes sure that it still does."""
_ANSWER_WITHIN_SECONDS = 3.0

# A machine that is gone says no goodbye: the server shall find out within seconds (PostgreSQL, tcp_keepalives_idle).
_NOTICE_SOON = "set tcp_keepalives_idle=2; set tcp_keepalives_interval=1; set tcp_keepalives_count=3"
_TRY = "select pg_try_advisory_lock(hashtextextended(%(what)s, 0))"

log = structlog.get_logger(__name__)


class Turns:
    """Takes turns with the other processes on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def alone(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` whenever it is this process's turn at `what`; ends when `work` does, or when cancelled.

        Where the turn is lost, as with the connection to the database, `work` is cancelled and waits for the next.
        """
        if self._database.is_sqlite:
            await work()
            return
        while True:
            turn = _Turn(self._database, what)
            try:
                if await turn.taken() and await _while_it_lasts(turn, work):
                    return
            finally:
                await asyncio.shield(asyncio.to_thread(turn.end))
            await asyncio.sleep(LOOK_EVERY_SECONDS)


async def _while_it_lasts(turn: "_Turn", work: Callable[[], Awaitable[None]]) -> bool:
    """Whether `work` came to its end; False if the turn was lost before."""
    task = asyncio.ensure_future(work())
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=LOOK_EVERY_SECONDS)
            if not task.done() and not await turn.lasts():
                log.warning("turn_lost", what=turn.what)
                return False
        await task
        return True
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class _Turn:
    """One try for the lock, and the connection that holds it if it was got."""

    def __init__(self, database: Database, what: str) -> None:
        self._database = database
        self.what = what
        self._connection: Any = None

    async def taken(self) -> bool:
        """Whether it is our turn now."""
        try:
            return await asyncio.to_thread(self._take)
        except Exception as error:  # noqa: BLE001 - whatever it is, asking again later mends it
            log.warning("turn_not_known", what=self.what, reason=type(error).__name__)
            return False

    async def lasts(self) -> bool:
        """Whether it still is. An answer that does not come in time is a no: the server may have let go of us."""
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_SECONDS):
                await asyncio.to_thread(self._connection.execute, "select 1")
        except Exception:  # noqa: BLE001 - whatever is wrong with the connection, the lock may be gone with it
            return False
        return True

    def end(self) -> None:
        """Let the next have it: the lock goes with its connection."""
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()

    def _take(self) -> bool:
        self._connection = self._database.lone_connection()
        self._connection.execute(_NOTICE_SOON)
        found: bool = self._connection.execute(_TRY, {"what": self.what}).fetchone()[0]
        return found

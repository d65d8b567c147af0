"""Processes that book on one ledger at once, and die where they are told to.

They are forked from a clean server process, so that one starts within milliseconds. A worker that shall die sends
itself SIGKILL: nothing of Python, SQLite or the driver gets to tidy up.
"""

import multiprocessing
import os
import signal
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from multiprocessing.connection import Connection as Pipe
from typing import Any

from botpay.clock import Clock, system_clock
from botpay.errors import StorageUnavailable
from botpay.ledger.operations import Operation
from botpay.testing.clocks import FixedClock
from botpay.testing.ledgers import Books, word

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["botpay.testing.workers"])


class Worker:
    """A process with an engine of its own.

    Args:
        at: the time there, for ever; None for the real one.
        dies_at: how many points it passes before it kills itself; there is one before and one after each statement
            and each commit of what it is asked for. None to live.
    """

    def __init__(self, url: str, *, at: datetime | None = None, dies_at: int | None = None) -> None:
        self._pipe, theirs = _context.Pipe()
        self._process = _context.Process(target=_serve, args=(theirs, url, at, dies_at), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()

    def ask(self, operations: Sequence[Operation]) -> None:
        """Let it book a batch; the answer is taken later, so that several can be at it at once."""
        self._pipe.send(list(operations))

    def answer(self) -> list[str] | None:
        """What became of the batch; None if the process died before it could say so."""
        try:
            found: list[str] = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            return None
        return found

    def passed(self) -> int:
        """How many points it passed so far."""
        self._pipe.send(None)
        found: int = self._pipe.recv()
        return found

    def stop(self) -> None:
        """End it."""
        self._pipe.close()
        self._process.join()


def at_once(workers: Sequence[Worker], batches: Sequence[Sequence[Operation]]) -> list[str]:
    """Let each worker book its batch at the same time as the others; all answers in their order."""
    for worker, batch in zip(workers, batches, strict=True):
        worker.ask(batch)
    return [outcome for worker in workers for outcome in worker.answer() or ["died"]]


def _serve(pipe: Pipe, url: str, at: datetime | None, dies_at: int | None) -> None:
    points = _Points(dies_at)
    clock: Clock = FixedClock(at) if at else system_clock
    books = Books.at(url, clock)
    with books.database.write():  # connected
        pipe.send("ready")
    points.armed = dies_at is not None
    try:
        while True:
            operations = pipe.recv()
            if operations is None:
                pipe.send(points.passed)
                continue
            try:
                pipe.send([word(outcome) for outcome in books.engine.process(operations)])
            except StorageUnavailable:
                pipe.send(["unavailable"] * len(operations))
    except EOFError:
        points.armed = False
        books.close()


class _Points:
    """Before and after every statement and commit of this process there is a point; at one of them it dies."""

    def __init__(self, dies_at: int | None) -> None:
        self.passed, self.armed = 0, False
        self._dies_at = dies_at
        if dies_at is None:
            return
        import psycopg  # an extra, of no use to who has SQLite only

        class Pointed(sqlite3.Connection):
            execute = self._around(sqlite3.Connection.execute)
            executemany = self._around(sqlite3.Connection.executemany)
            commit = self._around(sqlite3.Connection.commit)

        connect = sqlite3.dbapi2.connect
        sqlite3.dbapi2.connect = lambda *args, **kwargs: connect(*args, **{**kwargs, "factory": Pointed})
        for of, name in ((psycopg.Cursor, "execute"), (psycopg.Connection, "commit")):
            setattr(of, name, self._around(getattr(of, name)))

    def _around(self, what: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self._point()
            result = what(*args, **kwargs)
            self._point()
            return result

        return call

    def _point(self) -> None:
        if self.armed and self.passed == self._dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += self.armed

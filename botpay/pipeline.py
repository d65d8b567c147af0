"""The path of a batch: load, decide, save.

    begin -> which are done already? -> read the texts -> load all that they can touch
          -> decide each in order, by the rules alone -> save it all -> commit

One transaction holds it: the marks of what is done, transfers and balances, challenges and counts of tries, letters and
the audit's link become true together or not at all. Effects (the slow work on PINs) begin after the commit.
"""

import hmac
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from botpay import loading, saving
from botpay.clock import Clock
from botpay.confirm.checker import PinCheck, Work
from botpay.database import Database
from botpay.handlers import decide
from botpay.handlers.world import Decision, Event, Terms, Unit
from botpay.inbox import digest_of
from botpay.message import Inbound
from botpay.sealing import Keyring


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one event, once committed."""

    outcome: str
    checks: tuple[PinCheck, ...] = ()
    letters: int = 0
    works: tuple[Work, ...] = ()


DUPLICATE = Result("duplicate")
CONFLICT = Result("conflict")
"""Not done, because its source was, with other contents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Everything that a batch needs, put together by the application.

    Attributes:
        room: how many more PINs can be checked without having to wait too long.
    """

    database: Database
    clock: Clock
    terms: Terms
    audit_key: bytes = field(repr=False)
    keyring: Keyring
    room: Callable[[], int] = lambda: sys.maxsize

    def process(self, events: Sequence[Event]) -> list[Result]:
        """Handle events in order, in one commit; a result for each.

        Where another process was in the way, or the connection broke, the whole batch is handled again. If it broke in
        the commit, nobody knows yet whether that was done: if the marks then say so, the results are those of then.

        Raises `StorageUnavailable` if the database could not take them, `LedgerFault` or any other exception for a
        fault of ours; in each case nothing was changed, or delivering again has no second effect.
        """
        in_doubt: dict[int, Result] = {}
        return self.database.transact(lambda connection: self._in_one_commit(connection, events, in_doubt))

    def _in_one_commit(
        self, connection: Connection, events: Sequence[Event], in_doubt: dict[int, Result]
    ) -> list[Result]:
        now = self.database.now(connection, self.clock)
        done = loading.done_already(connection, events)
        fresh = loading.first_of_each(events, done)
        units = [Unit(event, reading) for event, reading in loading.read(connection, fresh, self.terms, now)]
        world, before = loading.load(connection, units, self.terms, now, self.keyring)
        world.room = self.room()
        decisions: list[tuple[Unit, Decision]] = []
        for unit in units:
            decision = decide(world, unit)
            world.take_in(decision)
            decisions.append((unit, decision))
        saving.save(connection, before, world, decisions, audit_key=self.audit_key, keyring=self.keyring)
        results = {id(unit.event): _result(decision) for unit, decision in decisions}
        known = in_doubt | results
        in_doubt.update(results)
        first = done | {event.source: self._digest(event) for event in fresh if event.source is not None}
        return [known.pop(id(event)) if id(event) in known else self._repeated(event, first) for event in events]

    def _repeated(self, event: Event, first: Mapping[str, str | None]) -> Result:
        """What becomes of an event whose source is done: nothing, and that is an error if it says something else."""
        theirs, ours = first.get(event.source or ""), self._digest(event)
        return DUPLICATE if theirs is None or ours is None or hmac.compare_digest(theirs, ours) else CONFLICT

    def _digest(self, event: Event) -> str | None:
        return digest_of(self.audit_key, event.contents) if isinstance(event, Inbound) else None


def _result(decision: Decision) -> Result:
    return Result(decision.outcome, decision.checks, len(decision.letters), decision.works)

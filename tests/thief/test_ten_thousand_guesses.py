"""Guesses by the thousand at one person's PIN, from two processes that die as soon as a try is counted."""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import pytest

from botpay import proof
from botpay.confirm.challenge import FAILURES_BEFORE_LOCK, NO_PIN
from botpay.confirm.checker import PinVerdict
from botpay.database import Database
from botpay.handlers.world import PageEntry, Terms
from botpay.message import Capabilities, SecretText
from botpay.pipeline import Pipeline
from botpay.testing.clocks import FixedClock
from tests.conftest import ADAPTER, AUDIT_KEY, KEYRING, PINS, TERMS, Town
from tests.thief.crowds import DATABASES, town_on, with_terms

PAYMENTS = 100
EVERYDAY, LONG = 300, 10_000
PROCESSES = 2
BATCH = 4
"""Guesses of one commit, each at another payment."""

_context = multiprocessing.get_context("forkserver")


@dataclass(frozen=True, slots=True)
class Guess:
    """One try at one payment, as a page would send it; picklable, which secrets are not."""

    transfer_id: str
    person_id: str
    link: bytes
    number: int
    pin: str

    def entry(self) -> PageEntry:
        """What comes in by the door."""
        return PageEntry(
            transfer_id=self.transfer_id,
            person_id=self.person_id,
            link=self.link,
            number=self.number,
            pin=SecretText(self.pin),
        )


def terms() -> Terms:
    """Pages, and payments that wait as long as the thief likes."""
    return replace(
        TERMS,
        caps=replace(TERMS.caps, confirm_within=timedelta(days=60)),
        public_url="https://pay.example.org",
        link_secret=b"l" * 32,
        capabilities={ADAPTER: Capabilities(typed_pin=True, url_buttons=True)},
    )


def asked(town: Town) -> list[Guess]:
    """Alice has payments waiting, and the thief has her links; the first guess at each."""
    with_terms(town, **{name: getattr(terms(), name) for name in ("caps", "public_url", "link_secret", "capabilities")})
    for _ in range(PAYMENTS):
        assert town.do(town.says("alice", "#send 1 euro #eaupourtous")).outcome == "reserved"
    rows = town.rows("select cast(transfer_id as text) as id, link from challenges")
    names = [(row.id.replace("-", ""), bytes(row.link)) for row in rows]
    return [
        Guess("-".join((n[:8], n[8:12], n[12:16], n[16:20], n[20:])), town.people["alice"].id, link, 1, "")
        for n, link in names
    ]


def guess(pipe: Pipe, url: str, now: FixedClock, guesses: Sequence[Guess]) -> None:
    """Make guesses, a minute apart, and die by SIGKILL where one was counted that the real PIN would have passed."""
    database = Database(url)
    pipeline = Pipeline(database=database, clock=now, terms=terms(), audit_key=AUDIT_KEY, keyring=KEYRING)
    for first in range(0, len(guesses), BATCH):
        now.move(timedelta(minutes=1))
        results = pipeline.process([one.entry() for one in guesses[first : first + BATCH]])
        checks = [check for result in results for check in result.checks]
        if counted := sum(check.hash != NO_PIN for check in checks):
            pipe.send((first + BATCH, counted))
            os.kill(os.getpid(), signal.SIGKILL)
        pipeline.process(
            [
                PinVerdict(
                    transfer_id=check.transfer_id,
                    person_id=check.person_id,
                    number=check.number,
                    right=False,
                    tried_at=check.tried_at,
                )
                for check in checks
            ]
        )
    pipe.send((len(guesses), 0))
    database.close()


class Thief:
    """A process that guesses, begun anew behind where it died."""

    def __init__(self, url: str, clock: FixedClock, guesses: list[Guess]) -> None:
        self._url, self._clock, self.left = url, clock, guesses
        self.counted = self.deaths = 0
        self._begin()

    def goes_on(self) -> bool:
        """Whether it has guesses left once it died or ended."""
        try:
            made, counted = self._pipe.recv()
        except EOFError:
            raise AssertionError("a thief ended without saying how far it came") from None
        self._process.join()
        self.counted += counted
        self.deaths += bool(counted)
        self.left = self.left[made:]
        if self.left:
            self._clock.move(timedelta(minutes=made))
            self._begin()
        return bool(self.left)

    def _begin(self) -> None:
        self._pipe, theirs = _context.Pipe()
        about = (theirs, self._url, FixedClock(self._clock()), self.left)
        self._process = _context.Process(target=guess, args=about, daemon=True)
        self._process.start()
        theirs.close()


def tries_allowed(town: Town, count: int) -> tuple[int, int]:
    """So many guesses from two processes at once: how many were checked against the PIN, and how often one died."""
    payments = asked(town)
    numbers = [n for n in range(100_000, 1_000_000) if str(n) != PINS["alice"]][:count]
    guesses = [
        replace(payments[at % PAYMENTS], number=1 + at // PAYMENTS % 3, pin=str(pin)) for at, pin in enumerate(numbers)
    ]
    url = town.database.engine.url.render_as_string(hide_password=False)
    thieves = [Thief(url, FixedClock(town.clock()), guesses[part::PROCESSES]) for part in range(PROCESSES)]
    at_it = list(thieves)
    while at_it:
        at_it = [thief for thief in at_it if thief.goes_on()]
    return sum(thief.counted for thief in thieves), sum(thief.deaths for thief in thieves)


@pytest.mark.parametrize("count", [EVERYDAY, pytest.param(LONG, marks=pytest.mark.long)])
@pytest.mark.parametrize("database", DATABASES)
def test_ten_thousand_guesses_are_five(database: str, count: int, tmp_path: Path) -> None:
    """However many guesses two processes make at once, and though each dies when one is counted, five are checked."""
    with town_on(database, tmp_path) as town:
        counted, deaths = tries_allowed(town, count)
        assert counted == FAILURES_BEFORE_LOCK
        assert 1 <= deaths <= counted
        assert town.rows("select failures, wrong_today from pins where failures > 0") == [(5, 5)]
        assert town.rows("select count(*) from challenges where state = 'passed'") == [(0,)]
        assert town.counters("alice")[0] == 300_00, "nothing left"
        with town.database.read() as connection:
            assert [wrong for _, part in proof.steps(connection, AUDIT_KEY) for wrong in part] == []

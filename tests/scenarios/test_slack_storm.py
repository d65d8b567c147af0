"""Slack on a bad day: a fifth of all calls fail, events come twice and in another order, and every payment is right."""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from botpay.adapters.slack.blocks import OPEN_KEYPAD
from botpay.app import Application
from botpay.config import Keys, Limits, Settings
from botpay.ledger import verify as ledger
from botpay.ledger.schema import transfers
from botpay.money import Money
from botpay.outbox.store import outbound
from botpay.testing.clocks import FixedClock
from botpay.testing.play import Resident, embedded, on_stage, settle_in
from botpay.testing.slack import Person, SlackStage, View
from botpay.testing.slack.blockkit import buttons
from botpay.testing.slack.person import newest_with_button

NAMES = "ana ben cleo dan eva fay gus hal ida jon".split()
FUNDS = Money(1_000_000_00)
PIN = "482915"
SHARE = 0.2
AMOUNT = re.compile(r"(?<![\d\u202f\u00a0])(\d+,\d\d)")
PATIENCE = timedelta(seconds=20)
SECONDS_FOR_EACH = 120


class Storm:
    """People who pay each other, each one payment at a time, every payment with a sum of its own."""

    def __init__(self, application: Application, stage: SlackStage, clock: FixedClock, payments: int) -> None:
        self.application, self.stage, self.clock = application, stage, clock
        self._read = 0
        self._heard: defaultdict[str, str] = defaultdict(str)
        people = len(NAMES)
        self.paid = [
            (100 + n, NAMES[n % people], NAMES[(n + 1 + n // people % (people - 1)) % people]) for n in range(payments)
        ]

    async def rage(self) -> None:
        """Let everybody pay, while time passes quickly enough for what is to be tried again."""
        ticking = asyncio.create_task(self._tick())
        try:
            await asyncio.gather(*(self._pay_all(who) for who in NAMES))
            payees = [(payee, f"vous a envoyé {euros(minor)}") for minor, _, payee in self.paid]
            await until(lambda: all(self._told(payee, words) for payee, words in payees))
            await until(lambda: "queued" not in fates(self.application))
        finally:
            ticking.cancel()
        await self.application.settled()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.01)
            self.clock.move(timedelta(seconds=1))
            self.application._outbox.wake()

    async def _pay_all(self, who: str) -> None:
        for minor, payer, payee in self.paid:
            if payer == who:
                async with asyncio.timeout(SECONDS_FOR_EACH):
                    await self._pay(minor, payer, payee)

    async def _pay(self, minor: int, payer: str, payee: str) -> None:
        how, private = (("#envoyer {} € @{}", False), ("envoyer {} € @{}", True), ("/pay {} EUR @{}", False))[minor % 3]
        await self.stage.say(payer, how.format(euros(minor), payee), private=private)
        person = self.stage.fake.user(payer)
        while not self._told(payer, f"C’est fait : {euros(minor)}"):
            if (modal := await self._keys(person, minor)) is not None:
                for digit in PIN:
                    if person.modal is modal and any(buttons(modal.blocks)):
                        await person.press(modal, digit)
            await self._wait_for(payer, f"C’est fait : {euros(minor)}")

    async def _wait_for(self, who: str, words: str) -> None:
        """Wait until somebody was told, or becomes impatient."""
        impatient_at = self.clock() + PATIENCE
        await until(lambda: self.clock() > impatient_at or self._told(who, words))

    async def _keys(self, person: Person, minor: int) -> View | None:
        """The keypad of this payment, opened by its prompt; None while there is none, or a PIN is being checked."""
        prompt = newest_with_button(self.stage.fake.world.seen_by(person.id, person.direct), OPEN_KEYPAD)
        if prompt is None or euros(minor) not in prompt[0].shown:
            return None
        await person.press(*prompt)
        await asyncio.sleep(0)
        return person.modal if person.modal and euros(minor) in person.modal.shown else None

    def _told(self, who: str, words: str) -> bool:
        history = self.stage.fake.world.history
        fresh, self._read = history[self._read :], len(history)
        for event in fresh:
            if event.only_for is not None:
                self._heard[event.only_for] += event.shown + "\n"
        return words in self._heard[self.stage.fake.user(who).id]


async def until(done: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    while not done():  # noqa: ASYNC110 - what is on people's screens has no event
        await asyncio.sleep(0.01)


def fates(application: Application) -> set[str]:
    """What became of all letters."""
    with application.database.read() as connection:
        return set(connection.execute(select(outbound.c.fate).distinct()).scalars())


def euros(minor: int) -> str:
    """A sum as it is written and shown, without its sign."""
    return f"{minor // 100},{minor % 100:02}"


async def weather(tmp_path: Path, payments: int, mode: str) -> None:
    """The test, with so many payments."""
    clock = FixedClock()
    stage = SlackStage(mode="socket" if mode == "socket" else "http", clock=lambda: clock().timestamp())
    settings = embedded(tmp_path / "storm.sqlite", Keys.fresh())
    settings = settings.model_copy(update={"limits": Limits(confirm_within_seconds=3600)})
    async with on_stage(settings, stage, clock) as application:
        settle_in(application, stage, [Resident(who, who.capitalize(), PIN, FUNDS) for who in NAMES])
        storm = Storm(application, stage, clock, payments)
        stage.fake.disturb(SHARE, seed=payments)
        await storm.rage()
        check(application, settings, storm)
        print(f"{mode}: {payments} payments, {len(stage.fake.calls)} calls, {dict(stage.fake.trouble.seen)}")  # noqa: T201 - the figures


def check(application: Application, settings: Settings, storm: Storm) -> None:
    """Everybody saw every outcome, nobody another's, and nothing happened twice."""
    concerned = {minor: {payer, payee} for minor, payer, payee in storm.paid}
    for who in NAMES:
        saw = storm.stage.fake.user(who).saw
        private = [event for event in saw if event.only_for is not None]
        seen = {text for event in saw for text in AMOUNT.findall(event.shown)}
        assert private
        assert not any(AMOUNT.search(event.shown) for event in saw if event.only_for is None)
        assert [m for m, people in concerned.items() if euros(m) in seen and who not in people] == []
        assert [m for m, people in concerned.items() if euros(m) not in seen and who in people] == []
    assert fates(application) <= {"sent", "superseded"}
    with application.database.read() as connection:
        posted = Counter(
            connection.execute(select(transfers.c.amount_minor).where(transfers.c.kind == "post")).scalars()
        )
        assert posted == Counter(concerned.keys())
        assert list(ledger.problems(connection)) == []


@pytest.mark.parametrize(("mode", "payments"), [("http", 30), ("socket", 20)])
async def test_a_bad_day_changes_no_payment(tmp_path: Path, mode: str, payments: int) -> None:
    """Payments while a fifth of the calls fail, before or after they were done, and events come twice and late."""
    await weather(tmp_path, payments, mode)


@pytest.mark.long
async def test_a_thousand_payments_in_bad_weather(tmp_path: Path) -> None:
    """The same with a thousand payments."""
    await weather(tmp_path, 1000, "http")

"""Telegram on a bad day: a fifth of all calls fail, updates come twice and out of order, and every payment is right."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import select

from botpay.app import Application
from botpay.config import Keys, Limits
from botpay.ledger import verify as ledger
from botpay.ledger.schema import transfers
from botpay.money import Money
from botpay.outbox.store import outbound
from botpay.testing.clocks import FixedClock
from botpay.testing.play import Resident, embedded, on_stage, settle_in
from botpay.testing.telegram import FakeMessage, FakeTelegram, TelegramStage

NAMES = "anna bert cleo dana evan faye gust hala inda joan".split()
FUNDS = Money(1_000_000_00)
PIN = "482915"
SHARE = 0.2
AMOUNT = re.compile(r"(?<![\d\u202f\u00a0])(\d+,\d\d)")
SECONDS_FOR_EACH = 120
CANCELLED_EVERY = 7


@dataclass(frozen=True)
class Payment:
    """One payment with a sum of its own, which is written in one of three ways, and paid or called off."""

    minor: int
    payer: str
    payee: str

    @property
    def euros(self) -> str:
        """The sum as it is written and shown, without its sign."""
        return f"{self.minor // 100},{self.minor % 100:02}"

    @property
    def way(self) -> Literal["public", "private", "card"]:
        """Where it is written."""
        return ("public", "private", "card")[self.minor % 3]

    @property
    def is_paid(self) -> bool:
        """Whether its payer confirms it."""
        return self.minor % CANCELLED_EVERY != 0

    @property
    def outcome(self) -> str:
        """What its payer reads in the end."""
        return f"C’est fait : {self.euros}" if self.is_paid else f"Annulé : les {self.euros}"


class Storm:
    """People who pay each other, each one payment at a time."""

    def __init__(self, application: Application, stage: TelegramStage, clock: FixedClock, payments: int) -> None:
        self.application, self.stage, self.clock = application, stage, clock
        people = len(NAMES)
        self.payments = [
            Payment(100 + n, NAMES[n % people], NAMES[(n + 1 + n // people % (people - 1)) % people])
            for n in range(payments)
        ]
        self.cards: dict[Payment, FakeMessage] = {}
        self.elsewhere = stage.telegram.group("elsewhere", *(stage.user(who) for who in NAMES))
        self.elsewhere.bot_is_member = False

    @property
    def telegram(self) -> FakeTelegram:
        """The platform."""
        return self.stage.telegram

    async def rage(self) -> None:
        """Let everybody pay, while time passes quickly enough for what is to be tried again."""
        ticking = asyncio.create_task(self._tick())
        try:
            await asyncio.gather(*(self._pay_all(who) for who in NAMES))
            await self._until(lambda: not self._unheard(), "everybody to hear")
            await self._until(lambda: not self._queued(), "what was heard to be known as sent")
        finally:
            ticking.cancel()
        await self.application.settled()

    def _unheard(self) -> list[Payment]:
        return [p for p in self.payments if (p.is_paid and not self._payee_knows(p)) or not self._card_knows(p)]

    def _queued(self) -> bool:
        """Whether a letter waits: one whose answer was lost has been read, and is to be sent again."""
        with self.application.database.read() as connection:
            waiting = select(outbound.c.id).where(outbound.c.fate == "queued").limit(1)
            return connection.execute(waiting).first() is not None

    def _payee_knows(self, payment: Payment) -> bool:
        return self._read(payment.payee, f"vous a envoyé {payment.euros}")

    def _card_knows(self, payment: Payment) -> bool:
        words = "payé." if payment.is_paid else "pas payé, rien n’est parti."
        return payment.way != "card" or self.cards[payment].text.endswith(f" : {words}")

    def _read(self, who: str, words: str) -> bool:
        return any(words in message.text.replace("\u202f", " ") for message in reversed(self.stage.user(who).sees()))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.05)
            self.clock.move(timedelta(seconds=1))
            self.application._outbox.wake()

    async def _until(self, seen: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(SECONDS_FOR_EACH):
                while not seen():  # noqa: ASYNC110 - the bot does it, which sets no event for us
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"waited in vain for {what}") from None

    async def _pay_all(self, who: str) -> None:
        for payment in self.payments:
            if payment.payer == who:
                await self._pay(payment)

    async def _pay(self, payment: Payment) -> None:
        await self._write(payment)
        await self._until(lambda: self._prompt(payment) is not None, f"the prompt of {payment}")
        for key in PIN if payment.is_paid else ("Annuler",):
            await self._tap(payment, key)
        await self._until(lambda: self._read(payment.payer, payment.outcome), f"the outcome of {payment}")

    async def _write(self, payment: Payment) -> None:
        payer = self.stage.user(payment.payer)
        if payment.way == "card":
            await self._send_card(payment)
        else:
            group = self.stage.group if payment.way == "public" else None
            await payer.say(group, f"#envoyer {payment.euros} € @{payment.payee}")

    async def _send_card(self, payment: Payment) -> None:
        """Type until the bot answers, as people do; send the card, and press it for the case that nobody told of it."""
        payer = self.stage.user(payment.payer)
        while True:
            query = await payer.type_inline(f"{payment.euros} € {payment.payee}")
            try:
                (result,) = await query.answered(within_seconds=0.5)
                break
            except TimeoutError:
                continue
        card = self.cards[payment] = await payer.send_result(self.elsewhere, query, result)
        await payer.press(card, card.labels()[0])

    def _prompt(self, payment: Payment) -> FakeMessage | None:
        for message in reversed(self.stage.user(payment.payer).sees()):
            if f"Envoyer {payment.euros}" in message.text and "1" in message.labels():
                return message
        return None

    async def _tap(self, payment: Payment, key: str) -> None:
        prompt = self._prompt(payment)
        assert prompt is not None, f"the keys of {payment} are gone"
        await self.stage.user(payment.payer).press(prompt, key)
        await self.telegram.delivered(SECONDS_FOR_EACH)  # who sees no dot yet does not tap on


async def bad_day(tmp_path: Path, payments: int, mode: Literal["polling", "webhook"]) -> None:
    """The test, with so many payments."""
    clock, stage = FixedClock(), TelegramStage(mode=mode)
    settings = embedded(tmp_path / "storm.sqlite", Keys.fresh())
    settings = settings.model_copy(update={"limits": Limits(confirm_within_seconds=3600)})
    async with on_stage(settings, stage, clock) as application:
        settle_in(application, stage, [Resident(who, who.capitalize(), PIN, FUNDS) for who in NAMES])
        storm = Storm(application, stage, clock, payments)
        stage.telegram.disturb(SHARE, seed=payments)
        await storm.rage()
        check(application, storm)
        calls, seen = len(stage.telegram.calls), dict(sorted(stage.telegram.trouble.seen.items()))
        print(f"{mode}: {payments} payments, {calls} calls, {seen}")  # noqa: T201 - the figures


def check(application: Application, storm: Storm) -> None:
    """Everybody saw every outcome, nobody another's, and nothing happened twice."""
    assert storm._unheard() == []
    concerned = {payment.euros: {payment.payer, payment.payee} for payment in storm.payments}
    for who in NAMES:
        user = storm.stage.user(who)
        private = {sum_ for said in user.saw if said.chat_id == user.id for sum_ in AMOUNT.findall(said.text)}
        assert private
        assert [sum_ for sum_ in private if who not in concerned[sum_]] == []
        public = [said for said in user.saw if said.chat_id == storm.stage.group.id]
        assert not any(AMOUNT.search(said.text) for said in public)
    for payment, card in storm.cards.items():
        assert AMOUNT.findall(card.text) == [payment.euros]
    with application.database.read() as connection:
        posted = connection.execute(select(transfers.c.amount_minor).where(transfers.c.kind == "post")).scalars()
        assert Counter(posted) == Counter(p.minor for p in storm.payments if p.is_paid)
        reserved = connection.execute(select(transfers.c.amount_minor).where(transfers.c.kind == "reserve")).scalars()
        assert Counter(reserved) == Counter(p.minor for p in storm.payments)
        fates = set(connection.execute(select(outbound.c.fate).distinct()).scalars())
        assert fates <= {"sent", "superseded"}
        assert list(ledger.problems(connection)) == []


@pytest.mark.parametrize("mode", ["polling", "webhook"])
async def test_a_bad_day_changes_no_payment(tmp_path: Path, mode: Literal["polling", "webhook"]) -> None:
    """50 payments while a fifth of the calls fail, before or after they were done, and updates come twice and late."""
    await bad_day(tmp_path, 50, mode)


@pytest.mark.long
async def test_a_thousand_payments_on_a_bad_day(tmp_path: Path) -> None:
    """The same with a thousand payments."""
    await bad_day(tmp_path, 1000, "webhook")

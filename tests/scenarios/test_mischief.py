"""A fifth of all calls fail, answers get lost, deliveries come twice and late: everybody learns how it ended, once."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from botpay.app import Application
from botpay.audit import verify as audit
from botpay.clock import system_clock
from botpay.config import Keys
from botpay.database import Database
from botpay.ledger import verify as ledger
from botpay.message import SecretText
from botpay.money import Money
from botpay.testing.chat import plain
from botpay.testing.matrix import MatrixStage
from botpay.testing.mischief import Mischief
from botpay.testing.play import ALICE, embedded, on_stage
from botpay.testing.stage import Stage
from botpay.testing.webhook import WebhookStage

STAGES: dict[str, Callable[[Mischief], Stage]] = {
    "webhook": lambda mischief: WebhookStage(mischief=mischief),
    "matrix": lambda mischief: MatrixStage(mischief=mischief),
}
PEOPLE = [f"p{number}" for number in range(10)]
_MEMO = re.compile(r"m-(\w+)-(\w+)-\d+-x")


class Screens:
    """What each person, and everybody (None), has read so far."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.read: dict[str | None, list[str]] = {who: [] for who in (None, *PEOPLE)}

    async def until(self, who: str, words: str, count: int = 1) -> None:
        """Wait until somebody has read some words so often."""
        async with asyncio.timeout(120):
            while sum(words in text for text in self.read[who]) < count:
                for line in self._stage.take_lines():
                    self.read[line.to].append(plain(line.text))
                await asyncio.sleep(0.02)


async def pays(stage: Stage, screens: Screens, payer: str, payee: str, times: int) -> None:
    """One pays another a euro so often, each time until its end is on the screen."""
    for number in range(times):
        memo = f"m-{payer}-{payee}-{number}-x"
        await stage.say(payer, f"#envoyer 1 € @{payee} pour {memo}")
        await screens.until(payer, memo)
        await stage.enter_pin(payer, ALICE.pin)
        await screens.until(payer, "C’est fait", number + 1)
        await screens.until(payee, memo)


async def _all_sent(application: Application) -> None:
    """Wait until no letter waits for its next try either."""
    waiting = "select count(*) from outbound where fate = 'queued'"
    async with asyncio.timeout(60):
        while True:
            await application.settled()
            with application.database.read() as connection:
                if not connection.exec_driver_sql(waiting).scalar():
                    return
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("platform", STAGES)
@pytest.mark.parametrize("payments", [50, pytest.param(1000, marks=pytest.mark.long)])
async def test_whatever_fails_everybody_learns_the_end_once(platform: str, payments: int, tmp_path: Path) -> None:
    """Each payment is made once and told to both; nobody reads of another's, and the group reads nothing."""
    mischief, keys = Mischief(seed=payments), Keys.fresh()
    stage = STAGES[platform](mischief)
    settings = embedded(tmp_path / "walk.sqlite", keys)
    async with on_stage(settings, stage, system_clock) as application:
        for who in PEOPLE:
            name = f"Person {who.replace('p', '').translate(str.maketrans('0123456789', 'abcdefghij'))}"
            person = application.enrolment.add_person(name, "fr", SecretText(ALICE.pin), [stage.actor(who)])
            application.enrolment.fund(person.id, Money(300_00), "walk")
        screens = Screens(stage)
        pairs = zip(PEOPLE, PEOPLE[1:] + PEOPLE[:1], strict=True)
        await asyncio.gather(*[pays(stage, screens, *pair, payments // len(PEOPLE)) for pair in pairs])
        await _all_sent(application)
    assert screens.read[None] == []
    for who in PEOPLE:
        assert {who in memo for text in screens.read[who] for memo in _MEMO.findall(text)} == {True}
    database = Database(settings.database)
    with database.read() as connection:
        key = bytes.fromhex(keys.audit.get_secret_value())
        assert [*ledger.problems(connection), *audit.problems(connection, key)] == []
        posted = connection.exec_driver_sql("select count(*) from transfers where kind = 'post'").scalar()
        waiting = connection.exec_driver_sql("select count(*) from outbound where fate in ('queued', 'dead')").scalar()
    database.close()
    assert (posted, waiting) == (payments, 0)
    assert min(mischief.done.values()) > 0

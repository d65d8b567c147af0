"""One installation, two processes: a page that one showed is answered at the other, and no try is given twice."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest

from botpay.app import Application
from botpay.config import Enrolment, Keys, Settings, Web
from botpay.testing.clocks import FixedClock
from botpay.testing.console import ConsoleStage
from botpay.testing.play import ALICE, BOB, on_stage, settle_in
from botpay.testing.postgres import migrated_database
from tests.thief.test_page import Browser

PUBLIC_URL = "http://127.0.0.1:8080"


class Console(ConsoleStage):
    """A console that remembers where the web server listens."""

    base_url = ""

    async def connect(self, base_url: str | None) -> None:
        """Note the address."""
        self.base_url = base_url or ""


@dataclass(slots=True)
class Workers:
    """Two applications on one PostgreSQL; Alice was asked by the first."""

    first: Application
    addresses: tuple[str, str]
    link: str

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Rows of a plain query."""
        with self.first.database.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    """Alice is asked for her PIN."""
    clock = FixedClock()
    with migrated_database() as url:
        settings = Settings(
            database=url,
            keys=Keys.fresh(),
            web=Web(port=0, public_url=PUBLIC_URL),
            enrolment=Enrolment(level="demo"),
        )
        one, other = Console(clock), Console(clock)
        async with on_stage(settings, one, clock) as first, on_stage(settings, other, clock) as second:
            settle_in(first, one)
            await one.say("alice", "#envoyer 10 € @bob")
            await first.settled()
            said = [line.text for stage in (one, other) for line in stage.take_lines()]
            path = next(text for text in said if PUBLIC_URL in text).partition(PUBLIC_URL)[2].split()[0]
            yield Workers(first, (one.base_url, other.base_url), path)
            await first.settled()
            await second.settled()


async def test_any_worker_answers(workers: Workers) -> None:
    """Opened at one process, a wrong PIN at the other, the right one at the first, looked at the other: one payment."""
    here, there = workers.addresses
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        browser = await Browser(http, here).get(here + workers.link)
        browser.url = browser.url.replace(here, there)
        assert "Encore 2 essais" in (await browser.send(pin=BOB.pin)).text
        browser.url = browser.url.replace(there, here)
        assert "C’est fait" in (await browser.send(pin=ALICE.pin)).text
        assert "C’est fait" in (await browser.get(browser.url.replace(here, there))).text
    assert workers.rows("select tries, state from challenges") == [(2, "passed")]


async def test_forms_at_both_workers_at_once_are_one_try(workers: Workers) -> None:
    """The same form, sent to two processes many times at the same moment, is one try."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        page = await Browser(http, workers.addresses[0]).get(workers.addresses[0] + workers.link)
        sent = []
        for number in range(12):
            base = workers.addresses[number % 2]
            copy = Browser(http, base, url=page.url.replace(workers.addresses[0], base), text=page.text)
            sent.append(copy.send(pin=BOB.pin if number % 3 else ALICE.pin))
        await asyncio.gather(*sent)
    ((tries, state),) = workers.rows("select tries, state from challenges")
    assert (tries, state) in ((1, "open"), (1, "passed"))
    posted = workers.rows("select count(*) from transfers where kind = 'post'")
    assert posted == [(int(state == "passed"),)]

"""A real Chromium, the whole application on a fake Telegram, and people who open the links that it sends them.

Where no Chromium is found these tests do not run, and the end of the run says so aloud; with CI in the environment they
fail instead.
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from botpay.app import Application
from botpay.config import Keys, Settings, Web
from botpay.testing.clocks import ShiftedClock
from botpay.testing.play import ALICE, BOB, Resident, embedded, on_stage, settle_in
from botpay.testing.telegram.stage import TelegramStage

PUBLIC_URL = "http://127.0.0.1:8080"
WRONG = "111213"
PHONE = {"width": 320, "height": 640}
_ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
_FIELD = "#pin"


def chromium() -> str | None:
    """Where Chromium is, if it is installed."""
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return next(filter(None, found), None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without Chromium these tests are left out, except in CI, where they fail."""
    if chromium() is None and "CI" not in os.environ:
        left_out = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say aloud that nobody looked at the pages; whoever collected the tests may have been another process."""
    if chromium() is None and "CI" not in os.environ:
        said = "NOT RUN: the browser tests, for want of Chromium (Debian, Ubuntu: apt-get install chromium)"
        terminalreporter.write_sep("!", said, red=True, bold=True)


class Telegram(TelegramStage):
    """A fake Telegram that remembers where the application's web server listens."""

    base_url = ""

    async def connect(self, base_url: str | None) -> None:
        """Note the address, and let Telegram call it."""
        self.base_url = base_url or ""
        await super().connect(base_url)


@dataclass(slots=True)
class House:
    """A running installation with pages; Alice and Bob have their accounts."""

    application: Application
    stage: Telegram
    clock: ShiftedClock
    browser: Browser

    async def asked(self, who: str = "alice", words: str = "#envoyer 10 € @bob pour la pizza") -> str:
        """Somebody writes a payment; the link that they are sent."""
        await self.stage.say(who, words)
        await self.application.settled()
        return self.link(who)

    def link(self, who: str = "alice") -> str:
        """The newest link that somebody was sent, at the address where the server really listens."""
        return self.links(who)[-1]

    def links(self, who: str) -> list[str]:
        """All the links to pages that somebody was sent."""
        urls = [key.url for m in self.stage.user(who).sees() for row in m.buttons for key in row if key.url]
        return [url.replace(PUBLIC_URL, self.stage.base_url) for url in urls if url.startswith(f"{PUBLIC_URL}/open/")]

    async def opens(self, who: str = "alice", words: str = "#envoyer 10 € @bob pour la pizza", **how: Any) -> Page:
        """Somebody writes a payment and opens its link in a browser of their own."""
        page = await self.tab(**how)
        await page.goto(await self.asked(who, words))
        return page

    async def tab(self, **how: Any) -> Page:
        """A new tab in a browser of its own: its cookies are nobody else's."""
        context: BrowserContext = await self.browser.new_context(**how)
        context.set_default_timeout(5000)
        return await context.new_page()

    def chat(self, who: str = "alice") -> str:
        """What stands in the newest message to somebody."""
        return self.stage.user(who).sees()[-1].text

    async def later(self, by: timedelta) -> None:
        """Let time pass, and what is over expire."""
        self.clock.move(by)
        await self.application.sweep()
        await self.application.settled()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a plain query."""
        with self.application.database.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

    def balance(self, who: str = "alice") -> tuple[int, int]:
        """What somebody owns, and how much of it is held."""
        name = {"alice": ALICE.name, "bob": BOB.name}[who]
        ((person,),) = self.rows(f"select id from people where name = '{name}'")
        dashed = f"{person[:8]}-{person[8:12]}-{person[12:16]}-{person[16:20]}-{person[20:]}"
        ((owned, held),) = self.rows(
            f"select credits_posted - debits_posted, debits_pending from accounts where owner = '{dashed}'"
        )
        return owned, held


async def enter(page: Page, pin: str = ALICE.pin) -> None:
    """Type a PIN into the field and send it."""
    await page.locator(_FIELD).fill(pin)
    await page.locator("#confirm button[type=submit]").click()
    await page.wait_for_load_state()


async def faults(page: Page) -> list[str]:
    """What axe-core finds wrong with a page for people who do not see, hear or point."""
    results = await Axe().run(page)
    return [f"{found['id']}: {found['nodes'][0]['html']}" for found in results.response["violations"]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all these tests."""
    path = chromium()
    assert path is not None, "Chromium is not installed: apt-get install chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An empty installation to copy from."""
    return embedded(tmp_path_factory.mktemp("browser") / "empty.sqlite", Keys.fresh())


@asynccontextmanager
async def _running(template: Settings, folder: Path, browser: Browser, language: str) -> AsyncIterator[House]:
    file = folder / f"{language}.sqlite"
    shutil.copy(template.database.removeprefix("sqlite:///"), file)
    changed = {"database": f"sqlite:///{file}", "web": Web(port=0, public_url=PUBLIC_URL)}
    stage, clock = Telegram("webhook", language=language), ShiftedClock()
    async with on_stage(template.model_copy(update=changed), stage, clock) as application:
        settle_in(application, stage, [_speaking(ALICE, language), _speaking(BOB, language)])
        yield House(application, stage, clock, browser)
        for context in browser.contexts:
            await context.close()
        await application.settled()


def _speaking(resident: Resident, language: str) -> Resident:
    return Resident(resident.who, resident.name, resident.pin, resident.funds, language)


@pytest_asyncio.fixture(loop_scope="session")
async def house(template: Settings, tmp_path: Path, browser: Browser) -> AsyncIterator[House]:
    """An installation whose people speak French."""
    async with _running(template, tmp_path, browser, "fr") as house:
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def english_house(template: Settings, tmp_path: Path, browser: Browser) -> AsyncIterator[House]:
    """An installation whose people speak English."""
    async with _running(template, tmp_path, browser, "en") as house:
        yield house

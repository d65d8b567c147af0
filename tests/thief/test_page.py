"""Attacks on the page of a payment: with somebody else's link, none at all, an old one, or forged forms."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs
from yarl import URL

from botpay.config import Keys, Settings, Web
from botpay.confirm.link import hash_of
from botpay.testing.clocks import ShiftedClock
from botpay.testing.play import ALICE, BOB, embedded, on_stage, settle_in
from botpay.testing.telegram.stage import TelegramStage

PUBLIC_URL = "http://127.0.0.1:8080"
PREVIEW_BOT = {"User-Agent": "TelegramBot (like TwitterBot)"}


class Telegram(TelegramStage):
    """A fake Telegram that remembers where the application's web server listens."""

    base_url = ""

    async def connect(self, base_url: str | None) -> None:
        """Note the address, and let Telegram call it."""
        self.base_url = base_url or ""
        await super().connect(base_url)


@dataclass(slots=True)
class Browser:
    """What a program of the thief's sees: it keeps cookies, follows redirects, and reads forms."""

    http: aiohttp.ClientSession
    base_url: str
    url: str = ""
    status: int = 0
    text: str = ""
    headers: Any = None

    async def get(self, url: str, **how: Any) -> "Browser":
        """Open an address."""
        async with self.http.get(URL(url, encoded=True), **how) as answer:
            return await self._read(answer)

    async def send(self, path: str = "", *, headers: dict[str, str] | None = None, **form: str) -> "Browser":
        """Send the form of the page that is open, some of its fields changed."""
        fields = {"token": self.field("token"), "number": self.field("number")} | form
        async with self.http.post(f"{self.url}{path}", data=fields, headers=headers) as answer:
            return await self._read(answer)

    def field(self, name: str) -> str:
        """The value of a hidden field."""
        return self.text.partition(f'name="{name}" value="')[2].partition('"')[0]

    async def _read(self, answer: aiohttp.ClientResponse) -> "Browser":
        self.status, self.text, self.headers = answer.status, await answer.text(), answer.headers
        self.url = str(answer.url.with_query(None))
        return self


@dataclass(slots=True)
class Scene:
    """An installation with pages, and Alice's link for 10 € to Bob."""

    application: Any
    stage: Telegram
    clock: ShiftedClock
    link: str = ""

    def newest_link(self, who: str) -> str:
        """The newest link that somebody was sent, where the server really listens."""
        urls = [key.url for m in self.stage.user(who).sees() for row in m.buttons for key in row if key.url]
        return urls[-1].replace(PUBLIC_URL, self.stage.base_url)

    async def asks(self, who: str, words: str) -> str:
        """Somebody writes a payment; their link."""
        await self.stage.say(who, words)
        await self.application.settled()
        return self.newest_link(who)

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[Browser]:
        """A browser without any cookies."""
        jar = aiohttp.CookieJar(unsafe=True)  # takes them from an address without a name, too
        async with aiohttp.ClientSession(cookie_jar=jar) as http:
            yield Browser(http, self.stage.base_url)

    def challenges(self) -> list[tuple[Any, ...]]:
        """What became of every payment: amount, tries and state."""
        with self.application.database.read() as connection:
            found = connection.exec_driver_sql("select amount_minor, tries, state from challenges order by created_at")
            return [tuple(row) for row in found]

    def changes(self) -> tuple[Any, ...]:
        """A number that grows with everything that is written by an event."""
        with self.application.database.read() as connection:
            return tuple(connection.exec_driver_sql("select count(*), max(seq) from audit").one())


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """Alice is asked for her PIN."""
    settings: Settings = embedded(tmp_path / "page.sqlite", Keys.fresh())
    settings = settings.model_copy(update={"web": Web(port=0, public_url=PUBLIC_URL)})
    stage, clock = Telegram("webhook"), ShiftedClock()
    async with on_stage(settings, stage, clock) as application:
        settle_in(application, stage)
        scene = Scene(application, stage, clock)
        scene.link = await scene.asks("alice", "#envoyer 10 € @bob")
        yield scene
        await application.settled()


async def test_another_member_who_opens_the_link_cannot_pay(scene: Scene) -> None:
    """Bob has Alice's link and enters his own PIN: it is wrong, and Alice's chat shows that somebody tries."""
    async with scene.browser() as bob:
        await bob.get(scene.link)
        await bob.send(pin=BOB.pin)
    assert scene.challenges() == [(1000, 1, "open")]
    await scene.application.settled()
    assert "Encore 2 essais" in scene.stage.user("alice").sees()[-1].text


async def test_a_preview_burns_nothing(scene: Scene) -> None:
    """Bots that fetch the link, by GET or HEAD, with or without cookies, change nothing: the person still pays."""
    before = scene.changes()
    async with scene.browser() as bot:
        for _ in range(5):
            await bot.get(scene.link, headers=PREVIEW_BOT)
            async with bot.http.head(scene.link, headers=PREVIEW_BOT, allow_redirects=True) as answer:
                assert answer.status == 200
    async with scene.browser() as bot, bot.http.get(scene.link, allow_redirects=False) as answer:
        assert answer.status == 303
        async with aiohttp.ClientSession() as other, other.get(bot.base_url + answer.headers["Location"]) as page:
            assert "10,00" not in await page.text()
    assert scene.changes() == before
    async with scene.browser() as alice:
        await alice.get(scene.link)
        assert "10,00" in (await alice.send(pin=ALICE.pin)).text
    assert scene.challenges() == [(1000, 1, "passed")]


async def test_a_link_that_was_used_shows_nothing(scene: Scene) -> None:
    """After the end the link opens nothing, and nothing of the payment is told to whoever replays it."""
    async with scene.browser() as alice, scene.browser() as thief:
        await alice.get(scene.link)
        await thief.get(scene.link)
        await alice.send(pin=ALICE.pin)
        await thief.send(pin=ALICE.pin)  # a second time, from another browser
        async with scene.browser() as later:
            await later.get(scene.link)
            assert (later.status, "10,00" in later.text, "Bob" in later.text) == (410, False, False)
    assert scene.challenges() == [(1000, 1, "passed")]


async def test_a_link_is_worth_nothing_after_its_time(scene: Scene) -> None:
    """A link that is opened too late opens nothing; a page that was open pays nothing, and soon shows nothing."""
    async with scene.browser() as alice, scene.browser() as thief:
        await alice.get(scene.link)
        scene.clock.move(timedelta(minutes=5))
        await thief.get(scene.link)
        assert (thief.status, "Bob" in thief.text) == (410, False)
        await alice.send(pin=ALICE.pin)
        await scene.application.sweep()
        assert scene.challenges() == [(1000, 0, "expired")]
        scene.clock.move(timedelta(minutes=10))
        await alice.get(alice.url)
        assert "Bob" not in alice.text


async def test_one_payments_page_is_no_way_into_another(scene: Scene) -> None:
    """With the cookie and form of his own payment Bob neither sees, pays nor calls off Alice's."""
    await scene.asks("bob", "#envoyer 20 € @alice")
    async with scene.browser() as alice, scene.browser() as bob:
        await alice.get(scene.link)
        own = (await bob.get(scene.newest_link("bob"))).url
        token = bob.field("token")
        (cookie,) = bob.http.cookie_jar
        bob.http.cookie_jar.update_cookies(
            {cookie.key.replace(own.rpartition("/")[2], alice.url.rpartition("/")[2]): cookie.value}, URL(own)
        )
        await bob.get(alice.url)
        assert (bob.status, "10,00" in bob.text) == (403, False)
        bob.url = alice.url
        for path in ("", "/cancel"):
            assert (await bob.send(path, token=token, number="1", pin=BOB.pin)).status == 403
            bob.url = alice.url
    assert scene.challenges() == [(1000, 0, "open"), (2000, 0, "open")]


async def test_the_link_of_an_earlier_prompt_is_dead(scene: Scene) -> None:
    """When Alice has the question shown anew, whoever opened the earlier link is out, with its page and its cookie."""
    async with scene.browser() as thief:
        await thief.get(scene.link)
        await scene.stage.say("alice", "#aide", private=True)
        await scene.application.settled()
        assert (await thief.send(pin=ALICE.pin)).status == 403
        assert (await thief.get(scene.link)).status == 404
    async with scene.browser() as alice:
        await alice.get(scene.newest_link("alice"))
        await alice.send(pin=ALICE.pin)
    assert scene.challenges() == [(1000, 1, "passed")]


async def test_guessing_links_is_slowed_down(scene: Scene) -> None:
    """Who guesses is soon not answered any more, not even a right link, while other addresses are."""
    token = scene.link.rpartition("/")[2]
    guesses = [token[:-1] + "!", token.swapcase(), "", "é", "%00", "x" * 32, *(f"{n:032d}" for n in range(30))]
    async with scene.browser() as thief:
        seen = [(await thief.get(f"{scene.stage.base_url}/open/{guess}")).status for guess in guesses]
        assert (seen[0], seen[-1]) == (404, 429)
        assert thief.headers["Retry-After"] == "60"
        assert (await thief.get(scene.link)).status == 429


async def test_who_knows_a_payments_id_keeps_nobody_from_its_page(scene: Scene) -> None:
    """The id follows from where and when a message was written; asking for its page in vain uses up nobody's rate."""
    async with scene.browser() as alice, scene.browser() as thief:
        await alice.get(scene.link)
        seen = {(await thief.get(f"{alice.url}?again=1")).status for _ in range(70)}
        assert seen == {403}
        assert (await alice.send(pin=ALICE.pin)).status == 200
    assert scene.challenges() == [(1000, 1, "passed")]


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "é", None], ids=["none", "short", "made up", "odd", "missing"])
async def test_a_form_of_another_site_is_not_taken(scene: Scene, token: str | None) -> None:
    """Without the token of our own form neither a PIN nor a cancel is taken, whatever cookies come along."""
    async with scene.browser() as victim:
        await victim.get(scene.link)
        page = victim.url
        for path in ("", "/cancel"):
            victim.url = page
            form = {} if token is None else {"token": token}
            async with victim.http.post(page + path, data={**form, "pin": ALICE.pin, "number": "1"}) as answer:
                assert answer.status == 403
    assert scene.challenges() == [(1000, 0, "open")]


async def test_a_browser_that_says_where_a_form_comes_from_is_believed(scene: Scene) -> None:
    """A form that a browser says was sent from elsewhere is not taken, even with the right token."""
    async with scene.browser() as victim:
        await victim.get(scene.link)
        sent = await victim.send(pin=ALICE.pin, headers={"Sec-Fetch-Site": "cross-site"})
        assert sent.status == 403
    assert scene.challenges() == [(1000, 0, "open")]


@pytest.mark.parametrize("cookie", ["", "x", "é", "A" * 43])
async def test_a_forged_cookie_opens_nothing(scene: Scene, cookie: str) -> None:
    """A cookie that we did not make shows no payment, and no more than a missing one does."""
    async with scene.browser() as alice:
        page = (await alice.get(scene.link)).url
    transfer = page.rpartition("/")[2]
    headers = {"Cookie": f"pay-{transfer}={cookie}".encode().decode("latin-1")}
    async with aiohttp.ClientSession() as thief, thief.get(f"{page}?again", headers=headers) as answer:
        words = await answer.text()
    async with aiohttp.ClientSession() as thief, thief.get(f"{page}?again") as answer:
        assert words == await answer.text()
    assert "10,00" not in words


async def test_amount_and_payee_cannot_be_changed_on_the_way(scene: Scene) -> None:
    """What a form says besides the PIN is not read: the payment is the one that was put to its sender."""
    async with scene.browser() as alice:
        await alice.get(scene.link)
        await alice.send(pin=ALICE.pin, amount="250,00", amount_minor="25000", payee="@carol", transfer_id="x")
    assert scene.challenges() == [(1000, 1, "passed")]


async def test_an_edit_of_the_message_changes_no_payment(scene: Scene) -> None:
    """Alice's message is edited after she opened the page: it shows and pays what it showed."""
    async with scene.browser() as alice:
        await alice.get(scene.link)
        await scene.stage.user("alice").edit(scene.stage._last["alice"], "#envoyer 200 € @bob")
        await scene.stage.telegram.delivered()
        await scene.application.settled()
        assert "10,00" in (await alice.get(alice.url)).text
        await alice.send(pin=ALICE.pin)
    assert scene.challenges() == [(1000, 1, "passed")]


async def test_more_tries_than_three_are_never_taken(scene: Scene) -> None:
    """Whatever number of the try a form claims, and however many are sent, a payment takes three PINs."""
    async with scene.browser() as thief:
        await thief.get(scene.link)
        page, token = thief.url, thief.field("token")
        for guess in range(12):
            for number in ("1", "2", "3", "4", "-1", "", "٣"):
                thief.url = page
                await thief.send(token=token, number=number, pin=f"{918270 + guess}")
                if thief.status == 429:
                    break
    assert scene.challenges() == [(1000, 3, "failed")]


async def test_a_page_leaves_no_secret_behind(
    scene: Scene, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """No PIN, token, cookie or form token of a page is in a log at any level, in the output, or in the database."""
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        async with scene.browser() as alice:
            await alice.get(scene.link)
            secrets = [scene.link.rpartition("/")[2], alice.field("token"), *(c.value for c in alice.http.cookie_jar)]
            await alice.get(f"{scene.stage.base_url}/open/{secrets[0]}x")
            await alice.get(scene.link)
            await alice.send(pin=BOB.pin)
            await alice.send(pin=ALICE.pin)
        await scene.application.settled()
    database = Path(str(scene.application.database.engine.url.database))
    kept = b"".join(file.read_bytes() for file in sorted(database.parent.glob("page.sqlite*")))
    shown = f"{logs}{caplog.text}{capfd.readouterr()}"
    assert len(secrets) == 3
    for secret in (*secrets, ALICE.pin, BOB.pin):
        assert secret not in shown
        assert secret.encode() not in kept
    assert hash_of(secrets[0]) in kept, "its hash is what is kept"


async def test_a_payee_who_was_renamed_is_not_paid(scene: Scene) -> None:
    """Bob takes another name between the question and the PIN: what Alice was shown is no longer so; nothing moves."""
    async with scene.browser() as alice:
        await alice.get(scene.link)
        scene.stage.user("bob").username = "bobby"
        await scene.stage.say("bob", "#solde", private=True)
        await scene.application.settled()
        ended = (await alice.send(pin=ALICE.pin)).text
    assert scene.challenges() == [(1000, 1, "cancelled")]
    assert "restent chez vous" in ended
    await scene.application.settled()
    assert "a changé de nom" in scene.stage.user("alice").sees()[-1].text

"""The web server: what stands on every answer, who is slowed down, and what a cookie proves."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request

from botpay.config import Keys, Web
from botpay.confirm.link import hash_of
from botpay.testing.clocks import FixedClock
from botpay.testing.console import ConsoleStage
from botpay.testing.play import embedded, on_stage, settle_in
from botpay.web import rendering
from botpay.web.rates import Rate, address_of
from botpay.web.session import session_of

PUBLIC_URL = "https://pay.example.org"
TRANSFER, LINK = "01a211c6-1178-7a52-95ff-968a4288561a", hash_of("a link")


class Console(ConsoleStage):
    """A console that remembers where the web server listens."""

    base_url = ""

    async def connect(self, base_url: str | None) -> None:
        """Note the address."""
        self.base_url = base_url or ""


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """Where an installation with pages listens, behind an https proxy; and the path of Alice's link."""
    settings = embedded(tmp_path / "web.sqlite", Keys.fresh())
    settings = settings.model_copy(update={"web": Web(port=0, public_url=PUBLIC_URL)})
    clock = FixedClock()
    stage = Console(clock)
    async with on_stage(settings, stage, clock) as application:
        settle_in(application, stage)
        await stage.say("alice", "#envoyer 10 € @bob")
        await application.settled()
        (asked,) = stage.take_lines()
        yield stage.base_url, asked.text.partition(PUBLIC_URL)[2]


async def test_every_answer_has_the_headers(served: tuple[str, str]) -> None:
    """Pages, assets, errors and health checks alike: nothing from elsewhere, no frame, no referrer, no sniffing."""
    base, link = served
    async with aiohttp.ClientSession() as http:
        for path in (link, "/healthz", f"/pay/{TRANSFER}", "/nowhere", rendering.address_of_asset("page.css")):
            for method in ("GET", "HEAD", "POST"):
                async with http.request(method, base + path, allow_redirects=False) as answer:
                    headers = answer.headers
                policy = headers["Content-Security-Policy"]
                for rule in ("default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
                    assert rule in policy
                assert "unsafe" not in policy
                assert headers["Referrer-Policy"] == "no-referrer"
                assert headers["X-Content-Type-Options"] == "nosniff"
                assert "camera=()" in headers["Permissions-Policy"]
                assert headers["Strict-Transport-Security"].startswith("max-age=")
                assert headers["Server"] == "botpay", "no versions are told"
                assert headers["Cache-Control"] == "no-store" or (path.startswith("/assets/") and answer.status == 200)


async def test_the_cookie_is_bound_to_the_page(served: tuple[str, str]) -> None:
    """Behind https the cookie is Secure, HttpOnly, Strict, for this host alone, and lives as long as the payment."""
    base, link = served
    async with aiohttp.ClientSession() as http, http.get(base + link, allow_redirects=False) as answer:
        cookie = answer.headers["Set-Cookie"]
        assert answer.status == 303
        assert answer.headers["Location"].startswith("/pay/")
    for part in ("__Host-pay-", "; Secure", "; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=900"):
        assert part in cookie
    assert "Domain" not in cookie


async def test_assets_are_kept_for_ever_under_their_hash(served: tuple[str, str]) -> None:
    """Style, script and icon are kept by browsers, since their name changes with their contents."""
    base, _ = served
    async with aiohttp.ClientSession() as http:
        for name, kind in (("page.css", "text/css"), ("keypad.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
            async with http.get(base + rendering.address_of_asset(name)) as answer:
                assert (answer.status, answer.content_type) == (200, kind)
                assert "immutable" in answer.headers["Cache-Control"]
        async with http.get(f"{base}/assets/page.0000000000000000.css") as answer:
            assert answer.status == 404


async def test_programs_get_no_pages(served: tuple[str, str]) -> None:
    """Who does not ask for HTML gets the plain answer of a server; a browser gets a page in its language."""
    base, _ = served
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{base}/nowhere") as answer:
            assert (answer.status, answer.content_type) == (404, "text/plain")
        for asked, said in (
            ("fr-FR,fr;q=0.9", "Il n’y a rien ici"),
            ("de, en;q=0.5", "There is nothing here"),
            ("", "Il"),
        ):
            headers = {"Accept": "text/html", "Accept-Language": asked}
            async with http.get(f"{base}/nowhere", headers=headers) as answer:
                assert (answer.status, said in await answer.text()) == (404, True)


async def test_who_asks_too_often_waits(served: tuple[str, str]) -> None:
    """One address is slowed down, others and the health check are not; a forged address is that of the forger."""
    base, _ = served
    async with aiohttp.ClientSession() as http:

        async def ask(path: str, *chain: str) -> int:
            async with http.get(base + path, headers={"X-Forwarded-For": ", ".join(chain)}) as answer:
                return answer.status

        seen = [await ask(f"/pay/{TRANSFER}", f"10.0.0.{n % 250}", "203.0.113.7") for n in range(250)]
        assert (seen[0], seen[-1]) == (200, 429)
        assert await ask(f"/pay/{TRANSFER}", "203.0.113.8") == 200
        assert await ask("/healthz", "203.0.113.7") == 200


def test_a_rate_begins_anew_with_the_minute() -> None:
    """So many a minute for each name, and none is remembered longer."""
    now = [0.0]
    rate = Rate(2, lambda: now[0])
    assert [rate.takes("a"), rate.takes("a"), rate.takes("a"), rate.takes("b")] == [True, True, False, True]
    assert (rate.is_over("a"), rate.is_over("b")) == (True, False)
    now[0] = 60.0
    assert not rate.is_over("a")
    assert rate.takes("a")


@pytest.mark.parametrize(
    ("chain", "proxies", "expected"),
    [
        ([], 1, "127.0.0.1"),
        (["6.6.6.6"], 0, "127.0.0.1"),
        (["203.0.113.7"], 1, "203.0.113.7"),
        (["6.6.6.6, 203.0.113.7"], 1, "203.0.113.7"),
        (["6.6.6.6", "203.0.113.7"], 1, "203.0.113.7"),
        (["6.6.6.6, 203.0.113.7, 10.0.0.1"], 2, "203.0.113.7"),
        (["2001:db8:1:2:3:4:5:6"], 1, "2001:db8:1:2::/64"),
        (["::ffff:203.0.113.7"], 1, "203.0.113.7"),
        (["unknown"], 1, "unknown"),
    ],
)
def test_the_address_is_what_our_proxy_saw(chain: list[str], proxies: int, expected: str) -> None:
    """What stands before the entries of our own proxies anybody can write, and is not believed."""
    request = make_mocked_request("GET", "/", headers=[("X-Forwarded-For", part) for part in chain])
    assert address_of(request.clone(remote="127.0.0.1"), proxies) == expected


def test_a_session_is_of_one_payment_and_link() -> None:
    """Cookie and form token are another for another key, payment or link, never each other, and in no repr."""
    session = session_of(b"k" * 32, TRANSFER, LINK)
    assert session == session_of(b"k" * 32, TRANSFER, LINK)
    others = (
        session_of(b"l" * 32, TRANSFER, LINK),
        session_of(b"k" * 32, TRANSFER[:-1] + "b", LINK),
        session_of(b"k" * 32, TRANSFER, hash_of("another")),
    )
    for other in others:
        assert not session.is_shown_by(other.cookie)
        assert not session.has_made(other.form_token)
    assert not session.is_shown_by(session.form_token)
    assert not session.has_made("")
    assert session.cookie not in repr(session)
    assert session.form_token not in repr(session)

"""How a browser comes to the page: from another site, without cookies, on a second device, and back again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from playwright.async_api import Page, expect

from botpay.testing.play import ALICE
from tests.browser.conftest import House, enter, faults

pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def _other_site(link: str) -> AsyncIterator[str]:
    """A chat in a browser, on another site than the pages, that shows a link."""

    async def show(_: web.Request) -> web.Response:
        return web.Response(text=f"<title>chat</title><a href='{link}'>Confirmer</a>", content_type="text/html")

    application = web.Application()
    application.router.add_get("/", show)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://localhost:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def _followed(page: Page, link: str) -> None:
    async with _other_site(link) as chat:
        await page.goto(chat)
        await page.get_by_role("link").click()
        await page.wait_for_selector("h1.small")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
async def test_a_link_on_another_site_works(house: House, script: bool) -> None:
    """Who follows the link in a chat that runs in a browser comes to the page, cookie kept strict, and pays."""
    page = await house.tab(java_script_enabled=script)
    link = await house.asked()
    await _followed(page, link)
    (cookie,) = await page.context.cookies()
    assert (cookie["sameSite"], cookie["httpOnly"]) == ("Strict", True)
    assert link.rpartition("/")[2] not in cookie["value"] + page.url
    await enter(page)
    await expect(page.get_by_role("heading")).to_have_text("Paiement effectué")


async def test_a_browser_that_refuses_cookies_is_told_so(house: House) -> None:
    """Without cookies nobody goes round in circles: the page says that it needs one, and shows nothing."""
    page = await house.tab()
    link = await house.asked()
    await page.context.route("**/open/**", lambda route: route.fulfill(status=303, headers={"Location": _path(house)}))
    await page.goto(link)
    await expect(page.get_by_role("heading")).to_have_text("Open the link again")
    assert "10,00" not in await page.locator("main").inner_text()
    assert await faults(page) == []


def _path(house: House) -> str:
    ((raw,),) = house.rows("select transfer_id from challenges")
    return f"/pay/{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"


async def test_the_link_opens_on_a_second_device(house: House) -> None:
    """The chat on a computer, the page on a phone: both show the same payment, and what one does the other sees."""
    page = await house.opens()
    phone = await house.tab(viewport={"width": 390, "height": 844}, is_mobile=True)
    await phone.goto(house.link())
    await enter(phone)
    await expect(phone.get_by_role("heading")).to_have_text("Paiement effectué")
    await page.reload()
    await expect(page.get_by_role("heading")).to_have_text("Paiement effectué")


async def test_going_back_sends_nothing_again(house: House) -> None:
    """Back, forward and reload after the end show what became of the money, and pay nothing more."""
    page = await house.opens()
    await enter(page)
    await page.reload()
    await page.go_back()
    await page.wait_for_load_state()
    await expect(page.get_by_role("heading")).to_have_text("Paiement effectué")
    assert ALICE.pin not in await page.content()
    assert house.balance() == (290_00, 0)

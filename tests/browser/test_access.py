"""For whoever does not see, point or hear: no page has a fault that axe-core can find, in any light or language."""

import pytest
from playwright.async_api import Page

from tests.browser.conftest import PHONE, House, faults

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _without_script(house: House, **how: object) -> Page:
    """A page whose script never arrives; axe-core itself needs JavaScript."""
    page = await house.tab(**how)
    await page.route("**/*.js", lambda route: route.abort())
    await page.goto(await house.asked())
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_page_has_no_faults(house: House, english_house: House, scheme: str) -> None:
    """The question in both languages, with and without its script, on a phone, in light and dark."""
    for speaking, language in ((house, "fr"), (english_house, "en")):
        page = await speaking.opens(viewport=PHONE, color_scheme=scheme, reduced_motion="reduce")
        assert await page.locator("html").get_attribute("lang") == language
        assert await faults(page) == []
        assert await faults(await _without_script(speaking, color_scheme=scheme)) == []


@pytest.mark.parametrize("path", ["/open/nothing", "/pay/nothing?again", "/elsewhere"])
async def test_a_page_of_trouble_has_no_faults(house: House, path: str) -> None:
    """What cannot be shown is said in the browser's language, and says that nothing was sent or where to go."""
    for locale, nothing in (("fr-FR", "conversation privée"), ("en-GB", "private chat")):
        page = await house.tab(locale=locale, color_scheme="dark")
        await page.goto(house.stage.base_url + path)
        assert nothing in await page.locator("main").inner_text()
        assert await faults(page) == []


async def test_nothing_is_loaded_from_elsewhere(house: House) -> None:
    """A page asks for its own style, script and icon, and for nothing else; the policy blocks nothing of ours."""
    page = await house.tab()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    await page.goto(await house.asked())
    await page.wait_for_load_state("networkidle")
    assert {url.split("/")[2] for url in asked} == {house.stage.base_url.removeprefix("http://")}
    assert {url.rpartition(".")[2] for url in asked if "/assets/" in url} >= {"css", "js"}
    assert said == []

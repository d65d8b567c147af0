"""The page of receipts, in a real browser: opened by a link that comes after the PIN, and without JavaScript."""

import io
import re
from pathlib import Path

import pytest
from playwright.async_api import Page
from pypdf import PdfReader

from botpay.testing.play import ALICE, BOB
from tests.browser.conftest import PHONE, PUBLIC_URL, House, enter, faults

pytestmark = pytest.mark.asyncio(loop_scope="session")

TAG = "eaupourtous"
_LINK = re.compile(re.escape(PUBLIC_URL) + r"/receipts/open/\S+")


def signs(house: House) -> None:
    """Let somebody sign, so that the charity, which was verified, gives receipts."""
    house.application.receipts.sign_as(TAG, "Amélie Dupont", "trésorière", None)


async def give(house: House, pin: str = ALICE.pin, who: str = "alice") -> None:
    """A donation that goes through."""
    page = await house.opens(who, "#donner 25 € #eaupourtous")
    await enter(page, pin)
    await house.application.settled()


async def link(house: House, who: str = "alice", pin: str = ALICE.pin, words: str = "#reçu") -> str:
    """The link that somebody is sent once their PIN was right."""
    await enter(await house.opens(who, words), pin)
    await house.application.settled()
    found: str = _LINK.findall(house.chat(who))[-1]
    return found.replace(PUBLIC_URL, house.stage.base_url)


async def opens(house: House, **how: object) -> Page:
    """Somebody's page of receipts."""
    page = await house.tab(**how)
    await page.goto(await link(house))
    return page


async def tell(page: Page, name: str = "Zoé Łukasiewicz", address: str = "4 rue de l’Église\n44000 Nantes") -> None:
    """Fill in the form and send it."""
    await page.locator("#name").fill(name)
    await page.locator("#address").fill(address)
    await page.locator("#who button[type=submit]").click()
    await page.wait_for_load_state()


async def test_from_a_gift_to_its_receipt_without_javascript(house: House, tmp_path: Path) -> None:
    """The bot says how after a donation; name and address once; then the receipt is there, and the year's summary."""
    signs(house)
    await give(house)
    assert "#reçu" in house.chat()
    page = await opens(house, java_script_enabled=False, accept_downloads=True)
    assert "Attestation de paiement" in await page.locator("main").inner_text()
    await tell(page)
    assert "-000001 (PDF)" in await page.locator("main").inner_text()
    async with page.expect_download() as coming:
        await page.locator(".gifts a").click()
    file = tmp_path / "receipt.pdf"
    await (await coming.value).save_as(file)
    text = PdfReader(io.BytesIO(file.read_bytes())).pages[0].extract_text()
    assert "Zoé Łukasiewicz" in text
    assert "44000 Nantes" in text
    async with page.expect_download() as coming:
        await page.locator("a", has_text="Récapitulatif").click()
    assert (await coming.value).suggested_filename.endswith(".pdf")
    again = await opens(house)
    assert await again.locator("#name").input_value() == "Zoé Łukasiewicz", "asked once"


async def test_without_the_pin_there_is_no_link(house: House) -> None:
    """A wrong PIN gives none, and the older link stops leading anywhere once there is a newer one."""
    page = await house.opens("alice", "#reçu")
    await enter(page, "111213")
    await house.application.settled()
    assert not _LINK.findall(house.chat())
    first, _ = await link(house), await link(house)
    stranger = await house.tab()
    answer = await stranger.goto(first)
    assert answer is not None
    assert answer.status == 404


async def test_the_page_of_another_browser_shows_nothing(house: House) -> None:
    """The clean address without the cookie, and another's gift with it: refused alike, and nothing is told."""
    signs(house)
    await give(house)
    page = await opens(house)
    href = await page.locator(".gifts a").get_attribute("href")
    assert href is not None
    stranger = await house.tab()
    for path in (page.url.removeprefix(house.stage.base_url) + "&again=1", href):
        answer = await stranger.goto(house.stage.base_url + path)
        assert answer is not None
        assert answer.status == 403
        assert "Eau pour tous" not in await stranger.content()
    bob = await house.tab()
    await bob.goto(await link(house, "bob", BOB.pin))
    own = bob.url.removeprefix(house.stage.base_url).partition("?")[0]
    refused = await bob.request.get(f"{house.stage.base_url}{own}/{href.rpartition('/')[2]}")
    assert refused.status == 404
    assert house.rows("select count(*) from audit where body like '%refused_not_theirs%'") == [(1,)]


async def test_a_form_of_another_site_saves_nothing(house: House) -> None:
    """Without the page's token, or with the header of another site, a form is refused."""
    page = await opens(house)
    form: dict[str, str | float | bool] = {"token": "x", "name": "Eve", "address": "1 rue d’Ailleurs, 1000 X"}
    answer = await page.request.post(page.url, form=form)
    assert answer.status == 403
    assert house.rows("select count(*) from donors") == [(0,)]


async def test_what_cannot_be_printed_is_refused_and_stays_in_the_form(house: House) -> None:
    """A name without letters is told as such, nothing is saved, and nothing has to be typed again."""
    page = await opens(house)
    await tell(page, name="12345")
    assert "Rien n’a été enregistré" in await page.locator("[role=alert]").inner_text()
    assert await page.locator("#name").input_value() == "12345"
    assert house.rows("select count(*) from donors") == [(0,)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_has_no_faults(house: House, scheme: str) -> None:
    """For whoever does not see: before and after, also when something was wrong; strict headers; nothing is kept."""
    signs(house)
    await give(house)
    page = await house.tab(viewport=PHONE, color_scheme=scheme, reduced_motion="reduce")
    answer = await page.goto(await link(house))
    assert answer is not None
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert await faults(page) == []
    await tell(page, address="nowhere at all")
    assert await faults(page) == []
    await tell(page)
    assert await faults(page) == []

"""Choosing a PIN on a page, where a dialogue in the chat asks for it."""

import pytest
from playwright.async_api import Page, expect

from botpay.testing.play import ALICE
from tests.browser.conftest import PHONE, House, enter, faults

pytestmark = pytest.mark.asyncio(loop_scope="session")
PIN = "581734"


async def _asked(house: House, **how: object) -> Page:
    """Carol enrols in the chat up to the question for a PIN, and opens its page."""
    await house.stage.say("carol", "#aide", private=True)
    await house.application.settled()
    while not house.links("carol"):
        await _answer(house)
    page = await house.tab(**how)
    await page.goto(house.link("carol"))
    return page


async def _answer(house: House) -> None:
    """The first choice of what is asked, or a name."""
    newest = house.stage.user("carol").sees()[-1]
    if newest.labels():
        await house.stage.press("carol", newest.labels()[0])
    else:
        await house.stage.say("carol", "Carol Petit", private=True)
    await house.application.settled()


async def test_a_pin_is_chosen_twice_on_the_page(house: House) -> None:
    """A newcomer chooses a PIN and repeats it on the page; then the chat goes on, and the PIN is nowhere in it."""
    page = await _asked(house, viewport=PHONE)
    assert "PIN" in await page.locator("#question").inner_text()
    assert await faults(page) == []
    await enter(page, PIN)
    await expect(page.get_by_role("alert")).to_have_count(0)
    await enter(page, PIN)
    await expect(page.get_by_role("heading")).to_have_text("La suite dans la conversation")
    assert await faults(page) == []
    await house.application.settled()
    assert house.rows("select count(*) from pins") == [(3,)]
    assert PIN not in str([message.text for message in house.stage.user("carol").sees()])


async def test_what_is_wrong_with_a_choice_is_said(house: House) -> None:
    """A PIN that anybody would guess, two that differ, and what is no PIN are refused on the page, each in words."""
    page = await _asked(house, java_script_enabled=False)
    for first, second in (("123456", None), (PIN, "581735")):
        await enter(page, first)
        if second is not None:
            await enter(page, second)
        assert await page.get_by_role("alert").inner_text()
    await page.locator("#confirm").evaluate("form => form.noValidate = true")
    await enter(page, "12345")
    assert "six chiffres" in (await page.get_by_role("alert").inner_text()).lower()
    assert house.rows("select count(*) from pins") == [(2,)]


async def test_an_old_page_answers_no_new_question(house: House) -> None:
    """What is sent from a page that another tab left behind is not taken for the answer to the next question."""
    page = await _asked(house)
    other = await page.context.new_page()
    await other.goto(house.link("carol"))
    await enter(page, PIN)
    await enter(other, PIN)  # asked there for the first time; it is the second question by now
    assert house.rows("select count(*) from pins") == [(2,)]
    await expect(other.locator("#question")).to_be_visible()


async def test_stopping_on_the_page_ends_the_dialogue(house: House) -> None:
    """Who stops on the page has no account, and is told so in the chat."""
    page = await _asked(house)
    await page.get_by_role("button", name="Arrêter").click()
    await expect(page.get_by_role("heading")).to_have_text("La suite dans la conversation")
    assert house.rows("select count(*) from dialogues") == [(0,)]


async def test_the_link_of_a_dialogue_cannot_be_made_up(house: House) -> None:
    """Knowing a dialogue's id opens nothing; nor does the token of another dialogue or another cookie."""
    page = await _asked(house)
    link = house.link("carol")
    thief = await house.tab()
    for path in (link[:-1] + "!", link.rpartition("/")[0] + "/" + "A" * 32, f"{page.url}&again=1"):
        await thief.goto(path)
        assert await thief.locator("#pin").count() == 0


async def test_who_one_is_is_proven_on_the_page(house: House) -> None:
    """Who changes their PIN enters the old one on the page as well: it is counted and checked as anywhere."""
    await house.stage.say("alice", "#code pin", private=True)
    await house.application.settled()
    page = await house.tab()
    await page.goto(house.link("alice"))
    await enter(page, "918273")
    assert await page.get_by_role("alert").inner_text()
    assert house.rows("select sum(failures) from pins") == [(1,)]
    await enter(page, ALICE.pin)
    await enter(page, PIN)
    await enter(page, PIN)
    await expect(page.get_by_role("heading")).to_have_text("La suite dans la conversation")
    assert house.rows("select count(*) from dead_letters") == [(0,)]

"""The page of a payment in a real browser: what it shows, how its PIN is entered, and how it ends."""

import asyncio
from datetime import timedelta

import pytest
from playwright.async_api import expect

from botpay.testing.play import ALICE
from tests.browser.conftest import PHONE, WRONG, House, enter, faults

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_page_shows_what_is_confirmed(house: House) -> None:
    """Amount, payee, memo, what will be left and the time left stand on the page; the address holds no token."""
    link = await house.asked()
    page = await house.tab()
    await page.goto(link)
    words = await page.locator("main").inner_text()
    for shown in ("10,00", "Bob Martin (@bob)", "pour la pizza", "290,00", "4:5"):
        assert shown in words
    assert link.rpartition("/")[2] not in page.url
    assert await page.title() == "10,00\u00a0€ à Bob Martin (@bob)"
    assert await faults(page) == []


async def test_a_right_pin_pays_and_the_chat_says_so(house: House) -> None:
    """The right PIN moves the money; the page says so, and the prompt in the chat is changed in place."""
    page = await house.opens()
    prompts = len(house.stage.user("alice").sees())
    await enter(page)
    await expect(page.get_by_role("heading")).to_have_text("Paiement effectué")
    assert "10,00\u00a0€ envoyés à Bob Martin (@bob)" in await page.locator("main").inner_text()
    assert (house.balance("alice"), house.balance("bob")) == ((290_00, 0), (310_00, 0))
    await house.application.settled()
    assert len(house.stage.user("alice").sees()) == prompts
    assert "C’est fait" in house.chat()
    assert await faults(page) == []


async def test_the_keyboard_alone_is_enough(english_house: House) -> None:
    """With a keyboard and no pointer: the field has the focus, every key is reached by Tab in order, Enter sends."""
    page = await english_house.opens()
    assert await page.evaluate("document.activeElement.id") == "pin"
    reached = []
    for _ in range(13):
        await page.keyboard.press("Tab")
        reached.append(await page.evaluate("document.activeElement.textContent.trim()"))
    assert reached == [*"1234567890", "Erase", "Send €10.00", "Cancel this payment"]
    for digit in ALICE.pin:
        await page.get_by_role("button", name=digit, exact=True).press("Enter")
    await page.get_by_role("button", name="Send €10.00").press("Enter")
    await expect(page.get_by_role("heading")).to_have_text("Payment made")
    assert english_house.balance() == (290_00, 0)


async def test_a_typed_pin_is_sent_by_enter(house: House) -> None:
    """Who types gets along without the keys; what is no digit is not taken."""
    page = await house.opens()
    await page.keyboard.type("48x29 15")
    assert await page.locator(".dots .full").count() == 6
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading")).to_have_text("Paiement effectué")


async def test_large_keys_fill_the_dots(house: House) -> None:
    """On a phone the keys are large, show a dot for each digit and can be taken back; how many is said, never which."""
    page = await house.opens(viewport=PHONE, has_touch=True, is_mobile=True)
    assert await page.locator("#pin").get_attribute("inputmode") == "none"
    for digit in ALICE.pin[:4]:
        await page.get_by_role("button", name=digit, exact=True).tap()
    await page.get_by_role("button", name="Effacer").tap()
    assert await page.locator(".dots .full").count() == 3
    assert await page.locator("#entered").inner_text() == "Chiffres saisis\u202f: 3 sur 6"
    assert ALICE.pin[:3] not in await page.locator("main").inner_text()
    sizes = [await key.bounding_box() for key in await page.locator(".key").all()]
    assert all(box and min(box["width"], box["height"]) >= 44 for box in sizes)
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for digit in ALICE.pin[3:]:
        await page.get_by_role("button", name=digit, exact=True).tap()
    await page.get_by_role("button", name="Envoyer 10,00").tap()
    await expect(page.get_by_role("heading")).to_have_text("Paiement effectué")


async def test_without_javascript_the_form_works(house: House) -> None:
    """Without JavaScript there is a plain field, no dead key, the time in words; PINs are judged alike."""
    page = await house.opens(java_script_enabled=False)
    assert not await page.locator(".keys").is_visible()
    assert "4 minutes" in await page.locator("dl").inner_text()
    await enter(page, WRONG)
    assert "Encore 2 essais" in await page.get_by_role("alert").inner_text()
    await enter(page)
    assert await page.get_by_role("heading").inner_text() == "Paiement effectué"
    assert "C’est fait\u202f:" in await page.locator(".told").inner_text(), "no line begins with a colon"
    assert house.balance() == (290_00, 0)


async def test_wrong_then_right(english_house: House) -> None:
    """A wrong PIN says that nothing was sent and how many tries are left, on the page and in the chat."""
    page = await english_house.opens()
    await enter(page, WRONG)
    alert = page.get_by_role("alert")
    await expect(alert).to_have_text("PIN not accepted. Nothing was sent. 2 tries left for this payment.")
    assert (await page.title()).startswith("Try again")
    assert await faults(page) == []
    await english_house.application.settled()
    assert "2 tries left" in english_house.chat()
    await enter(page)
    await expect(page.get_by_role("heading")).to_have_text("Payment made")


async def test_what_is_no_pin_is_not_tried(house: House) -> None:
    """Fewer digits, or others than 0 to 9, are told apart from a wrong PIN and cost no try."""
    page = await house.opens(java_script_enabled=False)
    for typed in ("48291", "٤٨٢٩١٥"):
        await page.locator("#confirm").evaluate("form => form.noValidate = true")
        await page.locator("#pin").evaluate("(field, typed) => { field.value = typed }", typed)
        await page.locator("#confirm button[type=submit]").click()
        assert "n’a pas été essayé" in await page.get_by_role("alert").inner_text()
    assert house.rows("select tries, state from challenges") == [(0, "open")]


async def test_three_wrong_pins_end_the_payment(house: House) -> None:
    """After the third wrong PIN the payment is over, the money stays, and the page says so in dark as in light."""
    page = await house.opens(color_scheme="dark")
    for _ in range(3):
        await enter(page, WRONG)
    await expect(page.get_by_role("heading")).to_have_text("Paiement abandonné")
    assert await faults(page) == []
    assert house.balance() == (300_00, 0)


async def test_five_wrong_pins_lock_the_account(house: House) -> None:
    """The fifth wrong PIN in a row locks, whatever payment it was for; before it the page warns."""
    page = await house.opens()
    for _ in range(3):
        await enter(page, WRONG)
    page = await house.opens()
    await enter(page, WRONG)
    await expect(page.get_by_role("heading")).to_have_text("Un instant, s’il vous plaît")
    assert house.rows("select sum(tries) from challenges") == [(3,)], "too soon, and not counted"
    house.clock.move(timedelta(seconds=30))
    await page.go_back()
    await enter(page, WRONG)
    assert "bloqué" in await page.get_by_role("alert").inner_text()
    house.clock.move(timedelta(seconds=60))
    await enter(page, WRONG)
    await expect(page.get_by_role("heading")).to_have_text("Compte bloqué")
    assert await faults(page) == []
    assert house.balance() == (300_00, 0)


async def test_cancelling(house: House) -> None:
    """One button calls the payment off: the hold is released, page and chat say that the money stays."""
    page = await house.opens()
    assert house.balance() == (300_00, 10_00)
    await page.get_by_role("button", name="Annuler ce paiement").click()
    await expect(page.get_by_role("heading")).to_have_text("Paiement annulé")
    assert house.balance() == (300_00, 0)
    await house.application.settled()
    assert "restent chez vous" in house.chat()
    assert await faults(page) == []


async def test_a_page_that_is_too_late(house: House) -> None:
    """When time is over the page says so, also where nobody has swept yet, and a right PIN pays nothing."""
    page = await house.opens()
    house.clock.move(timedelta(minutes=5))
    await enter(page)
    await expect(page.get_by_role("heading")).to_have_text("Délai dépassé")
    assert "vous avez 300,00" in await page.locator("main").inner_text()
    assert await faults(page) == []
    await house.later(timedelta())
    await page.reload()
    assert "vous avez 300,00" in await page.locator("main").inner_text()
    assert house.balance() == (300_00, 0)


async def test_the_time_runs_down_by_itself(house: House) -> None:
    """Who only looks on is told when the time is over: the page asks anew by itself."""
    page = await house.tab()
    await page.clock.install()
    await page.goto(await house.asked())
    house.clock.move(timedelta(minutes=6))
    await page.clock.run_for(timedelta(minutes=5).seconds * 1000)
    await expect(page.get_by_role("heading")).to_have_text("Délai dépassé")


async def test_two_tabs_at_once_are_one_try(house: House) -> None:
    """Two tabs of one payment that send their PINs at the same moment are one try, and one payment."""
    link = await house.asked()
    one = await house.tab()
    await one.goto(link)
    other = await one.context.new_page()
    await other.goto(link)
    for page in (one, other):
        await page.locator("#pin").fill(ALICE.pin)
    await asyncio.gather(*(page.locator("#confirm button[type=submit]").click() for page in (one, other)))
    for page in (one, other):
        await expect(page.get_by_role("heading")).to_have_text("Paiement effectué")
    assert house.rows("select tries, state from challenges") == [(1, "passed")]
    assert house.balance("bob") == (310_00, 0)


async def test_two_payments_side_by_side(house: House) -> None:
    """Two payments open in one browser keep apart: each page answers its own."""
    first = await house.opens(words="#envoyer 1 € @bob")
    second = await first.context.new_page()
    await second.goto(await house.asked(words="#envoyer 2 € @bob"))
    await enter(first)
    await expect(first.get_by_role("heading")).to_have_text("Paiement effectué")
    assert "1,00" in await first.locator("main").inner_text()
    assert sorted(house.rows("select amount_minor, state from challenges")) == [(100, "passed"), (200, "open")]
    await enter(second)
    assert house.balance() == (297_00, 0)


async def test_keys_in_the_chat_and_the_page_are_one_count(house: House) -> None:
    """The platform's keys stay beside the page: a wrong PIN there counts here."""
    page = await house.opens()
    await house.stage.enter_pin("alice", WRONG)
    await house.application.settled()
    await enter(page)
    assert "Encore 2 essais" in await page.get_by_role("alert").inner_text()
    assert house.rows("select tries from challenges") == [(1,)]
    await enter(page)
    await expect(page.get_by_role("heading")).to_have_text("Paiement effectué")


async def test_a_donation_names_the_charity(house: House) -> None:
    """A donation says that it is one, to which charity, by name and hashtag."""
    page = await house.opens(words="#donner 50 € #eaupourtous")
    words = await page.locator("main").inner_text()
    assert "Vous donnez" in words
    assert "à l’association Eau pour tous (#eaupourtous)" in words
    await page.get_by_role("button", name="Donner 50,00").is_visible()
    assert await faults(page) == []
    await enter(page)
    assert "50,00\u00a0€ donnés à Eau pour tous" in await page.locator("main").inner_text()

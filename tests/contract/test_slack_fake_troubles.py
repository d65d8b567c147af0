"""The fake Slack against the real slack_sdk: Home tabs, installing, and bad days."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import aiohttp
import aiohttp.web
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from botpay.testing.slack import Channel, FakeSlack, Person
from botpay.testing.slack.oauth import Consent
from tests.contract.test_slack_fake import section


@pytest.fixture
async def fake() -> AsyncIterator[FakeSlack]:
    """Slack."""
    fake = FakeSlack()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
def alice(fake: FakeSlack) -> Person:
    """Somebody in this workspace."""
    return fake.user("alice")


def client_of(fake: FakeSlack, token: str | None) -> AsyncWebClient:
    """The real client with a token."""
    return AsyncWebClient(token=token, base_url=fake.base_url)


async def refused(call: Any) -> str:
    """The error code with which Slack refuses a call."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def agreed(fake: FakeSlack, consent: Consent) -> str:
    """The code that somebody's consent gives."""
    fake.oauth.consent = consent
    asked = {"client_id": fake.oauth.client_id, "scope": "chat:write", "redirect_uri": "http://127.0.0.1/back"}
    site = fake.base_url.removesuffix("api/")
    url = f"{site}oauth/v2/authorize"
    async with aiohttp.ClientSession() as browser, browser.get(url, params=asked, allow_redirects=False) as page:
        return page.headers["Location"].partition("code=")[2].partition("&")[0]


async def exchange(fake: FakeSlack, code: str, secret: str | None = None) -> Any:
    """oauth.v2.access with the app's credentials."""
    proof = aiohttp.encode_basic_auth(fake.oauth.client_id, secret or fake.oauth.client_secret)
    form = {"code": code, "redirect_uri": "http://127.0.0.1/back"}
    return await client_of(fake, None).api_call("oauth.v2.access", headers={"Authorization": proof}, data=form)


async def test_a_home_tab_is_published_for_one_person(fake: FakeSlack, alice: Person) -> None:
    """It shows what was published last, to its person; a modal there, and a person that is none, are refused."""
    client = client_of(fake, fake.bot_token)
    for text in ("one", "two"):
        await client.views_publish(user_id=alice.id, view={"type": "home", "blocks": [section(text)]})
    assert alice.home is not None
    assert alice.home.shown == "two"
    assert [event.shown for event in alice.saw] == ["one", "two"]
    assert fake.user("bob").saw == []
    modal = {"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": []}
    assert await refused(client.views_publish(user_id=alice.id, view=modal)) == "invalid_arguments"
    home = {"type": "home", "blocks": [section("x")]}
    assert await refused(client.views_publish(user_id="U0NOBODY", view=home)) == "user_not_found"
    too_long = {"type": "home", "blocks": [section("x")] * 101}
    assert await refused(client.views_publish(user_id=alice.id, view=too_long)) == "invalid_arguments"


async def test_a_code_gives_a_token_once(fake: FakeSlack) -> None:
    """A code works once and with the right secret; the token acts in its workspace and ends with the next one."""
    code = await agreed(fake, Consent("T0OTHER"))
    assert await refused(exchange(fake, code, "wrong")) == "bad_client_secret"
    first = await exchange(fake, code)
    assert await refused(exchange(fake, code)) == "invalid_code"
    who = await client_of(fake, first["access_token"]).auth_test()
    assert (who["team_id"], who["user_id"]) == ("T0OTHER", first["bot_user_id"])
    await exchange(fake, await agreed(fake, Consent("T0OTHER")))
    assert await refused(client_of(fake, first["access_token"]).auth_test()) == "invalid_auth"
    assert (await client_of(fake, fake.bot_token).auth_test())["team_id"] == "T0FAKE"


async def test_a_token_of_an_organisation_names_its_workspaces(fake: FakeSlack) -> None:
    """auth.teams.list tells them; people of all of them can be written to, others cannot."""
    code = await agreed(fake, Consent("T0ONE", "E0GRID", is_org=True, teams=("T0ONE", "T0TWO")))
    granted = await exchange(fake, code)
    client = client_of(fake, granted["access_token"])
    assert [team["id"] for team in (await client.api_call("auth.teams.list"))["teams"]] == ["T0ONE", "T0TWO"]
    assert (await client.auth_test())["is_enterprise_install"]
    ben, alice = fake.user("ben", team_id="T0TWO"), fake.user("alice")
    assert (await client.conversations_open(users=ben.id))["channel"]["id"] == ben.direct.id
    assert await refused(client.conversations_open(users=alice.id)) == "user_not_found"


async def test_a_call_can_hang_or_be_cut_off(fake: FakeSlack, alice: Person) -> None:
    """The caller gets no answer, and what was asked is done or not, as told."""
    client = AsyncWebClient(token=fake.bot_token, base_url=fake.base_url, timeout=1, retry_handlers=[])
    for done in (True, False):
        for how in ({"hangs": True}, {"drops": True}):
            fake.fail_next("chat.postMessage", "", after_effect=done, **how)
            with pytest.raises((aiohttp.ClientError, asyncio.TimeoutError)):
                await client.chat_postMessage(channel=alice.id, text=f"{done}")
    assert alice.sees() == ["True", "True"]


async def test_bad_days_repeat(alice: Person) -> None:
    """The same seed gives the same troubles, about as many as told; without, all is well again."""
    seen = []
    for _ in range(2):
        fake = FakeSlack()
        await fake.start()
        fake.disturb(0.2, seed=7)
        client = AsyncWebClient(token=fake.bot_token, base_url=fake.base_url, retry_handlers=[])
        failed = 0
        for number in range(200):
            try:
                await client.chat_postMessage(channel=fake.user("alice").id, text=str(number))
            except (SlackApiError, aiohttp.ClientError):
                failed += 1
        seen.append((failed, dict(fake.trouble.seen), fake.user("alice").sees()))
        fake.disturb(0, seed=7)
        await client.chat_postMessage(channel=fake.user("alice").id, text="well")
        await fake.stop()
    assert seen[0] == seen[1]
    assert 20 < seen[0][0] < 60
    assert set(seen[0][1]) == {
        "dropped after",
        "internal_error after",
        "internal_error before",
        "ratelimited before",
        "service_unavailable before",
    }


async def test_events_come_late_and_twice_on_bad_days(fake: FakeSlack, alice: Person) -> None:
    """Nothing is lost: what was held is brought after what came later, or by a retry."""
    heard: list[str] = []

    async def listen(request: aiohttp.web.Request) -> aiohttp.web.Response:
        heard.append((await request.json())["event"]["text"])
        return aiohttp.web.Response(status=HTTPStatus.OK)

    app = aiohttp.web.Application()
    app.add_routes([aiohttp.web.post("/", listen)])
    runner = aiohttp.web.AppRunner(app, access_log=None)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    fake.set_request_url(f"http://{host}:{port}/")
    fake.disturb(0.3, seed=3)
    said = [str(number) for number in range(40)]
    for text in said:
        await alice.say(None, text)
    await fake.settled()
    await runner.cleanup()
    assert sorted(set(heard), key=int) == said
    first = [text for place, text in enumerate(heard) if text not in heard[:place]]
    assert first != said
    assert len(heard) > len(said)


async def test_guests_are_named_as_such(fake: FakeSlack, alice: Person) -> None:
    """What somebody of another workspace writes in a shared channel names their team in fields of its own."""
    mallory = fake.user("mallory", team_id="T0OTHER")
    channel: Channel = fake.channel("shared", alice, mallory)
    fake.set_request_url("http://127.0.0.1:1/")
    for person in (alice, mallory):
        await person.say(channel, "hello")
    own, foreign = [delivery.payload for delivery in fake.deliveries]
    assert "user_team" not in own["event"]
    assert (foreign["event"]["user_team"], foreign["event"]["source_team"]) == ("T0OTHER", "T0OTHER")
    assert (own["is_ext_shared_channel"], foreign["is_ext_shared_channel"]) == (False, True)

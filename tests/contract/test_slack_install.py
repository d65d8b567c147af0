"""Many workspaces: how they let the app in, how each is told apart, and how they throw it out."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from botpay.adapters.slack.settings import SCOPES
from botpay.adapters.slack.workspaces import GRANT, Grant
from botpay.errors import Forbidden
from botpay.message import Flag, SecretText
from botpay.testing.slack.oauth import Consent
from botpay.testing.slack.rig import SlackRig, private

HERE, THERE = Consent("T0FAKE"), Consent("T0OTHER")


@pytest.fixture
async def rig() -> AsyncIterator[SlackRig]:
    """The adapter on a fake Slack where any workspace may install the app, and none has."""
    async with SlackRig(many=True) as rig:
        rig.fake.installations.clear()
        yield rig


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    """Somebody's browser, with its cookies."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


async def install(rig: SlackRig, consent: Consent, browser: aiohttp.ClientSession | None = None) -> tuple[int, str]:
    """Install the app as somebody does who clicks: the last page's status, and its words."""
    rig.fake.oauth.consent = consent
    own = browser or aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
    try:
        async with own.get(f"{rig.url}/slack/install") as page:
            return page.status, await page.text()
    finally:
        if browser is None:
            await own.close()


async def kept(rig: SlackRig) -> list[str]:
    """The tenants whose tokens are kept."""
    return await rig.host.tenants(GRANT)


async def test_a_workspace_lets_the_app_in(rig: SlackRig) -> None:
    """The page asks for the scopes of the manifest, ends in Slack, and the token is kept for its tenant."""
    assert await install(rig, HERE) == (HTTPStatus.OK, "Slack")
    [asked] = rig.fake.oauth.asked
    assert set(asked["scope"].split(",")) == set(SCOPES)
    assert asked["redirect_uri"] == f"{rig.url}/slack/oauth_redirect"
    assert await kept(rig) == ["T0FAKE"]
    alice = rig.fake.user("alice")
    await alice.say(None, "solde")
    assert rig.last.tenant == "T0FAKE"
    await rig.adapter.send(private("Vous avez 10 €"))
    assert alice.sees() == ["solde", "Vous avez 10 €"]


async def test_each_workspace_has_its_own_token(rig: SlackRig) -> None:
    """What is for one workspace is written with its token; the other's people are not reached by it."""
    for consent in (HERE, THERE):
        await install(rig, consent)
    alice, mallory = rig.fake.user("alice"), rig.fake.user("mallory", team_id="T0OTHER")
    for person in (alice, mallory):
        await person.say(None, "solde")
        await person.slash("/pay", "5 €")
        await person.open_home()
    assert [inbound.tenant for inbound in rig.received] == ["T0FAKE"] * 3 + ["T0OTHER"] * 3
    await rig.adapter.send(private("yours", to=mallory.id, tenant="T0OTHER"))
    assert mallory.sees()[-1] == "yours"
    with pytest.raises(Exception, match="not let us write"):
        await rig.adapter.send(private("not yours", to=mallory.id, tenant="T0FAKE"))


async def test_a_guest_counts_where_the_app_is_at_home(rig: SlackRig) -> None:
    """In a shared channel people of a workspace that has the app too have their own identity; all others have none."""
    await install(rig, HERE)
    mallory = rig.fake.user("mallory", team_id="T0OTHER")
    channel = rig.fake.channel("shared", rig.fake.user("alice"))
    channel.members.add(mallory.id)
    await mallory.say(channel, "#solde")
    await install(rig, THERE)
    await mallory.say(channel, "#solde")
    stranger, guest = rig.received
    assert stranger.author is None
    assert stranger.flags == {Flag.ANONYMOUS}
    assert guest.author is not None
    assert (guest.author.key, guest.flags) == (("slack", "T0OTHER", "U0MALLORY"), frozenset())


async def test_an_organisation_installs_once(rig: SlackRig) -> None:
    """All workspaces of an organisation are one tenant with one token; a single one of them cannot take it over."""
    grid = Consent("T0ONE", "E0GRID", is_org=True, teams=("T0ONE", "T0TWO"))
    assert (await install(rig, Consent("T0ONE", "E0GRID")))[0] == HTTPStatus.OK
    status, told = await install(rig, Consent("T0TWO", "E0GRID"))
    assert (status, "whole organisation" in told) == (HTTPStatus.CONFLICT, True)
    assert (await install(rig, grid))[0] == HTTPStatus.OK
    assert await kept(rig) == ["E0GRID"]
    for name, team in (("ann", "T0ONE"), ("ben", "T0TWO")):
        person = rig.fake.user(name, team_id=team)
        await person.say(None, "solde")
        await person.slash("/pay", "5 €")
        assert rig.last.author is not None
        assert rig.last.author.key == ("slack", "E0GRID", person.id)
        await rig.adapter.send(private("yours", to=person.id, tenant="E0GRID"))
        assert person.sees()[-1] == "yours"
    assert all(not inbound.flags for inbound in rig.received)
    await rig.fake.uninstall("T0TWO", of_whole_org=False)
    assert await kept(rig) == ["E0GRID"]
    await rig.fake.uninstall("T0ONE")
    assert await kept(rig) == []


async def test_throwing_it_out_forgets_the_token_at_once(rig: SlackRig) -> None:
    """After uninstalling nothing is taken or sent any more; installed again, everything works, with the new token."""
    await install(rig, HERE)
    alice = rig.fake.user("alice")
    await alice.say(None, "one")
    await rig.fake.uninstall("T0FAKE")
    assert await kept(rig) == []
    await alice.say(None, "two")
    with pytest.raises(Forbidden, match="not installed"):
        await rig.adapter.send(private("too late"))
    await install(rig, HERE)
    await alice.say(None, "three")
    assert rig.texts == ["one", "three"]
    assert [delivery.statuses for delivery in rig.fake.deliveries] == [[200]] * 5


async def test_an_old_goodbye_does_not_end_a_new_grant(rig: SlackRig) -> None:
    """Slack tells late and twice: while the token works, the end was that of another, and nothing is forgotten."""
    await install(rig, HERE)
    for kind in ("app_uninstalled", "tokens_revoked"):
        await rig.fake.tell_end(kind, "T0FAKE", None)
    assert await kept(rig) == ["T0FAKE"]


async def test_a_token_that_may_not_work_now_is_not_over(rig: SlackRig) -> None:
    """What an organisation's administrators hold back for a while is no end of the grant."""
    await install(rig, HERE)
    rig.fake.fail_next("auth.test", "ekm_access_denied")
    await rig.fake.tell_end("tokens_revoked", "T0FAKE", None)
    assert await kept(rig) == ["T0FAKE"]


async def test_check_looks_at_every_token(rig: SlackRig) -> None:
    """The doctor names each workspace whose token does not work or lacks a scope, and where to mend it."""
    for consent in (HERE, THERE):
        await install(rig, consent)
    https, *more = await rig.adapter.check()
    assert ("https://" in https, more) == (True, [])
    rig.fake.scopes -= {"im:write"}
    gone = rig.fake.installation_of("T0OTHER")
    assert gone is not None
    gone.token = None
    _, lacking, over = await rig.adapter.check()
    assert lacking.startswith("The token of T0FAKE lacks the scope im:write")
    assert over.startswith("The token of T0OTHER does not work")
    assert f"{rig.url}/slack/install" in over


async def test_a_goodbye_that_cannot_be_checked_comes_again(rig: SlackRig) -> None:
    """While Slack does not answer whether the token still works, the event is refused, and its retry is taken."""
    await install(rig, HERE)
    rig.fake.fail_next("auth.test", "internal_error", status=500)
    await rig.fake.uninstall("T0FAKE")
    assert [delivery.statuses for delivery in rig.fake.deliveries] == [[503], [200]]
    await rig.fake.settled()
    assert await kept(rig) == []


async def test_a_token_that_another_process_renewed_is_found(rig: SlackRig) -> None:
    """A refused token is looked up again at the next try, for it may have been replaced meanwhile."""
    await install(rig, HERE)
    alice = rig.fake.user("alice")
    await rig.adapter.send(private("one"))
    renewed = rig.fake.oauth.install(HERE)
    await rig.host.keep("T0FAKE", GRANT, Grant(SecretText(str(renewed.token)), "T0FAKE", None, False).packed())
    with pytest.raises(Forbidden):
        await rig.adapter.send(private("refused"))
    await rig.adapter.send(private("two"))
    assert alice.sees() == ["one", "two"]


async def test_tokens_are_kept_sealed(rig: SlackRig) -> None:
    """Nobody reads a token in the database's files."""
    await install(rig, HERE)
    for path in rig.database.parent.iterdir():
        assert b"xoxb-" not in path.read_bytes()


# Who may finish what


async def begun(rig: SlackRig, browser: aiohttp.ClientSession) -> URL:
    """Begin to install, and stop where Slack would send the browser back with its code."""
    async with browser.get(f"{rig.url}/slack/install", allow_redirects=False) as page:
        assert page.headers["Cache-Control"] == "no-store"
        consent = page.headers["Location"]
    async with browser.get(consent, allow_redirects=False) as page:
        return URL(page.headers["Location"])


async def test_a_code_works_once_in_the_browser_that_asked(rig: SlackRig, browser: aiohttp.ClientSession) -> None:
    """Neither another browser nor the same one a second time can finish; nothing is kept of the attempt."""
    back = await begun(rig, browser)
    async with aiohttp.ClientSession() as other, other.get(back) as page:
        assert page.status == HTTPStatus.BAD_REQUEST
    assert await kept(rig) == []
    async with browser.get(back, allow_redirects=False) as page:
        assert page.status == HTTPStatus.FOUND
    await rig.host.forget("T0FAKE", GRANT)
    async with browser.get(back, allow_redirects=False) as page:
        assert page.status == HTTPStatus.BAD_REQUEST
    assert await kept(rig) == []


async def test_the_state_is_used_up_though_its_cookie_comes_again(
    rig: SlackRig, browser: aiohttp.ClientSession
) -> None:
    """Who kept the cookie cannot use it for a second code."""
    back = await begun(rig, browser)
    [cookie] = [c for c in browser.cookie_jar if c.key == "botpay_slack_install"]
    for status in (HTTPStatus.FOUND, HTTPStatus.BAD_REQUEST):
        headers = {"Cookie": f"{cookie.key}={cookie.value}"}
        async with aiohttp.ClientSession() as other, other.get(back, headers=headers, allow_redirects=False) as page:
            assert page.status == status


@pytest.mark.parametrize("changed", [{"state": "x"}, {"state": ""}, {"state": "é"}, {"code": "code-none"}])
async def test_what_slack_did_not_say_installs_nothing(
    rig: SlackRig, browser: aiohttp.ClientSession, changed: dict[str, str]
) -> None:
    """A state or a code that was made up is refused, and the page says where to begin again."""
    back = await begun(rig, browser)
    async with browser.get(back.update_query(changed)) as page:
        assert page.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.BAD_GATEWAY)
        assert f"{rig.url}/slack/install" in await page.text()
    assert await kept(rig) == []


@pytest.mark.parametrize("cookie", ["", "1.x.y", "{now}.x.y", "x", "..", "9999999999999999.x.y", "1\u0663.x.y"])
async def test_a_forged_cookie_is_none(rig: SlackRig, browser: aiohttp.ClientSession, cookie: str) -> None:
    """A cookie that we did not make does not vouch for a state."""
    back = await begun(rig, browser)
    headers = {"Cookie": f"botpay_slack_install={cookie.format(now=int(rig.now()))}"}
    async with aiohttp.ClientSession() as other, other.get(back.update_query(state="x"), headers=headers) as page:
        assert page.status == HTTPStatus.BAD_REQUEST


async def test_a_state_grows_old(rig: SlackRig, browser: aiohttp.ClientSession) -> None:
    """After ten minutes one begins again."""
    back = await begun(rig, browser)
    rig.ahead = 601
    async with browser.get(back) as page:
        assert page.status == HTTPStatus.BAD_REQUEST


async def test_saying_no_installs_nothing(rig: SlackRig) -> None:
    """Who does not agree on Slack's page reads so."""
    status, told = await install(rig, Consent("T0FAKE", agrees=False))
    assert (status, "not installed" in told) == (HTTPStatus.FORBIDDEN, True)
    assert await kept(rig) == []


async def test_tokens_that_end_by_themselves_are_not_taken(rig: SlackRig) -> None:
    """Where the app is set to rotate tokens, its owner reads to switch that off; nothing is kept that would end."""
    rig.fake.oauth.rotates = True
    status, told = await install(rig, HERE)
    assert (status, "rotation" in told) == (HTTPStatus.CONFLICT, True)
    assert await kept(rig) == []


async def test_looking_changes_nothing(rig: SlackRig, browser: aiohttp.ClientSession) -> None:
    """HEAD, as link previews send it, neither begins nor finishes."""
    back = await begun(rig, browser)
    for url in (f"{rig.url}/slack/install", back):
        async with browser.head(url) as page:
            assert page.status == HTTPStatus.METHOD_NOT_ALLOWED
    assert await kept(rig) == []


async def test_without_a_client_id_there_is_no_such_page() -> None:
    """With one workspace's token nobody else can install the app."""
    async with SlackRig() as rig, aiohttp.ClientSession() as browser:
        async with browser.get(f"{rig.url}/slack/install") as page:
            assert page.status == HTTPStatus.NOT_FOUND
        assert [route.path for route in rig.adapter.routes() if isinstance(route, web.RouteDef)] == ["/slack/events"]


async def test_nothing_of_it_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Neither the code, nor the secret, nor the token, nor a state."""
    caplog.set_level("DEBUG")
    async with SlackRig(many=True) as rig:
        await install(rig, HERE)
        rig.fake.fail_next("oauth.v2.access", "invalid_code")
        await install(rig, HERE)
        grant = await rig.host.kept("T0FAKE", GRANT)
        secrets: list[Any] = ["code-1", "code-2", rig.fake.oauth.client_secret, "xoxb-granted"]
        secrets += [query["state"] for query in rig.fake.oauth.asked]
        shown = f"{rig.adapter!r} {vars(rig.adapter)!r} {grant!r} {vars(rig.adapter._workspaces)!r}"
    for secret in secrets:
        assert secret not in caplog.text
        assert secret not in shown

"""The fake Slack against the real slack_sdk: what it takes, Slack takes; what Slack refuses, it refuses."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from botpay.testing.slack import FakeSlack, Person
from botpay.testing.slack.world import Channel


class App:
    """An app that notes the requests it gets, checks their signatures, and answers as told."""

    def __init__(self, secret: str) -> None:
        self.verifier = SignatureVerifier(secret)
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.answer: Any = None

    async def hook(self, request: web.Request) -> web.Response:
        body = await request.read()
        assert self.verifier.is_valid_request(body, dict(request.headers))
        self.requests.append(({name.lower(): value for name, value in request.headers.items()}, body))
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status) if self.answer is None else web.json_response(self.answer, status=status)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for headers, body in self.requests if headers["content-type"] == "application/json"]

    @property
    def forms(self) -> list[dict[str, str]]:
        forms = (parse_qs(body.decode()) for headers, body in self.requests if "urlenc" in headers["content-type"])
        return [{name: values[0] for name, values in form.items()} for form in forms]


@pytest.fixture
async def fake() -> AsyncIterator[FakeSlack]:
    """Slack."""
    fake = FakeSlack()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def app(fake: FakeSlack) -> AsyncIterator[App]:
    """The app that Slack tells."""
    app = App(fake.signing_secret)
    runner = web.AppRunner(web.Application(), access_log=None)
    runner.app.add_routes([web.post("/hook", app.hook)])
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    fake.set_request_url(f"http://{host}:{port}/hook")
    yield app
    await runner.cleanup()


@pytest.fixture
def client(fake: FakeSlack) -> AsyncWebClient:
    """The real client, with the bot's token."""
    return AsyncWebClient(fake.bot_token, fake.base_url)


@pytest.fixture
def alice(fake: FakeSlack) -> Person:
    """Somebody in this workspace."""
    return fake.user("alice")


@pytest.fixture
def channel(fake: FakeSlack, alice: Person) -> Channel:
    """A public channel with alice, bob and the bot."""
    return fake.channel("general", alice, fake.user("bob"))


def button(label: str = "OK", action_id: str = "ok", value: str = "v") -> dict[str, Any]:
    """A button."""
    text = {"type": "plain_text", "text": label}
    return {"type": "button", "action_id": action_id, "text": text, "value": value}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    """A row of elements."""
    return {"type": "actions", "elements": list(elements)}


def section(text: str) -> dict[str, Any]:
    """A block of text."""
    return {"type": "section", "text": {"type": "plain_text", "text": text}}


def modal(*blocks: dict[str, Any], title: str = "PIN") -> dict[str, Any]:
    """A modal with these blocks."""
    return {"type": "modal", "title": {"type": "plain_text", "text": title}, "blocks": list(blocks)}


async def error_of(call: Any) -> str:
    """The error code with which Slack refuses a call."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_who_we_are(client: AsyncWebClient) -> None:
    """auth.test tells the bot's ids, and the scopes in a header."""
    answer = await client.auth_test()
    assert (answer["user_id"], answer["team_id"]) == ("U0BOTPAY", "T0FAKE")
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


async def test_tokens(fake: FakeSlack) -> None:
    """A wrong token, none, and the wrong kind of token each have their own error."""
    assert await error_of(AsyncWebClient("xoxb-wrong", fake.base_url).auth_test()) == "invalid_auth"
    assert await error_of(AsyncWebClient(None, fake.base_url).auth_test()) == "not_authed"
    assert await error_of(AsyncWebClient(fake.app_token, fake.base_url).auth_test()) == "not_allowed_token_type"
    bot = AsyncWebClient(fake.bot_token, fake.base_url)
    assert await error_of(bot.apps_connections_open(app_token=fake.bot_token)) == "not_allowed_token_type"


async def test_unknown_method_and_missing_scope(fake: FakeSlack, client: AsyncWebClient) -> None:
    """A method that does not exist, and one that the token may not use."""
    assert await error_of(client.api_call("chat.shout")) == "unknown_method"
    fake.scopes.discard("im:write")
    assert await error_of(client.conversations_open(users="U0ALICE")) == "missing_scope"


async def test_post_and_see(client: AsyncWebClient, alice: Person, channel: Channel) -> None:
    """What is posted is seen by the members, with its escapes undone."""
    answer = await client.chat_postMessage(channel=channel.id, text="5 &lt; 6 &amp; so on")
    assert alice.sees(channel) == ["5 < 6 & so on"]
    await client.chat_update(channel=channel.id, ts=answer["ts"], text="later")
    assert alice.sees(channel) == ["later"]
    await client.chat_delete(channel=channel.id, ts=answer["ts"])
    assert alice.sees(channel) == []


async def test_where_a_post_may_go(fake: FakeSlack, client: AsyncWebClient) -> None:
    """Unknown, foreign, archived and secret places are refused, each in Slack's words."""
    away = fake.channel("away", with_bot=False)
    secret = fake.channel("secret", with_bot=False, kind="group")
    old = fake.channel("old")
    old.archived = True
    for place, code in [
        ("C0NOWHERE", "channel_not_found"),
        (away.id, "not_in_channel"),
        (secret.id, "channel_not_found"),
        (old.id, "is_archived"),
    ]:
        assert await error_of(client.chat_postMessage(channel=place, text="hi")) == code


async def test_words_are_needed_and_limited(client: AsyncWebClient, channel: Channel) -> None:
    """No text is refused, and so is too much; an edit may hold less than a post."""
    assert await error_of(client.api_call("chat.postMessage", json={"channel": channel.id})) == "no_text"
    assert await error_of(client.chat_postMessage(channel=channel.id, text="x" * 40_001)) == "msg_too_long"
    posted = await client.chat_postMessage(channel=channel.id, text="x" * 40_000)
    update = client.chat_update(channel=channel.id, ts=posted["ts"], text="x" * 4_001)
    assert await error_of(update) == "msg_too_long"


@pytest.mark.parametrize(
    "blocks",
    [
        [section("x" * 3001)],
        [section("")],
        [actions(button("x" * 76))],
        [actions(button(value="x" * 2001))],
        [actions(button(action_id="x" * 256))],
        [actions(button(), button())],
        [actions(*[button(action_id=str(n)) for n in range(26)])],
        [actions()],
        [section("x")] * 51,
        [{"type": "keypad"}],
        [{**section("x"), "block_id": "a"}, {**section("y"), "block_id": "a"}],
    ],
    ids=[
        "section-long",
        "section-empty",
        "label",
        "value",
        "action_id",
        "twice",
        "26",
        "none",
        "51",
        "kind",
        "block_id",
    ],
)
async def test_blocks_have_limits(client: AsyncWebClient, channel: Channel, blocks: list[dict[str, Any]]) -> None:
    """Blocks that Slack would refuse are refused."""
    assert await error_of(client.chat_postMessage(channel=channel.id, text="t", blocks=blocks)) == "invalid_blocks"


async def test_blocks_at_their_limits_pass(client: AsyncWebClient, alice: Person, channel: Channel) -> None:
    """The largest blocks that Slack takes are taken."""
    row = actions(*[button("x" * 75, str(n), "x" * 2000) for n in range(25)])
    await client.chat_postMessage(channel=channel.id, text="t", blocks=[section("x" * 3000), row, *[section("y")] * 48])
    assert alice.sees(channel)[0].startswith("x" * 3000)


async def test_only_own_messages_are_changed(client: AsyncWebClient, alice: Person, channel: Channel) -> None:
    """A bot can neither edit nor delete what a person wrote, nor what is not there."""
    theirs = await alice.say(channel, "mine")
    for ts, edit, delete in [
        (theirs.ts, "cant_update_message", "cant_delete_message"),
        ("1.2", "message_not_found", "message_not_found"),
    ]:
        assert await error_of(client.chat_update(channel=channel.id, ts=ts, text="no")) == edit
        assert await error_of(client.chat_delete(channel=channel.id, ts=ts)) == delete


async def test_ephemeral(client: AsyncWebClient, fake: FakeSlack, alice: Person, channel: Channel) -> None:
    """An ephemeral message is seen by its one reader, who must be a member."""
    await client.chat_postEphemeral(channel=channel.id, user=alice.id, text="psst")
    assert (alice.sees(channel), fake.user("bob").sees(channel)) == (["psst"], [])
    stranger = fake.user("carol")
    call = client.chat_postEphemeral(channel=channel.id, user=stranger.id, text="psst")
    assert await error_of(call) == "user_not_in_channel"


async def test_direct_messages(client: AsyncWebClient, fake: FakeSlack, alice: Person) -> None:
    """A conversation with a person is opened once; with bots, the deactivated and nobody it is refused."""
    first, second = [await client.conversations_open(users=alice.id) for _ in range(2)]
    assert first["channel"]["id"] == second["channel"]["id"]
    assert (await client.conversations_info(channel=first["channel"]["id"]))["channel"]["is_im"] is True
    fake.user("gone", deactivated=True)
    for user, code in [("U0BOTPAY", "cannot_dm_bot"), ("U0GONE", "user_disabled"), ("U0NOBODY", "user_not_found")]:
        assert await error_of(client.conversations_open(users=user)) == code
    assert await error_of(client.conversations_open(users="")) == "users_list_not_supplied"


async def test_people(client: AsyncWebClient, alice: Person) -> None:
    """users.info tells names, the locale if asked, and takes no JSON."""
    answer = await client.users_info(user=alice.id, include_locale=True)
    assert (answer["user"]["name"], answer["user"]["locale"]) == ("alice", "fr-FR")
    assert "locale" not in (await client.users_info(user=alice.id))["user"]
    assert await error_of(client.users_info(user="U0NOBODY")) == "user_not_found"
    assert await error_of(client.api_call("users.info", json={"user": alice.id})) == "user_not_found"


async def test_modal(client: AsyncWebClient, app: App, alice: Person, channel: Channel) -> None:
    """A press gives a trigger; the trigger opens one modal, once; the modal is updated until it is closed."""
    posted = await client.chat_postMessage(channel=channel.id, text="t", blocks=[actions(button("PIN"))])
    await alice.press(alice._world.messages[channel.id, posted["ts"]], "PIN")
    trigger = json.loads(app.forms[-1]["payload"])["trigger_id"]
    opened = await client.views_open(trigger_id=trigger, view=modal(section("Keys")))
    assert alice.modal is not None
    assert alice.modal.shown == "Keys"
    assert await error_of(client.views_open(trigger_id=trigger, view=modal())) == "exchanged_trigger_id"
    await client.views_update(view_id=opened["view"]["id"], view=modal(section("Done")))
    assert alice.modal.shown == "Done"
    stale = client.views_update(view_id=opened["view"]["id"], view=modal(), hash=opened["view"]["hash"])
    assert await error_of(stale) == "hash_conflict"
    alice.close_modal()
    assert await error_of(client.views_update(view_id=opened["view"]["id"], view=modal())) == "not_found"


async def test_modal_refusals(client: AsyncWebClient, fake: FakeSlack, app: App, alice: Person) -> None:
    """A forged trigger, one older than three seconds, and a modal that breaks a limit."""
    assert await error_of(client.views_open(trigger_id="1.2.x", view=modal())) == "invalid_trigger_id"
    await alice.slash("/pay", "now")
    trigger = app.forms[-1]["trigger_id"]
    long_title = client.views_open(trigger_id=trigger, view=modal(title="x" * 25))
    assert await error_of(long_title) == "invalid_arguments"
    fake.advance(3.5)
    assert await error_of(client.views_open(trigger_id=trigger, view=modal())) == "expired_trigger_id"


async def test_failures_on_demand(client: AsyncWebClient, fake: FakeSlack, alice: Person, channel: Channel) -> None:
    """A call fails as told, before or after its effect; the next one works."""
    fake.fail_next("chat.postMessage", "ratelimited", status=429, retry_after=7)
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=channel.id, text="one")
    assert caught.value.response.headers["Retry-After"] == "7"
    assert alice.sees(channel) == []
    fake.fail_next("chat.postMessage", "internal_error", status=500, after_effect=True)
    assert await error_of(client.chat_postMessage(channel=channel.id, text="two")) == "internal_error"
    await client.chat_postMessage(channel=channel.id, text="three")
    assert alice.sees(channel) == ["two", "three"]


async def test_a_mention_of_the_bot_comes_twice(app: App, alice: Person, channel: Channel) -> None:
    """A post that mentions the bot comes as a message and as a mention, with one timestamp and two event ids."""
    await alice.say(channel, "@botpay #envoyer 5 € à @bob & <co>")
    message, mention = app.events
    assert message["event"]["text"] == "<@U0BOTPAY> #envoyer 5 € à <@U0BOB> &amp; &lt;co&gt;"
    assert (message["event"]["type"], mention["event"]["type"]) == ("message", "app_mention")
    assert message["event"]["ts"] == mention["event"]["ts"]
    assert message["event_id"] != mention["event_id"]
    assert message["event"]["channel_type"] == "channel"


async def test_what_an_app_hears(fake: FakeSlack, app: App, alice: Person) -> None:
    """Nothing comes from channels without the bot, nor without the scope; direct messages are "im"."""
    await alice.say(fake.channel("away", alice, with_bot=False), "hello")
    fake.scopes.discard("im:history")
    await alice.say(None, "hello")
    assert app.events == []
    fake.scopes.add("im:history")
    await alice.say(None, "hello")
    assert app.events[0]["event"]["channel_type"] == "im"
    assert app.events[0]["event"]["channel"].startswith("D")


async def test_mark_up(fake: FakeSlack, alice: Person, channel: Channel) -> None:
    """People, channels, links and addresses are marked up as Slack's client does; names that nobody has are not."""
    fake.user("bob")
    for typed, kept in [
        ("@bob.", "<@U0BOB>."),
        ("@Bob, @nobody", "<@U0BOB>, @nobody"),
        ("#general #quiz", f"<#{channel.id}|general> #quiz"),
        ("@here", "<!here>"),
        ("https://a.example/?a=1&b=2", "<https://a.example/?a=1&amp;b=2>"),
        ("bob@example.org", "<mailto:bob@example.org|bob@example.org>"),
        ("`@bob <3`", "`@bob &lt;3`"),
    ]:
        assert alice.mark_up(typed) == kept
    assert alice.mark_up("@bob", with_names=True) == "<@U0BOB|bob>"


async def test_edits_and_shares(app: App, alice: Person, channel: Channel) -> None:
    """An edit comes as message_changed, and as a mention with `edited`; a share has its words in attachments."""
    message = await alice.say(channel, "@botpay one")
    await alice.edit(message, "@botpay two")
    changed, mention = [payload["event"] for payload in app.events[2:]]
    assert (changed["subtype"], changed["previous_message"]["text"]) == ("message_changed", "<@U0BOTPAY> one")
    assert changed["message"]["text"] == "<@U0BOTPAY> two"
    assert mention["edited"]["ts"] == changed["message"]["edited"]["ts"]
    await alice.share(channel, "#envoyer 5 €")
    shared = app.events[-1]["event"]
    assert (shared["text"], shared["attachments"][0]["text"]) == ("", "#envoyer 5 €")


async def test_retries(fake: FakeSlack, app: App, alice: Person) -> None:
    """An event that is not taken comes up to three times more, and says so; the same event, signed anew."""
    app.statuses = [503, 500, 500, 500, 500]
    await alice.say(None, "hello")
    assert [await fake.retry() for _ in range(4)] == [1, 1, 1, 0]
    numbers = [headers.get("x-slack-retry-num") for headers, _ in app.requests]
    assert numbers == [None, "1", "2", "3"]
    assert app.requests[1][0]["x-slack-retry-reason"] == "http_error"
    assert len({body for _, body in app.requests}) == 1


async def test_nobody_there(fake: FakeSlack, alice: Person) -> None:
    """Where nobody listens an event waits for its retry."""
    fake.set_request_url("http://127.0.0.1:9/hook")
    await alice.say(None, "hello")
    assert fake.deliveries[0].statuses == [0]
    assert fake.deliveries[0].retry_reason == "http_timeout"


async def test_redelivery_on_demand(fake: FakeSlack, app: App, alice: Person) -> None:
    """The last thing that a person did comes again although it was taken."""
    await alice.say(None, "one")
    await fake.user("bob").say(None, "two")
    await fake.redeliver_last(alice)
    texts = [payload["event"]["text"] for payload in app.events]
    assert texts == ["one", "two", "one"]
    with pytest.raises(LookupError):
        await fake.redeliver_last(fake.user("carol"))


async def test_slash_commands(app: App, fake: FakeSlack, alice: Person, channel: Channel) -> None:
    """A command comes as a form, with names behind ids; its answer is shown to its author alone."""
    fake.user("bob")
    app.answer = {"text": "Wait &amp; see"}
    await alice.slash("/pay", "20 € @bob", channel)
    form = app.forms[0]
    assert (form["command"], form["text"], form["channel_id"]) == ("/pay", "20 € <@U0BOB|bob>", channel.id)
    assert (form["user_id"], form["user_name"], form["team_id"]) == ("U0ALICE", "alice", "T0FAKE")
    assert (alice.sees(channel), fake.user("bob").sees(channel)) == (["Wait & see"], [])


async def test_failed_commands_are_not_retried(app: App, fake: FakeSlack, alice: Person) -> None:
    """A command that is not taken is lost: its author is told so by Slackbot, and Slack does not try again."""
    app.statuses = [503]
    await alice.slash("/pay", "20 €")
    assert alice.sees() == ['/pay failed with the error "dispatch_failed"']
    assert await fake.retry() == 0


async def test_presses(app: App, client: AsyncWebClient, alice: Person, channel: Channel) -> None:
    """A press tells who, which button, which message; a button that is not there cannot be pressed."""
    posted = await client.chat_postMessage(
        channel=channel.id, text="t", blocks=[actions(button("Pay & go", "a", "v1"))]
    )
    message = alice._world.messages[channel.id, posted["ts"]]
    await alice.press(message, "Pay & go")
    payload = json.loads(app.forms[0]["payload"])
    assert (payload["user"]["id"], payload["actions"][0]["value"]) == ("U0ALICE", "v1")
    assert payload["container"]["message_ts"] == posted["ts"]
    assert payload["message"]["blocks"][0]["type"] == "actions"
    with pytest.raises(LookupError):
        await alice.press(message, "Nope")


async def test_url_verification(fake: FakeSlack, app: App) -> None:
    """The Request URL is verified by its echo of the challenge, and by nothing else."""
    assert await fake.verify_url() is False
    app.answer = {"challenge": "3eZbrw1aB"}
    assert await fake.verify_url() is True


async def test_socket_mode() -> None:
    """Envelopes come over a WebSocket, again if they are not acknowledged, and over a new one after a refresh."""
    fake = FakeSlack(transport="socket")
    await fake.start()
    client = SocketModeClient(fake.app_token, web_client=AsyncWebClient(fake.bot_token, fake.base_url))
    seen: list[Any] = []

    async def on_envelope(socket: Any, envelope: Any) -> None:
        seen.append((envelope.payload["event"]["text"], envelope.retry_attempt))
        if len(seen) != 1:
            await socket.send_socket_mode_response(SocketModeResponse(envelope.envelope_id))

    client.socket_mode_request_listeners.append(on_envelope)
    await client.connect()  # type: ignore[no-untyped-call]
    fake.sockets.answer_seconds = 0.2
    await fake.user("alice").say(None, "hello")
    assert fake.deliveries[0].statuses == [0]
    assert await fake.retry() == 1
    assert fake.deliveries[0].is_acknowledged
    fake.sockets.answer_seconds = 3
    await fake.sockets.refresh()
    await fake.user("alice").say(None, "again")
    assert seen == [("hello", 0), ("hello", 1), ("again", 0)]
    await client.close()  # type: ignore[no-untyped-call]
    await fake.stop()
    await asyncio.sleep(0)


async def test_calls_are_kept(fake: FakeSlack, client: AsyncWebClient, channel: Channel) -> None:
    """Every call is noted with its arguments, refused or not."""
    await client.chat_postMessage(channel=channel.id, text="hi")
    await error_of(client.chat_postMessage(channel="C0NOWHERE", text="ho"))
    assert [(method, arguments["text"]) for method, arguments in fake.calls] == [
        ("chat.postMessage", "hi"),
        ("chat.postMessage", "ho"),
    ]

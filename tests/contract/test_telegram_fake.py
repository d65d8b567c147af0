"""The fake Telegram refuses what Telegram refuses, in its words, to the client library that the adapter uses."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from telegram import Bot, BotCommand, InlineKeyboardButton, InlineKeyboardMarkup, Message
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError

from botpay.testing.telegram import FakeTelegram, FakeUser


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    """A Telegram."""
    async with FakeTelegram() as fake:
        yield fake


@pytest.fixture
async def bot(telegram: FakeTelegram) -> AsyncIterator[Bot]:
    """The real client library on it."""
    async with Bot(telegram.token, base_url=telegram.base_url) as bot:
        yield bot


@pytest.fixture
def alice(telegram: FakeTelegram) -> FakeUser:
    """A person who has started the bot."""
    return telegram.user("alice")


def keys(*buttons: InlineKeyboardButton) -> InlineKeyboardMarkup:
    """One row of buttons."""
    return InlineKeyboardMarkup([list(buttons)])


async def raw(telegram: FakeTelegram, method: str, token: str | None = None, **body: Any) -> tuple[int, dict[str, Any]]:
    """A call without a client library: status and body of the answer."""
    url = f"{telegram.base_url}{token or telegram.token}/{method}"
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
        return answer.status, await answer.json()


async def test_an_unknown_method_is_not_found(telegram: FakeTelegram) -> None:
    """A method that this server does not have is a 404, never a success."""
    refused = (404, {"ok": False, "error_code": 404, "description": "Not Found"})
    assert await raw(telegram, "sendCake") == refused


async def test_a_wrong_token_opens_nothing(telegram: FakeTelegram) -> None:
    """Without the bot's token every method is a 401."""
    assert await raw(telegram, "getMe", token="1:other") == (
        401,
        {"ok": False, "error_code": 401, "description": "Unauthorized"},
    )
    stranger = Bot("1:other", base_url=telegram.base_url)
    with pytest.raises(InvalidToken):
        await stranger.initialize()
    await stranger.shutdown()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"text": "x"}, "Bad Request: chat_id is empty"),
        ({"chat_id": 5, "text": "x"}, "Bad Request: chat not found"),
        ({"chat_id": "@alice", "text": "x"}, "Bad Request: chat not found"),
        ({"chat_id": 1001}, "Bad Request: message text is empty"),
        ({"chat_id": 1001, "text": " \n"}, "Bad Request: message text is empty"),
        ({"chat_id": 1001, "text": "x" * 4097}, "Bad Request: message is too long"),
        ({"chat_id": 1001, "text": "x", "reply_markup": []}, "Bad Request: object expected as reply markup"),
    ],
)
async def test_a_message_that_telegram_refuses_is_refused(
    telegram: FakeTelegram, alice: FakeUser, body: dict[str, Any], words: str
) -> None:
    """A missing field, an empty text or one of more than 4096 characters is a 400 and sends nothing."""
    assert alice.id == 1001
    assert await raw(telegram, "sendMessage", **body) == (
        400,
        {"ok": False, "error_code": 400, "description": words},
    )
    assert telegram.history == []


async def test_the_longest_text_passes(bot: Bot, alice: FakeUser) -> None:
    """4096 characters are a message."""
    await bot.send_message(alice.id, "x" * 4096)
    assert len(alice.sees()[0].text) == 4096


@pytest.mark.parametrize(
    ("button", "words"),
    [
        (InlineKeyboardButton("1", callback_data="x" * 65), "Button_data_invalid"),
        (InlineKeyboardButton("1", callback_data="é" * 33), "Button_data_invalid"),
        (InlineKeyboardButton("1", url="t.me"), "Button_url_invalid"),
        (InlineKeyboardButton("1"), "text buttons are unallowed"),
        (InlineKeyboardButton("", callback_data="x"), 'field "text" must be of type string'),
    ],
)
async def test_a_button_that_telegram_refuses_is_refused(
    bot: Bot, alice: FakeUser, button: InlineKeyboardButton, words: str
) -> None:
    """Callback data has 1 to 64 bytes, and a button does exactly one thing."""
    with pytest.raises(BadRequest, match=words):
        await bot.send_message(alice.id, "x", reply_markup=keys(button))


async def test_64_bytes_of_callback_data_pass(bot: Bot, alice: FakeUser) -> None:
    """The limit itself is allowed."""
    await bot.send_message(alice.id, "x", reply_markup=keys(InlineKeyboardButton("1", callback_data="é" * 32)))
    assert alice.sees()[0].labels() == ["1"]


async def test_a_bot_cannot_open_a_conversation(telegram: FakeTelegram, bot: Bot) -> None:
    """Who never started the bot cannot be written to, until they write first."""
    bob = telegram.user("bob", started=False)
    with pytest.raises(Forbidden, match="bot can't initiate conversation with a user"):
        await bot.send_message(bob.id, "x")
    await bob.start()
    await bot.send_message(bob.id, "x")
    assert [message.text for message in bob.sees()] == ["/start", "x"]


async def test_a_bot_cannot_write_to_who_blocked_it(bot: Bot, alice: FakeUser) -> None:
    """Blocked is a 403, and the bot is told of it by my_chat_member."""
    await alice.block()
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(alice.id, "x")
    (update,) = await bot.get_updates()
    assert update.my_chat_member is not None
    assert update.my_chat_member.new_chat_member.status == "kicked"


async def test_a_bot_cannot_write_to_a_group_it_left(telegram: FakeTelegram, bot: Bot, alice: FakeUser) -> None:
    """Removed from a group, the bot neither writes nor reads there."""
    group = telegram.group("amis", alice)
    group.bot_is_member = False
    with pytest.raises(Forbidden, match="bot was kicked"):
        await bot.send_message(group.id, "x")
    await alice.say(group, "hello")
    assert await bot.get_updates() == ()


async def test_edits_are_strict(bot: Bot, alice: FakeUser) -> None:
    """Only the bot's own messages can be edited, to something else; without buttons the old ones go."""
    sent = await bot.send_message(alice.id, "x", reply_markup=keys(InlineKeyboardButton("1", callback_data="1")))
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("y", alice.id, 999)
    theirs = await alice.say(None, "mine")
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_text("y", alice.id, theirs.id)
    await bot.edit_message_text("y", alice.id, sent.message_id)
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_text("y", alice.id, sent.message_id)
    assert [(message.text, message.labels()) for message in alice.sees()] == [("y", []), ("mine", [])]


async def test_buttons_can_be_edited_alone(telegram: FakeTelegram, bot: Bot, alice: FakeUser) -> None:
    """editMessageReplyMarkup leaves the words, and the history keeps how it read before."""
    sent = await bot.send_message(alice.id, "x")
    await bot.edit_message_reply_markup(
        alice.id, sent.message_id, reply_markup=keys(InlineKeyboardButton("1", callback_data="1"))
    )
    assert [(said.deed, said.text, len(said.buttons)) for said in telegram.history] == [
        ("send", "x", 0),
        ("edit", "x", 1),
    ]


async def test_deletions_are_strict(telegram: FakeTelegram, bot: Bot, alice: FakeUser) -> None:
    """A person's message can be deleted in private; in a group only by an admin; twice never."""
    private = await alice.say(None, "secret")
    await bot.delete_message(alice.id, private.id)
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await bot.delete_message(alice.id, private.id)
    group = telegram.group("amis", alice)
    public = await alice.say(group, "hello")
    with pytest.raises(BadRequest, match="Message can't be deleted"):
        await bot.delete_message(group.id, public.id)
    group.bot_is_admin = True
    await bot.delete_message(group.id, public.id)
    assert alice.sees() == alice.sees(group) == []


async def test_deletion_ends_after_48_hours() -> None:
    """What is older than 48 hours stays (Bot API, deleteMessage)."""
    now = 1_700_000_000.0
    async with FakeTelegram(clock=lambda: now) as telegram, Bot(telegram.token, base_url=telegram.base_url) as bot:
        alice = telegram.user("alice")
        message = await alice.say(None, "old")
        now += 48 * 3600 + 1
        with pytest.raises(BadRequest, match="Message can't be deleted"):
            await bot.delete_message(alice.id, message.id)


async def test_a_press_is_answered_once(telegram: FakeTelegram, bot: Bot, alice: FakeUser) -> None:
    """A press carries the data and who pressed; its query can be answered once, an unknown one never."""
    await bot.send_message(alice.id, "x", reply_markup=keys(InlineKeyboardButton("Yes", callback_data="token")))
    press = await alice.press(alice.sees()[0], "Yes")
    (update,) = await bot.get_updates()
    query = update.callback_query
    assert query is not None
    assert isinstance(query.message, Message)
    assert (query.data, query.from_user.id, query.message.text) == ("token", alice.id, "x")
    assert [press.answer for press in telegram.presses] == [None]
    await query.answer("done")
    assert press.answer == "done"
    for query_id in (query.id, "1"):
        with pytest.raises(BadRequest, match="Query is too old"):
            await bot.answer_callback_query(query_id)


async def test_only_buttons_that_are_there_can_be_pressed(bot: Bot, alice: FakeUser) -> None:
    """A button that an edit took away is gone for honest clients; a forged press still comes through."""
    sent = await bot.send_message(alice.id, "x", reply_markup=keys(InlineKeyboardButton("Yes", callback_data="token")))
    await bot.edit_message_text("done", alice.id, sent.message_id)
    with pytest.raises(LookupError):
        await alice.press(alice.sees()[0], "Yes")
    await alice.forge_press(alice.sees()[0], "token")
    assert len(await bot.get_updates()) == 1


async def test_a_link_button_starts_the_bot(telegram: FakeTelegram, bot: Bot, alice: FakeUser) -> None:
    """A button to t.me/bot?start=x opens the private chat and sends /start x."""
    bob = telegram.user("bob", started=False)
    group = telegram.group("amis", alice, bob)
    url = "https://t.me/SmoneyBot?start=open"
    await bot.send_message(group.id, "x", reply_markup=keys(InlineKeyboardButton("Open", url=url)))
    await bob.press(bob.sees(group)[0], "Open")
    assert bob.started
    assert [message.text for message in bob.sees()] == ["/start open"]


async def test_updates_stay_until_a_later_offset(bot: Bot, alice: FakeUser) -> None:
    """An update is delivered again until an offset above its id confirms it; limit and negative offsets hold."""
    for word in ("one", "two", "three"):
        await alice.say(None, word)
    first = await bot.get_updates(limit=1)
    assert [update.message.text for update in first if update.message] == ["one"]
    assert len(await bot.get_updates()) == 3
    assert len(await bot.get_updates(offset=first[0].update_id + 1)) == 2
    last = await bot.get_updates(offset=-1)
    assert [update.message.text for update in last if update.message] == ["three"]
    assert await bot.get_updates(offset=last[0].update_id + 1) == ()


async def test_long_polling_waits_for_the_next_update(telegram: FakeTelegram, bot: Bot, alice: FakeUser) -> None:
    """A poll with a timeout returns as soon as something happens; a second poll ends the first with 409."""
    poll = asyncio.create_task(bot.get_updates(timeout=10))
    await _until(lambda: any(name == "getupdates" for name, _ in telegram.calls))
    assert not poll.done()
    await alice.say(None, "hello")
    assert len(await poll) == 1

    telegram.calls.clear()
    offset = telegram_offset(await bot.get_updates())
    waiting = asyncio.create_task(bot.get_updates(offset=offset, timeout=10))
    await _until(lambda: len(telegram.calls) == 2)
    async with Bot(telegram.token, base_url=telegram.base_url) as twin:
        assert await twin.get_updates(offset=offset) == ()
    with pytest.raises(Conflict, match="erminated by other"):
        await waiting


def telegram_offset(updates: Any) -> int:
    """The offset that confirms these."""
    return int(updates[-1].update_id) + 1


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the other side is a server, which sets no event for us
            await asyncio.sleep(0.001)


async def test_allowed_updates_are_kept_when_left_out(bot: Bot, alice: FakeUser) -> None:
    """Kinds that were not asked for never come; leaving the choice out keeps it, an empty one resets it."""
    await bot.get_updates(allowed_updates=["callback_query"])
    await alice.say(None, "one")
    assert await bot.get_updates() == ()
    await alice.say(None, "two")
    assert await bot.get_updates(allowed_updates=[]) == ()
    await alice.say(None, "three")
    assert len(await bot.get_updates()) == 1


async def test_a_confirmed_update_can_come_again(telegram: FakeTelegram, bot: Bot, alice: FakeUser) -> None:
    """A redelivery has the same update id, whatever the offset, and is confirmed like any other."""
    await alice.say(None, "one")
    offset = telegram_offset(await bot.get_updates())
    assert await bot.get_updates(offset=offset) == ()
    telegram.redeliver_last(alice)
    assert telegram_offset(await bot.get_updates(offset=offset)) == offset
    with pytest.raises(AssertionError, match="1 updates were not confirmed"):
        await telegram.delivered(within_seconds=0.01)
    assert await bot.get_updates(offset=offset) == ()
    await telegram.delivered(within_seconds=0.01)


async def test_polling_and_a_webhook_exclude_each_other(bot: Bot) -> None:
    """getUpdates is a 409 while a webhook is set, and works after deleteWebhook, which drops nothing."""
    await bot.set_webhook("https://pay.example/telegram")
    with pytest.raises(Conflict, match="can't use getUpdates method while webhook is active"):
        await bot.get_updates()
    await bot.delete_webhook()
    assert await bot.get_updates() == ()


@pytest.mark.parametrize(
    ("url", "secret", "words"),
    [
        ("http://pay.example/telegram", "s", "an https url must be provided"),
        ("http://127.0.0.1:1/telegram", "s", "an https url must be provided"),
        ("https://pay.example/telegram", "é", "unallowed characters"),
        ("https://pay.example/telegram", "s" * 257, "too long"),
    ],
)
async def test_a_webhook_needs_https_and_a_plain_secret(bot: Bot, url: str, secret: str, words: str) -> None:
    """Anything but https is refused, and so is a secret of other characters or more than 256 of them."""
    with pytest.raises(BadRequest, match=words):
        await bot.set_webhook(url, secret_token=secret)
    assert (await bot.get_webhook_info()).url == ""


@pytest.fixture
async def received() -> AsyncIterator[tuple[TestServer, list[tuple[str | None, int]], list[int]]]:
    """A server that notes secret and update id of each call and answers with the given statuses, then 200."""
    calls: list[tuple[str | None, int]] = []
    statuses: list[int] = []

    async def take(request: web.Request) -> web.Response:
        update = await request.json()
        calls.append((request.headers.get("X-Telegram-Bot-Api-Secret-Token"), update["update_id"]))
        return web.Response(status=statuses.pop(0) if statuses else 200)

    app = web.Application()
    app.router.add_post("/telegram", take)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    yield server, calls, statuses
    await server.close()


async def test_a_webhook_is_called_until_it_says_2xx(
    telegram: FakeTelegram, bot: Bot, alice: FakeUser, received: Any
) -> None:
    """Each call carries the secret; a 503 and a redirect bring the same update again, and getWebhookInfo tells."""
    server, calls, statuses = received
    statuses += [503, 302]
    telegram.resolve("https://pay.example", str(server.make_url("")))
    await bot.set_webhook("https://pay.example/telegram", secret_token="s3cret_-")
    await alice.say(None, "hello")
    await _until(lambda: len(calls) == 2)
    info = await bot.get_webhook_info()
    assert info.last_error_message is not None
    assert info.last_error_message.startswith("Wrong response from the webhook: ")
    await telegram.delivered()
    assert len(calls) == 3
    assert len(set(calls)) == 1
    assert calls[0][0] == "s3cret_-"
    telegram.redeliver_last()
    await telegram.delivered()
    assert len(calls) == 4
    assert len(set(calls)) == 1


async def test_loopback_webhooks_need_a_switch(received: Any) -> None:
    """A server on 127.0.0.1 is called directly only where the test asked for it."""
    server, calls, _ = received
    async with (
        FakeTelegram(loopback_webhooks=True) as telegram,
        Bot(telegram.token, base_url=telegram.base_url) as bot,
    ):
        await bot.set_webhook(str(server.make_url("/telegram")))
        await telegram.user("alice").say(None, "hello")
        await telegram.delivered()
    assert [secret for secret, _ in calls] == [None]


async def test_an_unknown_host_is_never_called(telegram: FakeTelegram, bot: Bot, alice: FakeUser) -> None:
    """The fake posts to nothing but local servers: the update waits."""
    await bot.set_webhook("https://pay.example/telegram")
    await alice.say(None, "hello")
    with pytest.raises(AssertionError, match="Failed to resolve host"):
        await telegram.delivered(within_seconds=0.1)


async def test_dropping_pending_updates_is_noticed(telegram: FakeTelegram, bot: Bot, alice: FakeUser) -> None:
    """drop_pending_updates loses what waits, as it does in reality, and a test can see that it was asked for."""
    await alice.say(None, "pay")
    await bot.delete_webhook(drop_pending_updates=False)
    assert telegram.has_dropped_updates is False
    await bot.delete_webhook(drop_pending_updates=True)
    assert [telegram.has_dropped_updates] == [True]
    assert await bot.get_updates() == ()


async def test_privacy_mode_hides_what_is_not_for_the_bot() -> None:
    """With privacy on, of a group only commands that name no other bot and replies to the bot come through."""
    async with FakeTelegram(privacy=True) as telegram, Bot(telegram.token, base_url=telegram.base_url) as bot:
        assert bot.can_read_all_group_messages is False
        alice = telegram.user("alice")
        group = telegram.group("amis", alice)
        sent = await bot.send_message(group.id, "x")
        ours = next(message for message in alice.sees(group) if message.id == sent.message_id)
        for text in ("#envoyer 1 €", "/envoyer@OtherBot 1 €", "/envoyer 1 €", "/envoyer@smoneybot 2 €"):
            await alice.say(group, text)
        await alice.say(group, "a reply", reply_to=ours)
        seen = [update.message.text for update in await bot.get_updates() if update.message]
        assert seen == ["/envoyer 1 €", "/envoyer@smoneybot 2 €", "a reply"]


async def test_entities_are_found_as_telegram_finds_them(telegram: FakeTelegram, bot: Bot, alice: FakeUser) -> None:
    """Mentions, hashtags, commands, links, addresses and code are marked, in UTF-16 units."""
    telegram.user("bob")
    text = "💶 /pay@SmoneyBot #don@mairie @bob @eve @carol a@b.fr https://x.org/#a@b `#no` $EUR"
    message = await alice.say(None, text, by_id=None)
    (update,) = await bot.get_updates()
    assert update.message is not None
    found = [(entity.type, words) for entity, words in update.message.parse_entities().items()]
    assert found == [
        ("bot_command", "/pay@SmoneyBot"),
        ("hashtag", "#don@mairie"),
        ("mention", "@bob"),
        ("mention", "@carol"),
        ("email", "a@b.fr"),
        ("url", "https://x.org/#a@b"),
        ("code", "#no"),
        ("cashtag", "$EUR"),
    ]
    assert "`" not in message.text


async def test_a_failure_can_come_before_or_after_the_effect(telegram: FakeTelegram, bot: Bot, alice: FakeUser) -> None:
    """An injected error stops the call or only its answer; a cut connection leaves the effect too."""
    telegram.fail_next("sendMessage", 429, "Too Many Requests: retry after 7", retry_after=7)
    status, answer = await raw(telegram, "sendMessage", chat_id=alice.id, text="one")
    assert (status, answer["parameters"]) == (429, {"retry_after": 7})
    telegram.fail_next("sendMessage", 500, "Internal Server Error", after_effect=True)
    with pytest.raises(NetworkError):
        await bot.send_message(alice.id, "two")
    telegram.drop_next("sendMessage")
    with pytest.raises(NetworkError):
        await bot.send_message(alice.id, "three")
    await bot.send_message(alice.id, "four")
    assert [message.text for message in alice.sees()] == ["two", "three", "four"]


async def test_chats_and_commands_can_be_read_and_set(telegram: FakeTelegram, bot: Bot, alice: FakeUser) -> None:
    """getChat knows people and groups; setMyCommands takes plain lower-case names alone."""
    assert (await bot.get_chat(alice.id)).username == "alice"
    assert (await bot.get_chat(telegram.group("amis").id)).title == "amis"
    await bot.set_my_commands([BotCommand("pay", "send money")])
    assert telegram.menus["default", ""] == [{"command": "pay", "description": "send money"}]
    with pytest.raises(BadRequest, match="Bot_command_invalid"):
        await bot.set_my_commands([BotCommand("Pay!", "send money")])


async def test_people_act_only_where_they_are(telegram: FakeTelegram, alice: FakeUser) -> None:
    """Nobody writes or reads in a group they are not in, nor edits what another wrote."""
    bob = telegram.user("bob")
    group = telegram.group("amis", alice)
    message = await alice.say(group, "hello")
    assert bob.sees(group) == []
    with pytest.raises(ValueError, match="is not in"):
        await bob.say(group, "hello")
    with pytest.raises(ValueError, match="own messages"):
        await bob.edit(message, "bye")

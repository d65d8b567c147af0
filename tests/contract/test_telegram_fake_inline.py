"""Inline mode on the fake is as strict as Telegram's, to the client library that the adapter uses."""

from collections.abc import AsyncIterator

import pytest
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InlineQueryResultsButton,
    InputTextMessageContent,
)
from telegram.error import BadRequest

from botpay.testing.telegram import FakeMessage, FakeQuery, FakeTelegram, FakeUser

KEYS = InlineKeyboardMarkup([[InlineKeyboardButton("Go", callback_data="go")]])


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


def article(
    name: str = "1", text: str = "card", *, keys: InlineKeyboardMarkup | None = KEYS
) -> InlineQueryResultArticle:
    """A result."""
    return InlineQueryResultArticle(name, "title", InputTextMessageContent(text), reply_markup=keys, description="hint")


async def sent(telegram: FakeTelegram, bot: Bot, alice: FakeUser) -> tuple[FakeQuery, FakeMessage]:
    """A card of alice in a chat without the bot."""
    chat = telegram.group("elsewhere", alice)
    chat.bot_is_member = False
    query = await alice.type_inline("10")
    await bot.answer_inline_query(query.id, [article()])
    return query, await alice.send_result(chat, query, query.results[0])


async def test_what_is_typed_is_an_update_and_is_answered_once(bot: Bot, alice: FakeUser) -> None:
    """The query names who typed and in what kind of chat, not which; an unknown or answered one is refused."""
    query = await alice.type_inline("10 € bob")
    (update,) = await bot.get_updates()
    asked = update.inline_query
    assert asked is not None
    assert (asked.query, asked.from_user.id, asked.chat_type) == ("10 € bob", alice.id, "supergroup")
    button = InlineQueryResultsButton("Open", start_parameter="open")
    await bot.answer_inline_query(asked.id, [article()], cache_time=0, is_personal=True, button=button)
    (result,) = await query.answered()
    assert (result.id, result.title, result.description, result.text) == ("1", "title", "hint", "card")
    assert (query.cache_time, query.is_personal, query.opens_chat) == (0, True, ("Open", "open"))
    for query_id in (asked.id, "5"):
        with pytest.raises(BadRequest, match="Query is too old"):
            await bot.answer_inline_query(query_id, [])


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ([article("x" * 65)], "Result_id_invalid"),
        ([article(""), article()], "Result_id_invalid"),
        ([article(), article()], "Result_id_duplicate"),
        ([article(text=" ")], "Message text is empty"),
        ([article(text="💶" * 2049)], "Message is too long"),
        ([article(str(number)) for number in range(51)], "Results_too_much"),
        ([article(keys=InlineKeyboardMarkup([[InlineKeyboardButton("x", callback_data="é" * 33)]]))], "Button_data"),
    ],
)
async def test_results_are_checked(
    bot: Bot, alice: FakeUser, results: list[InlineQueryResultArticle], words: str
) -> None:
    """Names of 1 to 64 bytes, each once, at most 50, with texts and buttons that a message may have."""
    query = await alice.type_inline("10")
    with pytest.raises(BadRequest, match=words):
        await bot.answer_inline_query(query.id, results)
    assert not query.is_answered


@pytest.mark.parametrize("parameter", ["a b", "x" * 65, "é"])
async def test_a_start_parameter_is_short_and_plain(bot: Bot, alice: FakeUser, parameter: str) -> None:
    """1 to 64 of A-Z a-z 0-9 _ - (Bot API, InlineQueryResultsButton)."""
    query = await alice.type_inline("10")
    with pytest.raises(BadRequest, match="Start_param_invalid"):
        await bot.answer_inline_query(query.id, [], button=InlineQueryResultsButton("x", start_parameter=parameter))


async def test_of_a_card_the_bot_learns_its_id_and_no_more(telegram: FakeTelegram, bot: Bot, alice: FakeUser) -> None:
    """Sending and pressing name it; words and chat stay unknown, and the message itself comes only where the bot is."""
    _, card = await sent(telegram, bot, alice)
    await alice.press(card, "Go")
    typed, chosen, pressed = await bot.get_updates()
    assert typed.inline_query is not None
    assert chosen.chosen_inline_result is not None
    assert chosen.chosen_inline_result.inline_message_id == card.inline_id
    assert pressed.callback_query is not None
    assert pressed.callback_query.inline_message_id == card.inline_id
    assert pressed.callback_query.message is None


async def test_in_its_own_chats_the_bot_reads_what_was_sent_through_it(
    telegram: FakeTelegram, bot: Bot, alice: FakeUser
) -> None:
    """Also with privacy mode on (core.telegram.org/bots/features#privacy-mode)."""
    telegram._company.privacy, telegram._company.feedback = True, False
    group = telegram.group("amis", alice)
    query = await alice.type_inline("10")
    await bot.answer_inline_query(query.id, [article()])
    await alice.send_result(group, query, query.results[0])
    _, update = await bot.get_updates()
    assert update.message is not None
    assert update.message.via_bot is not None
    assert (update.message.text, update.message.via_bot.id) == ("card", bot.id)


async def test_a_card_is_edited_by_its_id(telegram: FakeTelegram, bot: Bot, alice: FakeUser) -> None:
    """The bot may rewrite it anywhere; an unknown id is refused, and so is a change that changes nothing."""
    _, card = await sent(telegram, bot, alice)
    assert await bot.edit_message_text("paid", inline_message_id=card.inline_id) is True
    assert (card.text, card.labels()) == ("paid", [])
    with pytest.raises(BadRequest, match="not modified"):
        await bot.edit_message_text("paid", inline_message_id=card.inline_id)
    with pytest.raises(BadRequest, match="Message_id_invalid"):
        await bot.edit_message_text("paid", inline_message_id="BAAA0")


async def test_a_press_may_open_the_bots_chat_and_nothing_else(
    telegram: FakeTelegram, bot: Bot, alice: FakeUser
) -> None:
    """answerCallbackQuery's url leads to t.me/thisbot?start=, as the Bot API says."""
    _, card = await sent(telegram, bot, alice)
    press = await alice.press(card, "Go")
    with pytest.raises(BadRequest, match="Url_invalid"):
        await bot.answer_callback_query(press.id, url="https://evil.example")
    await bot.answer_callback_query(press.id, url="https://t.me/SmoneyBot?start=open")
    assert press.url == "https://t.me/SmoneyBot?start=open"


async def test_without_inline_mode_nothing_is_asked() -> None:
    """Until @BotFather switches it on, the bot hears nothing of it and says so in getMe."""
    async with FakeTelegram(inline=False) as telegram, Bot(telegram.token, base_url=telegram.base_url) as bot:
        await telegram.user("alice").type_inline("10")
        assert await bot.get_updates() == ()
        assert bot.supports_inline_queries is False

"""The fake Telegram can be made to fail as the real one does, one call at a time or by chance."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest
from telegram import Bot
from telegram.error import BadRequest, NetworkError, RetryAfter, TelegramError, TimedOut

from botpay.testing.telegram import FakeTelegram, FakeUser

pytestmark = pytest.mark.filterwarnings("ignore:.*retry_after.*")  # the library warns of its own RetryAfter


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


async def test_a_parameter_that_no_method_has_is_refused(bot: Bot, alice: FakeUser) -> None:
    """Telegram would pass over a misspelt one; a test must not."""
    with pytest.raises(BadRequest, match="Sendmessage has no parameter protect_contents"):
        await bot.send_message(alice.id, "x", api_kwargs={"protect_contents": True})
    assert alice.sees() == []


async def test_flood_control_says_how_long(telegram: FakeTelegram, bot: Bot, alice: FakeUser) -> None:
    """A 429 carries retry_after, and nothing was sent."""
    telegram.fail_next("sendMessage", 429, "Too Many Requests: retry after 7", retry_after=7)
    with pytest.raises(RetryAfter):
        await bot.send_message(alice.id, "x")
    assert alice.sees() == []


async def test_an_answer_may_be_lost_after_the_effect(telegram: FakeTelegram, bot: Bot, alice: FakeUser) -> None:
    """A cut connection, a 500 and a late answer: the caller sees an error, and the person sees the message."""
    telegram.drop_next("sendMessage")
    telegram.fail_next("sendMessage", 500, "Internal Server Error", after_effect=True)
    telegram.hang_next("sendMessage", seconds=0.5)
    for kind in (NetworkError, NetworkError, TimedOut):
        with pytest.raises(kind):
            await bot.send_message(alice.id, "x", read_timeout=0.1)
    assert [message.text for message in alice.sees()] == ["x"] * 3


async def happened(seed: int) -> tuple[Counter[str], list[str]]:
    """What strikes a bot that sends a hundred messages, and which of them stand there."""
    async with FakeTelegram() as telegram, Bot(telegram.token, base_url=telegram.base_url) as bot:
        alice = telegram.user("alice")
        telegram.disturb(0.2, seed=seed)
        for number in range(100):
            try:
                await bot.send_message(alice.id, str(number))
            except TelegramError:
                continue
        return telegram.trouble.seen, [message.text for message in alice.sees()]


async def test_trouble_by_chance_is_the_same_for_the_same_seed() -> None:
    """About that share is struck, by every kind of trouble, and a seed that found something finds it again."""
    seen, texts = await happened(1)
    assert (seen, texts) == await happened(1)
    assert 10 <= seen.total() <= 30
    assert set(seen) == {"429", "500", "502", "500 after", "cut before", "cut after"}
    assert len(texts) == 100 - seen["429"] - seen["500"] - seen["502"] - seen["cut before"]


async def test_updates_come_again_and_out_of_order(telegram: FakeTelegram, bot: Bot, alice: FakeUser) -> None:
    """Each comes once at least and twice at most, with the same id and content; in the end all are confirmed."""
    words = [str(number) for number in range(40)]
    for word in words:
        await alice.say(None, word)
    telegram.trouble.disturb(0.5, seed=1)
    got: list[tuple[int, str]] = []
    offset = 0
    while len(telegram._company.world.updates):
        try:
            updates = await bot.get_updates(offset=offset, limit=10)
        except TelegramError:
            continue
        got += [(u.update_id, u.message.text or "") for u in updates if u.message]
        offset = max([offset, *(u.update_id + 1 for u in updates)])
    assert {text for _, text in got} == set(words)
    assert telegram.trouble.seen["delivered again"] > 0
    assert telegram.trouble.seen["out of order"] > 0
    assert len(set(got)) == len(words)
    assert got != sorted(got)


async def test_what_a_person_saw_is_kept(telegram: FakeTelegram, bot: Bot, alice: FakeUser) -> None:
    """Also what was changed or deleted later, in private and in their groups; nobody sees another's private chat."""
    bob = telegram.user("bob")
    group = telegram.group("amis", bob)
    sent = await bot.send_message(alice.id, "one")
    await bot.edit_message_text("two", alice.id, sent.message_id)
    await bot.delete_message(alice.id, sent.message_id)
    await bot.send_message(group.id, "public")
    assert [said.text for said in alice.saw] == ["one", "two"]
    assert [said.text for said in bob.saw] == ["public"]

"""What the adapter sends, how it reads Telegram's refusals, and that it keeps to the limits."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from botpay.adapters.telegram import TelegramAdapter, TelegramSettings
from botpay.adapters.telegram.limits import RateLimiter
from botpay.errors import DeliveryError, Forbidden, Permanent, RetryAfter, Transient, Unreachable
from botpay.message import Button, Inbound, Keypad, Outbound, Receipt, Visibility
from botpay.testing.telegram import FakeTelegram, FakeUser

KEYPAD = Keypad(
    title="PIN",
    open_label="PIN",
    rows=((Button("1", "t1"), Button("2", "t2")), (Button("3", "t3"),)),
    shown="●●○○○○",
)


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    """A Telegram."""
    async with FakeTelegram() as fake:
        yield fake


@pytest.fixture
def alice(telegram: FakeTelegram) -> FakeUser:
    """A person who has started the bot."""
    return telegram.user("alice")


async def ignore(_: Inbound) -> None:
    """Receive nothing."""


async def no_wait(_: float) -> None:
    """Sleep no time."""


@pytest.fixture
async def adapter(telegram: FakeTelegram) -> AsyncIterator[TelegramAdapter]:
    """The adapter, started."""
    settings = TelegramSettings(token=SecretStr(telegram.token), base_url=telegram.base_url)
    adapter = TelegramAdapter(settings, limiter=RateLimiter(sleep=no_wait))
    await adapter.start(ignore)
    yield adapter
    await adapter.stop()


def private(user: FakeUser, text: str = "Bonjour", **parts: object) -> Outbound:
    """A message to one person."""
    base = Outbound(
        id="1", adapter="telegram", tenant="main", visibility=Visibility.PRIVATE, to=str(user.id), text=text
    )
    return _with(base, parts)


def public(chat_id: int, text: str = "Bonjour", **parts: object) -> Outbound:
    """A message to a group."""
    base = Outbound(
        id="1", adapter="telegram", tenant="main", visibility=Visibility.PUBLIC, chat=str(chat_id), text=text
    )
    return _with(base, parts)


def _with(base: Outbound, parts: dict[str, object]) -> Outbound:
    fields = {name: getattr(base, name) for name in Outbound.__dataclass_fields__}
    return Outbound(**(fields | parts))


async def test_a_keypad_is_rows_of_buttons_under_dots(adapter: TelegramAdapter, alice: FakeUser) -> None:
    """The keys carry their tokens, the dots stand below the text, further buttons below the keys."""
    await adapter.send(private(alice, "PIN ?", keypad=KEYPAD, buttons=((Button("Annuler", "cancel"),),)))
    (message,) = alice.sees()
    assert message.text == "PIN ?\n\n●●○○○○"
    assert [[(key.label, key.data) for key in row] for row in message.buttons] == [
        [("1", "t1"), ("2", "t2")],
        [("3", "t3")],
        [("Annuler", "cancel")],
    ]
    assert message.protected


async def test_a_button_to_a_page_stands_above_the_keys(
    telegram: FakeTelegram, adapter: TelegramAdapter, alice: FakeUser
) -> None:
    """The page is the first way to confirm, the keys the other; the button carries its address and no token."""
    page = Button("Sur une page", url="https://pay.example.org/open/x")
    await adapter.send(private(alice, "PIN ?", keypad=KEYPAD, buttons=((page,),)))
    (message,) = alice.sees()
    assert [[key.label for key in row] for row in message.buttons] == [["Sur une page"], ["1", "2"], ["3"]]
    (first, *_), *_ = message.buttons
    assert (first.url, first.data) == ("https://pay.example.org/open/x", None)


async def test_a_keypad_without_dots_adds_nothing(adapter: TelegramAdapter, alice: FakeUser) -> None:
    """An empty `shown` leaves the text alone; a message without keypad can be forwarded."""
    await adapter.send(private(alice, "PIN ?", keypad=Keypad("PIN", "PIN", KEYPAD.rows)))
    await adapter.send(private(alice))
    assert [(message.text, message.protected) for message in alice.sees()] == [("PIN ?", True), ("Bonjour", False)]


async def test_a_button_without_token_opens_the_private_chat(
    telegram: FakeTelegram, adapter: TelegramAdapter, alice: FakeUser
) -> None:
    """Whoever never started the bot gets to it by one tap in the group."""
    bob = telegram.user("bob", started=False)
    group = telegram.group("amis", alice, bob)
    await adapter.send(public(group.id, "Ouvrez-moi", buttons=((Button("Ouvrir"),),)))
    await bob.press(bob.sees(group)[0], "Ouvrir")
    await adapter.send(private(bob))
    assert [message.text for message in bob.sees()] == ["/start open", "Bonjour"]


async def test_what_cannot_be_edited_is_sent_anew(adapter: TelegramAdapter, alice: FakeUser) -> None:
    """A message that is gone, a person's own or an unreadable reference: the words still arrive."""
    theirs = await alice.say(None, "mine")
    for ref in (f"{alice.id}:999999", f"{alice.id}:{theirs.id}", "view:1", "", "x"):
        receipt = await adapter.send(private(alice, "Payé", replaces=ref))
        assert receipt.ref not in (None, ref)
    assert [message.text for message in alice.sees()] == ["mine", *["Payé"] * 5]


@pytest.mark.parametrize("to", ["-1001000000001", "0", "@amis", "", "1001:1"])
async def test_private_words_go_to_a_person_or_nowhere(
    telegram: FakeTelegram, adapter: TelegramAdapter, alice: FakeUser, to: str
) -> None:
    """The id of a group or a name is refused before anything is sent."""
    telegram.group("amis", alice)
    with pytest.raises(Permanent):
        await adapter.send(private(alice, to=to))
    assert telegram.history == []


async def test_a_typed_pin_is_deleted(adapter: TelegramAdapter, alice: FakeUser) -> None:
    """A person's message is deleted where Telegram lets us; where it does not, that is no error."""
    message = await alice.say(None, "482915")
    ref = f"{alice.id}:{message.id}"
    for deletes in (ref, ref, "nonsense"):
        assert await adapter.send(private(alice, deletes=deletes)) == Receipt()
    assert alice.sees() == []


async def test_a_deletion_that_the_network_lost_is_tried_again(
    telegram: FakeTelegram, adapter: TelegramAdapter, alice: FakeUser
) -> None:
    """A secret that stands in a chat is worth another try: only a refusal is final."""
    message = await alice.say(None, "482915")
    telegram.fail_next("deleteMessage", 502, "Bad Gateway")
    with pytest.raises(Transient):
        await adapter.send(private(alice, deletes=f"{alice.id}:{message.id}"))


FAILURES = [
    (429, "Too Many Requests: retry after 7", RetryAfter),
    (403, "Forbidden: bot was blocked by the user", Unreachable),
    (403, "Forbidden: user is deactivated", Unreachable),
    (400, "Bad Request: chat not found", Unreachable),
    (400, "Bad Request: PEER_ID_INVALID", Unreachable),
    (400, "Bad Request: message is too long", Permanent),
    (401, "Unauthorized", Forbidden),
    (500, "Internal Server Error", Transient),
    (502, "Bad Gateway", Transient),
]


@pytest.mark.parametrize(("code", "words", "kind"), FAILURES)
@pytest.mark.parametrize("method", ["sendMessage", "editMessageText"])
async def test_each_refusal_says_what_to_do_next(
    telegram: FakeTelegram,
    adapter: TelegramAdapter,
    alice: FakeUser,
    method: str,
    code: int,
    words: str,
    kind: type[DeliveryError],
) -> None:
    """Wait, give up, tell an operator or try again: the kind says it; neither text nor context say anything else."""
    receipt = await adapter.send(private(alice, "PIN ?"))
    telegram.fail_next(method, code, words, retry_after=7 if code == 429 else None)
    with pytest.raises(DeliveryError) as raised:
        await adapter.send(private(alice, "Payé", replaces=receipt.ref if method == "editMessageText" else None))
    assert type(raised.value) is kind
    assert raised.value.__context__ is None
    if isinstance(raised.value, RetryAfter):
        assert raised.value.seconds == 7
    assert [message.text for message in alice.sees()] == ["PIN ?"]


async def test_who_never_started_the_bot_is_unreachable(telegram: FakeTelegram, adapter: TelegramAdapter) -> None:
    """Private words for them are sent nowhere else."""
    bob = telegram.user("bob", started=False)
    with pytest.raises(Unreachable):
        await adapter.send(private(bob))
    assert telegram.history == []


async def test_a_group_that_is_closed_to_the_bot_is_permanent(
    telegram: FakeTelegram, adapter: TelegramAdapter, alice: FakeUser
) -> None:
    """Removed from a group, the bot will not be heard there, and no person is unreachable for that."""
    group = telegram.group("amis", alice)
    group.bot_is_member = False
    for chat_id in (group.id, -5):
        with pytest.raises(Permanent):
            await adapter.send(public(chat_id))


async def test_before_start_nothing_is_sent(telegram: FakeTelegram, alice: FakeUser) -> None:
    """An adapter that is not started says so, and the outbound waits."""
    settings = TelegramSettings(token=SecretStr(telegram.token), base_url=telegram.base_url)
    with pytest.raises(Transient):
        await TelegramAdapter(settings).send(private(alice))


async def test_an_answer_goes_to_the_topic_of_the_question(
    telegram: FakeTelegram, adapter: TelegramAdapter, alice: FakeUser
) -> None:
    """In a group with topics a public answer stands in its topic; if that is gone, in the group."""
    group = telegram.group("amis", alice, topics=(7,))
    for topic in (7, 8):
        await adapter.send(public(group.id, chat=f"{group.id}/{topic}"))
    assert [message.topic for message in alice.sees(group)] == [7, None]


async def test_a_group_that_became_a_supergroup_is_followed(
    telegram: FakeTelegram, adapter: TelegramAdapter, alice: FakeUser
) -> None:
    """Telegram names the new id when the old one is written to (parameters.migrate_to_chat_id)."""
    old = telegram.group("amis", alice)
    receipt = await adapter.send(public(old.id))
    new = telegram.migrate(old)
    await adapter.send(public(old.id, "Payé", replaces=receipt.ref))
    assert [message.text for message in alice.sees(new)] == ["Payé"]


async def test_a_text_is_measured_as_telegram_measures_it(adapter: TelegramAdapter, alice: FakeUser) -> None:
    """4096 UTF-16 units are sent whole; one more is refused before anything is sent, and nothing is ever cut."""
    await adapter.send(private(alice, "💶" * 2048))
    for text in ("💶" * 2048 + "x", "x" * 4097):
        with pytest.raises(Permanent):
            await adapter.send(private(alice, text))
    assert [message.text for message in alice.sees()] == ["💶" * 2048]


async def test_a_prompt_cannot_be_passed_on(adapter: TelegramAdapter, alice: FakeUser) -> None:
    """What holds keys or the link to a page is protected from forwarding and saving."""
    page = Button("Ouvrir", url="https://pay.example/c#t")
    await adapter.send(private(alice, "PIN ?", buttons=((page,),)))
    await adapter.send(private(alice, "Aide", buttons=((Button("Ouvrir"),),)))
    assert [message.protected for message in alice.sees()] == [True, False]


async def test_a_button_that_telegram_would_not_take_is_permanent(adapter: TelegramAdapter, alice: FakeUser) -> None:
    """More than 64 bytes behind a button are refused, and the refusal is final."""
    with pytest.raises(Permanent):
        await adapter.send(private(alice, buttons=((Button("x", "é" * 33),),)))


async def test_a_card_that_was_taken_away_is_no_error(telegram: FakeTelegram, adapter: TelegramAdapter) -> None:
    """Nobody reads it any more, so nothing is left to be said there."""
    assert await adapter.send(public(0, "Payé", chat="card:BAAA1")) == Receipt()
    assert telegram.history == []


async def test_after_flood_control_the_chat_is_left_alone(telegram: FakeTelegram, alice: FakeUser) -> None:
    """What Telegram asked for one chat holds for the next call there too, and for no other chat."""
    settings = TelegramSettings(token=SecretStr(telegram.token), base_url=telegram.base_url)
    adapter, bob = TelegramAdapter(settings, limiter=RateLimiter()), telegram.user("bob")
    await adapter.start(ignore)
    telegram.fail_next("sendMessage", 429, "Too Many Requests: retry after 60", retry_after=60)
    for _ in range(2):
        with pytest.raises(RetryAfter):
            await adapter.send(private(alice))
    await adapter.send(private(bob))
    assert sum(name == "sendmessage" for name, _ in telegram.calls) == 2
    await adapter.stop()

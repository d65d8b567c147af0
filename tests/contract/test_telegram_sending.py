"""What the adapter sends, how it reads Telegram's refusals, and that it keeps to the limits."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from botpay.adapters.telegram import TelegramAdapter, TelegramSettings
from botpay.adapters.telegram.limits import RateLimiter, TokenBucket
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


async def test_a_private_message_goes_to_the_person(adapter: TelegramAdapter, alice: FakeUser) -> None:
    """Plain text arrives as it is, whatever mark-up it seems to hold; the receipt names it."""
    text = "*10,00* EUR <b>à</b> @bob [x](https://x.org) _"
    receipt = await adapter.send(private(alice, text))
    (message,) = alice.sees()
    assert message.text == text
    assert receipt == Receipt(f"{alice.id}:{message.id}")


async def test_link_previews_are_off(telegram: FakeTelegram, adapter: TelegramAdapter, alice: FakeUser) -> None:
    """A preview would fetch the link before its person does."""
    await adapter.send(private(alice, "https://pay.example/c/1"))
    (sent,) = [values for name, values in telegram.calls if name == "sendmessage"]
    assert sent["link_preview_options"] == '{"is_disabled": true}'
    assert "parse_mode" not in sent


async def test_a_public_message_goes_to_the_group(
    telegram: FakeTelegram, adapter: TelegramAdapter, alice: FakeUser
) -> None:
    """A public outbound stands in its group and nowhere else."""
    group = telegram.group("amis", alice)
    await adapter.send(public(group.id))
    assert [message.text for message in alice.sees(group)] == ["Bonjour"]
    assert alice.sees() == []


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


async def test_a_replacement_edits_in_place(adapter: TelegramAdapter, alice: FakeUser) -> None:
    """Text and keys change, the message stays; the same contents once more are done already."""
    receipt = await adapter.send(private(alice, "PIN ?", keypad=KEYPAD))
    for _ in range(2):
        assert await adapter.send(private(alice, "Payé", replaces=receipt.ref)) == receipt
    (message,) = alice.sees()
    assert (message.text, message.labels()) == ("Payé", [])


async def test_what_cannot_be_edited_is_sent_anew(adapter: TelegramAdapter, alice: FakeUser) -> None:
    """A message that is gone, a person's own or an unreadable reference: the words still arrive."""
    theirs = await alice.say(None, "mine")
    for ref in (f"{alice.id}:999999", f"{alice.id}:{theirs.id}", "view:1", "", "x"):
        receipt = await adapter.send(private(alice, "Payé", replaces=ref))
        assert receipt.ref not in (None, ref)
    assert [message.text for message in alice.sees()] == ["mine", *["Payé"] * 5]


async def test_private_words_never_replace_a_public_message(
    telegram: FakeTelegram, adapter: TelegramAdapter, alice: FakeUser
) -> None:
    """An answer in place to a press in the group is sent to the person alone if it is private."""
    group = telegram.group("amis", alice)
    await adapter.send(private(alice, "Bonjour"))
    receipt = await adapter.send(public(group.id, "Qui paie ?"))
    await adapter.send(private(alice, "Solde : 300,00 EUR", replaces=receipt.ref))
    assert [message.text for message in alice.sees(group)] == ["Qui paie ?"]
    assert [message.text for message in alice.sees()] == ["Bonjour", "Solde : 300,00 EUR"]


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


async def test_a_lost_answer_is_transient(telegram: FakeTelegram, adapter: TelegramAdapter, alice: FakeUser) -> None:
    """A cut connection may or may not have delivered; the core tries again."""
    telegram.drop_next("sendMessage")
    with pytest.raises(Transient):
        await adapter.send(private(alice))


async def test_before_start_nothing_is_sent(telegram: FakeTelegram, alice: FakeUser) -> None:
    """An adapter that is not started says so, and the outbound waits."""
    settings = TelegramSettings(token=SecretStr(telegram.token), base_url=telegram.base_url)
    with pytest.raises(Transient):
        await TelegramAdapter(settings).send(private(alice))


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.now += seconds


async def most_within(chat_ids: list[int], *, window: float) -> int:
    """The most calls within any span of so many seconds, if they are made as fast as the limiter lets them."""
    time = Time()
    limiter = RateLimiter(clock=time, sleep=time.sleep)
    times = []
    for chat_id in chat_ids:
        await limiter.wait(chat_id)
        times.append(time.now)
    return max(sum(start <= other < start + window for other in times) for start in times)


async def test_a_person_gets_about_one_message_a_second() -> None:
    """A burst of three, then one a second (core.telegram.org/bots/faq)."""
    time = Time()
    limiter = RateLimiter(clock=time, sleep=time.sleep)
    times = []
    for _ in range(5):
        await limiter.wait(1001)
        times.append(time.now)
    assert times == [0, 0, 0, 1, 2]


async def test_a_group_gets_at_most_20_messages_a_minute() -> None:
    """However they come, no minute has more than 20."""
    assert await most_within([-5] * 100, window=60) in (19, 20)


async def test_the_bot_makes_at_most_30_calls_a_second() -> None:
    """Over all people together, no second has more than 30."""
    assert await most_within(list(range(1, 301)), window=1) in (29, 30)


async def test_calls_that_write_nothing_new_wait_for_no_chat() -> None:
    """Edits and answers count against the overall limit alone, so a PIN is entered as fast as it is tapped."""
    time = Time()
    limiter = RateLimiter(clock=time, sleep=time.sleep)
    for _ in range(12):
        await limiter.wait()
    assert time.now < 0.5


def test_a_bucket_that_rested_is_full_again() -> None:
    """Waiting fills it, never above its burst."""
    bucket = TokenBucket(rate=1, burst=2, now=0)
    assert [bucket.reserve(0) for _ in range(3)] == [0, 0, 1]
    assert not bucket.is_full(2)
    assert bucket.is_full(3)
    assert [bucket.reserve(1000) for _ in range(3)] == [0, 0, 1]

"""How the adapter receives: nothing is confirmed to Telegram before the core has it, and nothing leaks."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from botpay.adapters.telegram import TelegramAdapter, TelegramSettings, polling
from botpay.adapters.telegram.limits import RateLimiter
from botpay.adapters.telegram.polling import ALLOWED_UPDATES, INLINE_UPDATES
from botpay.errors import Busy, StorageUnavailable
from botpay.message import Inbound
from botpay.testing.telegram import FakeTelegram, FakeUser

SECRET = "the-webhook-secret_1"
PUBLIC = "https://pay.example"
HEADER = "X-Telegram-Bot-Api-Secret-Token"


class Core:
    """Stands for the core: notes what it receives, and fails as often as told."""

    def __init__(self) -> None:
        self.received: list[Inbound] = []
        self.failures: list[BaseException] = []
        self.gate: asyncio.Event | None = None
        self.waiting = 0

    async def __call__(self, inbound: Inbound) -> None:
        """Receive."""
        if self.gate is not None:
            self.waiting += 1
            await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.received.append(inbound)

    def texts(self) -> list[str]:
        """What was said."""
        return [inbound.text.reveal() for inbound in self.received]


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something outside this task is so."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the other side is a server, which sets no event for us
            await asyncio.sleep(0.001)


async def no_wait(_: float) -> None:
    """Sleep no time."""


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    """A Telegram."""
    async with FakeTelegram() as fake:
        yield fake


@pytest.fixture
def alice(telegram: FakeTelegram) -> FakeUser:
    """A person who has started the bot."""
    return telegram.user("alice")


@pytest.fixture
def core() -> Core:
    """A core that takes everything."""
    return Core()


def make(telegram: FakeTelegram, **fields: Any) -> TelegramAdapter:
    """An adapter for that Telegram."""
    given: dict[str, Any] = {"token": SecretStr(telegram.token), "base_url": telegram.base_url} | fields
    return TelegramAdapter(TelegramSettings(**given), limiter=RateLimiter(sleep=no_wait))


def make_webhook(telegram: FakeTelegram, **fields: Any) -> TelegramAdapter:
    """An adapter that is called."""
    return make(telegram, mode="webhook", webhook_secret=SecretStr(SECRET), public_url=PUBLIC, **fields)


@pytest.fixture
async def polled(telegram: FakeTelegram, core: Core) -> AsyncIterator[TelegramAdapter]:
    """The adapter, polling."""
    adapter = make(telegram)
    await adapter.start(core)
    yield adapter
    await adapter.stop()


@pytest.fixture
async def server(telegram: FakeTelegram, core: Core) -> AsyncIterator[TestServer]:
    """The adapter, called through a web server."""
    adapter = make_webhook(telegram)
    app = web.Application()
    app.add_routes(adapter.routes())
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    telegram.resolve(PUBLIC, str(server.make_url("")))
    await adapter.start(core)
    yield server
    await adapter.stop()
    await server.close()


@pytest.mark.parametrize("failure", [Busy(), StorageUnavailable(), RuntimeError(), asyncio.CancelledError()])
@pytest.mark.usefixtures("polled")
async def test_polling_repeats_what_the_core_could_not_take(
    telegram: FakeTelegram, core: Core, alice: FakeUser, failure: BaseException
) -> None:
    """Whatever stopped the core, Telegram delivers again, and the loop goes on."""
    core.failures = [failure]
    await alice.say(None, "one")
    await telegram.delivered()
    await alice.say(None, "two")
    await telegram.delivered()
    assert core.texts() == ["one", "two"]


async def test_chats_are_handed_over_side_by_side_each_in_its_order(
    telegram: FakeTelegram, core: Core, alice: FakeUser
) -> None:
    """One slow chat does not hold up another, and no chat overtakes itself."""
    bob = telegram.user("bob")
    for word in ("a1", "a2"):
        await alice.say(None, word)
    for word in ("b1", "b2"):
        await bob.say(None, word)
    core.gate = asyncio.Event()
    adapter = make(telegram)
    await adapter.start(core)
    await until(lambda: core.waiting == 2)
    core.gate.set()
    await telegram.delivered()
    await adapter.stop()
    assert [text for text in core.texts() if text[0] == "a"] == ["a1", "a2"]
    assert [text for text in core.texts() if text[0] == "b"] == ["b1", "b2"]


@pytest.mark.parametrize("code", [409, 429, 500, 502])
@pytest.mark.usefixtures("polled")
async def test_polling_survives_what_telegram_answers(
    telegram: FakeTelegram, core: Core, alice: FakeUser, code: int
) -> None:
    """After an error the loop asks again, and nothing is lost."""
    await alice.say(None, "one")
    telegram.fail_next("getUpdates", code, "no", retry_after=0 if code == 429 else None)
    telegram.drop_next("getUpdates")
    await alice.say(None, "two")
    await telegram.delivered()
    assert set(core.texts()) == {"one", "two"}


@pytest.mark.parametrize("fields", [{"date": "never"}, {"chat": None}, {"text": 5}, {"entities": [{"type": "url"}]}])
@pytest.mark.usefixtures("polled")
async def test_an_update_of_an_unknown_shape_holds_nothing_up(
    telegram: FakeTelegram, core: Core, alice: FakeUser, fields: dict[str, Any]
) -> None:
    """What the library cannot read is left out; what comes with it is received."""
    chat = {"id": 1001, "type": "private"}
    telegram.push("message", {"message_id": 1, "date": 1, "chat": chat, "text": "x"} | fields)
    await alice.say(None, "one")
    await telegram.delivered()
    assert core.texts() == ["one"]


async def test_an_offset_is_said_only_while_something_is_to_be_confirmed(
    telegram: FakeTelegram, core: Core, alice: FakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a quiet week ids start anywhere, so an old offset must not hide what has a lower one."""
    monkeypatch.setattr(polling, "WAIT_SECONDS", 0)
    adapter = make(telegram)
    await alice.say(None, "one")
    await adapter.start(core)
    await until(lambda: sum(name == "getupdates" for name, _ in telegram.calls) >= 3)
    await adapter.stop()
    offsets = [values.get("offset") for name, values in telegram.calls if name == "getupdates"]
    assert offsets[0] is None
    assert offsets[1] is not None
    assert offsets[2] is None


@pytest.mark.usefixtures("polled")
async def test_updates_are_asked_for_by_kind_and_never_dropped(telegram: FakeTelegram, alice: FakeUser) -> None:
    """allowed_updates is said on each call, and the webhook is removed without dropping what waits."""
    await alice.say(None, "one")
    await telegram.delivered()
    asked = [json.loads(values["allowed_updates"]) for name, values in telegram.calls if name == "getupdates"]
    assert asked
    assert all(tuple(kinds) == (*ALLOWED_UPDATES, *INLINE_UPDATES) for kinds in asked)
    assert "deletewebhook" in [name for name, _ in telegram.calls]
    assert not telegram.has_dropped_updates


async def test_stopping_lets_the_core_finish(telegram: FakeTelegram, core: Core, alice: FakeUser) -> None:
    """A commit that is under way ends before `stop` returns; what was not confirmed comes again at the next start."""
    core.gate = asyncio.Event()
    adapter = make(telegram)
    await adapter.start(core)
    await alice.say(None, "one")
    await until(lambda: core.waiting == 1)
    stopping = asyncio.create_task(adapter.stop())
    await asyncio.wait({stopping}, timeout=0.1)
    assert not stopping.done()
    core.gate.set()
    await stopping
    assert core.texts() == ["one"]
    again = make(telegram)
    await again.start(core)
    await telegram.delivered()
    await again.stop()
    assert core.texts() == ["one", "one"]


@pytest.mark.usefixtures("polled")
async def test_a_press_is_answered_after_the_core_has_it(
    telegram: FakeTelegram, polled: TelegramAdapter, core: Core, alice: FakeUser
) -> None:
    """The button stops to spin once the press is committed, and a refused answer disturbs nothing."""
    message = await alice.say(None, "hello")
    core.gate = asyncio.Event()
    presses = [await alice.forge_press(message, "token") for _ in range(2)]
    await until(lambda: core.waiting >= 1)
    assert [press.answer for press in presses] == [None, None]
    telegram.fail_next("answerCallbackQuery", 400, "Bad Request: query is too old")
    core.gate.set()
    await telegram.delivered()
    await until(lambda: presses[1].answer == "" or presses[0].answer == "")
    assert [inbound.press.token for inbound in core.received if inbound.press] == ["token", "token"]


async def call(
    server: TestServer, body: bytes, headers: Mapping[str, str] | list[tuple[str, str]] | None = None
) -> int:
    """Post to the webhook; the status of the answer."""
    given = {HEADER: SECRET} if headers is None else headers
    async with (
        ClientSession() as session,
        session.post(server.make_url("/telegram"), data=io.BytesIO(body), headers=given) as answer,
    ):
        return answer.status


def update(text: str = "one", update_id: int = 5) -> bytes:
    """An update as Telegram posts it."""
    chat = {"id": 1001, "type": "private"}
    sender = {"id": 1001, "is_bot": False, "first_name": "Alice"}
    message = {"message_id": 1, "date": 1, "chat": chat, "from": sender, "text": text}
    return json.dumps({"update_id": update_id, "message": message}).encode()


async def test_a_secret_of_raw_bytes_is_refused(server: TestServer, core: Core) -> None:
    """Bytes that are no UTF-8 in the header are a 401 and not a fault of ours."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    body = update()
    head = f"POST /telegram HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{HEADER}: "
    writer.write(head.encode() + SECRET.encode() + b"\xff\xfe\r\n\r\n" + body)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert core.received == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b"{}",
        b'{"update_id": "5"}',
        b'{"update_id": true}',
        b"\xff\xfe{}",
        '{"update_id": 5}'.encode("utf-16"),
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b'{"update_id": ' + b"9" * 5000 + b"}",
        update("x" * 1024 * 1024),
    ],
    ids=lambda body: repr(body[:16]),
)
async def test_what_is_no_update_is_refused(server: TestServer, core: Core, body: bytes) -> None:
    """Malformed, nested, in another encoding or above 1 MiB: 400, soon, without effect."""
    async with asyncio.timeout(5):
        assert await call(server, body) == 400
    assert core.received == []


async def test_an_update_of_no_meaning_is_taken(server: TestServer, core: Core) -> None:
    """Kinds and shapes that mean nothing here get a 200, or Telegram would repeat them for a day."""
    assert await call(server, b'{"update_id": 5, "poll": {}}') == 200
    assert await call(server, b'{"update_id": 5, "message": {"text": 5}}') == 200
    assert core.received == []


async def test_a_lost_connection_does_not_interrupt_the_core(server: TestServer, core: Core) -> None:
    """Telegram hangs up; what the core began it ends."""
    core.gate = asyncio.Event()
    calling = asyncio.create_task(call(server, update()))
    await until(lambda: core.waiting == 1)
    calling.cancel()
    core.gate.set()
    await until(lambda: core.texts() == ["one"])


async def test_the_webhook_is_set_with_secret_and_kinds(telegram: FakeTelegram, core: Core) -> None:
    """start tells Telegram where to call, what to prove itself with and what to send, and drops nothing."""
    adapter = make_webhook(telegram, webhook_path="/hooks/tg")
    await adapter.start(core)
    await adapter.stop()
    (values,) = [values for name, values in telegram.calls if name == "setwebhook"]
    assert values["url"] == "https://pay.example/hooks/tg"
    assert values["secret_token"] == SECRET
    assert tuple(json.loads(values["allowed_updates"])) == (*ALLOWED_UPDATES, *INLINE_UPDATES)
    assert not telegram.has_dropped_updates
    assert telegram.webhook_url, "stop leaves the webhook, so that Telegram keeps what comes meanwhile"


async def test_a_stopped_adapter_takes_no_calls(telegram: FakeTelegram, core: Core) -> None:
    """Before start and after stop the webhook says 503, so that Telegram keeps the update."""
    adapter = make_webhook(telegram)
    app = web.Application()
    app.add_routes(adapter.routes())
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    assert await call(server, update()) == 503
    await adapter.start(core)
    await adapter.stop()
    assert await call(server, update()) == 503
    await server.close()
    assert core.received == []


def test_polling_has_no_routes(telegram: FakeTelegram) -> None:
    """Nothing is open to the network that is not needed."""
    assert make(telegram).routes() == ()

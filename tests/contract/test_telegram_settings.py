"""What an operator is told of the settings, and that nothing leaks to where an operator looks."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from botpay.adapters.telegram import TelegramAdapter, TelegramSettings
from botpay.adapters.telegram.limits import RateLimiter
from botpay.errors import BotpayError, Busy, ConfigError, Transient
from botpay.message import Inbound, Outbound, Visibility
from botpay.testing.telegram import FakeTelegram, FakeUser

SECRET = "the-webhook-secret_1"
PUBLIC = "https://pay.example"


class Core:
    """Stands for the core: takes everything, after failing as often as told."""

    def __init__(self) -> None:
        self.failures: list[BaseException] = []

    async def __call__(self, _: Inbound) -> None:
        """Receive."""
        if self.failures:
            raise self.failures.pop(0)


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


@pytest.mark.parametrize(
    ("fields", "setting"),
    [
        ({"mode": "webhook"}, "webhook_secret"),
        ({"mode": "webhook", "webhook_secret": SecretStr("")}, "webhook_secret"),
        ({"mode": "webhook", "webhook_secret": SecretStr("é" * 8)}, "webhook_secret"),
        ({"mode": "webhook", "webhook_secret": SecretStr("s" * 257)}, "webhook_secret"),
        ({"public_url": "http://pay.example"}, "public_url"),
        ({"webhook_path": "telegram"}, "webhook_path"),
        ({"token": SecretStr("")}, "token"),
        ({"token": SecretStr("1:wrong-token-canary")}, "token"),
    ],
)
async def test_wrong_settings_refuse_to_start(
    telegram: FakeTelegram, core: Core, fields: dict[str, Any], setting: str
) -> None:
    """Each wrong setting is named, by start and by check alike, and no value of it is shown."""
    adapter = make(telegram, **fields)
    with pytest.raises(ConfigError, match=rf"telegram\.{setting}") as raised:
        await adapter.start(core)
    assert raised.value.__context__ is None
    assert "canary" not in str(raised.value)
    assert [setting in fault for fault in await adapter.check()] == [True]


def test_unknown_settings_are_refused_without_showing_values() -> None:
    """A typo in the section is told, and the token that stands beside it is not."""
    with pytest.raises(ValidationError) as raised:
        TelegramSettings.model_validate({"token": "1:canary", "webhok_secret": "canary"})
    assert "canary" not in str(raised.value)


async def test_an_unreachable_telegram_is_told_at_start(telegram: FakeTelegram, core: Core) -> None:
    """Without a network start says so, to be tried again, and check names the remedy."""
    adapter = make(telegram, base_url="http://127.0.0.1:1/bot")
    with pytest.raises(Transient) as raised:
        await adapter.start(core)
    assert isinstance(raised.value, BotpayError)
    assert raised.value.__context__ is None
    assert [fault for fault in await adapter.check() if "base_url" in fault]


async def test_check_finds_privacy_mode_and_a_left_over_webhook(core: Core) -> None:
    """Privacy mode hides #envoyer in groups, and a webhook excludes polling: both come with their remedy."""
    async with FakeTelegram(privacy=True) as telegram:
        adapter = make_webhook(telegram)
        await adapter.start(core)
        await adapter.stop()
        privacy, webhook = await make(telegram).check()
        assert "/setprivacy" in privacy
        assert "webhook is set" in webhook


async def test_check_finds_what_is_wrong_with_the_webhook(telegram: FakeTelegram, core: Core, alice: FakeUser) -> None:
    """No webhook, another address or failing calls: each is told; a sound one gives no remark."""
    assert await make(telegram).check() == []
    adapter = make_webhook(telegram)
    assert ["No webhook is set" in fault for fault in await adapter.check()] == [True]
    await adapter.start(core)
    assert await adapter.check() == []
    (other,) = await make_webhook(telegram, webhook_path="/other").check()
    assert "sends updates to https://pay.example/telegram and not" in other
    await alice.say(None, "one")
    with pytest.raises(AssertionError):
        await telegram.delivered(within_seconds=0.1)
    (failing,) = await adapter.check()
    assert "Failed to resolve host" in failing
    await adapter.stop()


async def test_neither_token_nor_words_are_logged(
    telegram: FakeTelegram, core: Core, alice: FakeUser, caplog: pytest.LogCaptureFixture
) -> None:
    """With every logger at DEBUG no token, no secret, no PIN and no message stands in the logs or in a repr."""
    caplog.set_level(logging.DEBUG)
    adapter = make(telegram)
    await adapter.start(core)
    core.failures = [Busy("482915")]
    await alice.say(None, "pin-canary 482915")
    telegram.push("message", {"text": "pin-canary 482915"})
    await telegram.delivered()
    outbound = Outbound(
        id="1", adapter="telegram", tenant="main", visibility=Visibility.PRIVATE, to="1001", text="pin-canary 482915"
    )
    await adapter.send(outbound)
    telegram.fail_next("sendMessage", 500, "pin-canary")
    with pytest.raises(Transient):
        await adapter.send(outbound)
    await adapter.stop()
    logging.getLogger("tests").debug("the root logger was at DEBUG")
    assert "the root logger was at DEBUG" in caplog.text
    assert "an unknown shape" in caplog.text
    shown = caplog.text + repr(adapter) + repr(vars(adapter)) + repr(make_webhook(telegram)._settings)
    for secret in (telegram.token, telegram.token.partition(":")[2], "482915", "pin-canary", SECRET):
        assert secret not in shown


async def test_a_bot_in_use_shows_no_token(telegram: FakeTelegram, core: Core) -> None:
    """The client library's own repr of a bot prints its token; ours does not."""
    adapter = make(telegram)
    await adapter.start(core)
    assert telegram.token not in repr(adapter._bot) + repr(vars(adapter))
    await adapter.stop()

"""The menu of commands, deep links, and what the doctor says of a bot's settings at @BotFather."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import pytest
from pydantic import SecretStr

from botpay import menu
from botpay.adapters.telegram import TelegramAdapter, TelegramSettings
from botpay.app import Application
from botpay.config import Keys
from botpay.message import Draft, Inbound, MenuItem
from botpay.parsing import Context, read
from botpay.replies import LANGUAGES
from botpay.testing.play import embedded
from botpay.testing.telegram import FakeTelegram


class MenuHost:
    """Lends menus, and nothing else."""

    def __init__(self, default: str = "fr") -> None:
        self._default = default

    def menus(self) -> Mapping[str, Sequence[MenuItem]]:
        """Those of botpay."""
        return menu.menus(self._default)

    async def alone(self, _: str, work: Callable[[], Awaitable[None]]) -> None:
        """There is one process."""
        await work()

    async def draft(self, _typed: Inbound, _most_bytes: int) -> Draft:
        """Nothing is a payment."""
        return Draft(title="no")


async def ignore(_: Inbound) -> None:
    """Receive nothing."""


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    """A Telegram."""
    async with FakeTelegram() as fake:
        yield fake


def make(telegram: FakeTelegram, host: MenuHost | None = None, **fields: object) -> TelegramAdapter:
    """An adapter that has met its host."""
    settings = {"token": SecretStr(telegram.token), "base_url": telegram.base_url} | fields
    adapter = TelegramAdapter(TelegramSettings.model_validate(settings))
    adapter.meet(host or MenuHost())  # type: ignore[arg-type]  # the rest of a host is of no use here
    return adapter


async def started(adapter: TelegramAdapter) -> None:
    """Start and stop."""
    await adapter.start(ignore)
    await adapter.stop()


async def test_each_language_has_its_menu(telegram: FakeTelegram) -> None:
    """Private chats offer all commands, groups those that make sense there; other languages the installation's."""
    await started(make(telegram, MenuHost("en")))
    assert {scope for scope, _ in telegram.menus} == {"all_private_chats", "all_group_chats"}
    assert {language for _, language in telegram.menus} == {"", *LANGUAGES}
    french = [item["command"] for item in telegram.menus["all_private_chats", "fr"]]
    assert french == ["envoyer", "donner", "solde", "historique", "annuler", "langue", "aide"]
    assert [item["command"] for item in telegram.menus["all_group_chats", "en"]] == ["send", "donate", "help"]
    assert telegram.menus["all_private_chats", ""] == telegram.menus["all_private_chats", "en"]


async def test_a_menu_is_set_only_where_it_differs(telegram: FakeTelegram) -> None:
    """The second start changes nothing; what somebody changed is put right."""
    await started(make(telegram))
    telegram.menus["all_group_chats", "fr"].pop()
    telegram.calls.clear()
    await started(make(telegram))
    assert sum(name == "setmycommands" for name, _ in telegram.calls) == 1
    assert len(telegram.menus["all_group_chats", "fr"]) == 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_menu_offers_is_understood(language: str) -> None:
    """Each command, alone as a tap on it sends it, is answered where it is offered; each description is one line."""
    for item in menu.menus("en")[language]:
        here = Context(private=not item.public, me=("smoneybot",))
        assert read(f"/{item.command}@SmoneyBot", here).meaning is not None
        assert item.does
        assert "\n" not in item.does


@pytest.mark.parametrize("payload", ["open", "A" * 64, "x_-9"])
async def test_a_deep_link_carries_its_payload(telegram: FakeTelegram, payload: str) -> None:
    """Who opens it says /start with it, in the private chat; before the bot's name is known there is none."""
    adapter = make(telegram)
    assert adapter.link(payload) is None
    heard: list[Inbound] = []

    async def hear(inbound: Inbound) -> None:
        heard.append(inbound)

    await adapter.start(hear)
    assert adapter.link(payload) == f"https://t.me/SmoneyBot?start={payload}"
    await telegram.user("alice", started=False).start(payload)
    await telegram.delivered()
    await adapter.stop()
    assert [inbound.text.reveal() for inbound in heard] == [f"/start {payload}"]


@pytest.mark.parametrize("payload", ["", "A" * 65, "a b", "é", "a=b", "x\n"])
def test_what_a_deep_link_cannot_hold_is_refused(payload: str) -> None:
    """1 to 64 of A-Z a-z 0-9 _ - (Bot API, deep linking)."""
    with pytest.raises(ValueError, match="1 to 64"):
        TelegramAdapter(TelegramSettings(token=SecretStr("1:x"))).link(payload)


async def test_the_doctor_finds_inline_mode_off_and_menus_missing() -> None:
    """Each with its remedy; with inline = false nobody misses inline mode, and after a start the menus are there."""
    async with FakeTelegram(inline=False) as telegram:
        inline, menus = await make(telegram).check()
        assert "/setinline" in inline
        assert "menu of commands" in menus
        await started(make(telegram))
        assert await make(telegram, inline=False).check() == []


async def test_without_inline_mode_its_updates_are_not_asked_for(telegram: FakeTelegram) -> None:
    """inline = false: what people type elsewhere never reaches the bot."""
    adapter = make(telegram, inline=False)
    await adapter.start(ignore)
    await telegram.delivered()
    await telegram.user("alice").say(None, "hello")
    await telegram.delivered()
    await adapter.stop()
    kinds = [values["allowed_updates"] for name, values in telegram.calls if name == "getupdates"]
    assert kinds
    assert not any("inline" in kind for kind in kinds)


async def test_the_application_lends_its_menus(telegram: FakeTelegram, tmp_path: Path) -> None:
    """A started installation has set them."""
    adapter = TelegramAdapter(TelegramSettings(token=SecretStr(telegram.token), base_url=telegram.base_url))
    application = Application(embedded(tmp_path / "menu.sqlite", Keys.fresh()), [adapter])
    await application.start_core()
    await application.start_adapters()
    await application.stop()
    assert telegram.menus["all_private_chats", ""] == telegram.menus["all_private_chats", "fr"]

"""Adapters are loaded by entry point, only those with a section, and only if they keep this contract."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from botpay.adapters.base import CONTRACT
from botpay.adapters.telegram import TelegramAdapter
from botpay.cli import loading
from botpay.config import Keys, Settings
from botpay.errors import ConfigError

ADAPTER = """
from botpay.adapters.base import Adapter
{before}
class Chat(Adapter):
    {contract}
    async def start(self, receive): ...
    async def send(self, outbound): ...
    async def stop(self): ...
    def __init__(self, settings): ...
"""


def settings(**adapters: dict[str, str]) -> Settings:
    """Settings with these sections."""
    return Settings(keys=Keys.fresh(), adapters=adapters)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a module `chat_of_a_test` can be written that is installed as the adapter "chat"."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "chat_of_a_test", raising=False)
    point = EntryPoint("chat", "chat_of_a_test:Chat", loading.GROUP)
    monkeypatch.setattr(loading, "entry_points", lambda *, group: [point] if group == loading.GROUP else [])
    return tmp_path / "chat_of_a_test.py"


def test_only_what_has_a_section_is_loaded() -> None:
    """Each section makes its adapter, and no section none; one that nobody installed is named with those there are."""
    assert loading.load_adapters(settings()) == []
    (adapter,) = loading.load_adapters(settings(telegram={"token": "1:x"}))
    assert isinstance(adapter, TelegramAdapter)
    with pytest.raises(ConfigError, match=r"\[adapters.pigeon\]: no such adapter is installed; there are .*telegram"):
        loading.load_adapters(settings(pigeon={}))


def test_a_refused_setting_is_named_and_not_shown() -> None:
    """What is wrong with a section is told by the setting's name, without any value."""
    with pytest.raises(ConfigError, match="webhok_secret is no setting") as raised:
        loading.load_adapters(settings(telegram={"token": "1:canary", "webhok_secret": "canary"}))
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize(
    ("contract", "said"),
    [
        ("contract = 0", "was written for contract 0"),
        ("contract = 99", "was written for contract 99"),
        ("pass", "does not say for which contract"),
    ],
)
def test_another_contract_is_refused_in_a_sentence(write: Path, contract: str, said: str) -> None:
    """An adapter for another version of the contract is not run, and what to install is told."""
    write.write_text(ADAPTER.format(before="", contract=contract), encoding="utf-8")
    with pytest.raises(ConfigError, match=f"chat_of_a_test:Chat {said}.*keeps contract {CONTRACT}.*install"):
        loading.load_adapters(settings(chat={}))


def test_a_library_that_is_missing_is_named_with_what_to_install(write: Path) -> None:
    """Where a library is not there, the sentence is one that can be typed."""
    write.write_text(ADAPTER.format(before="import carrier_pigeon", contract="contract = 1"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"\[adapters.chat\] needs carrier_pigeon: pip install 'carrier_pigeon'"):
        loading.load_adapters(settings(chat={}))


def test_the_extra_of_a_platform_is_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where our own package has an extra for the platform, that is named."""
    monkeypatch.setitem(sys.modules, "botpay.adapters.slack", None)
    with pytest.raises(ConfigError, match=r"pip install 'botpay\[slack\]'"):
        loading.load_adapters(settings(slack={"bot_token": "x"}))

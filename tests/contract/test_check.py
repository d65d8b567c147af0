"""`botpay adapter check`: what it finds, what it says, and how it ends."""

from pathlib import Path

import pytest

from botpay.adapters.console import ConsoleAdapter
from botpay.errors import ConfigError
from botpay.testing.console.contract import ConsoleContract
from botpay.testing.contract.report import Verdict, examine, find
from tests.commands import botpay

BROKEN = """
from botpay.testing.console.contract import ConsoleContract

class Broken(ConsoleContract):
    cannot = {**ConsoleContract.cannot, "order": "nobody tried"}

    async def test_singing(self, rig):
        '''It sings.'''
        assert rig.texts("alice") == ["la la la"], "it is mute"
"""


def test_the_contract_of_an_adapter_is_found() -> None:
    """By its own name or by the adapter's; what is neither is told in a sentence."""
    for name in ("botpay.testing.console.contract:ConsoleContract", "botpay.adapters.console:ConsoleAdapter"):
        assert find(name) is ConsoleContract
    assert find("botpay.adapters.console:ConsoleAdapter").adapter is ConsoleAdapter
    for name in ("botpay.money:Money", "botpay.nowhere:X", "nonsense", ""):
        with pytest.raises(ConfigError):
            find(name)


def test_what_is_declared_absent_is_no_failure() -> None:
    """Each rule is examined: it holds, or is absent with the reason that `cannot` gives."""
    findings = {finding.test: finding for finding in examine(ConsoleContract)}
    assert {finding.verdict for finding in findings.values()} == {Verdict.HOLDS, Verdict.ABSENT}
    assert findings["escaping"].verdict is Verdict.HOLDS
    assert findings["edit"].reason == ConsoleContract.cannot["edit"]
    assert all(finding.rule for finding in findings.values())


def test_what_does_not_hold_is_told(tmp_path: Path) -> None:
    """A rule that fails, and one that holds although it is said not to, are named, and the command ends with 1."""
    (tmp_path / "broken.py").write_text(BROKEN, encoding="utf-8")
    done = botpay("adapter", "check", "broken:Broken", cwd=tmp_path)
    assert done.returncode == 1
    assert "FAILS order ('order' in `cannot`): declared absent (nobody tried), and yet it holds" in done.stdout
    assert "FAILS singing ('singing' in `cannot`): AssertionError: it is mute" in done.stdout


def test_an_ability_that_nothing_tests_is_refused() -> None:
    """A typo in `cannot` would hide a failure: it is an error where the class is written."""
    with pytest.raises(TypeError, match="there is no 'edits'"):
        type("Typo", (ConsoleContract,), {"cannot": {"edits": "typo"}})

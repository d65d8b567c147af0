"""docs/adapters.md is true: its tutorial works as written, and its table is what `botpay adapter check` prints."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from botpay.testing.console.contract import ConsoleContract
from botpay.testing.contract import cases
from botpay.testing.contract.table import Examined, as_markdown
from botpay.testing.matrix.contract import MatrixContract
from botpay.testing.slack.contract import SlackContract
from botpay.testing.telegram.contract import TelegramContract
from botpay.testing.webhook.contract import WebhookContract
from tests.commands import botpay

PAGE = (Path(__file__).parents[2] / "docs" / "adapters.md").read_text(encoding="utf-8")
CONTRACTS = (ConsoleContract, TelegramContract, SlackContract, WebhookContract, MatrixContract)
FILE = re.compile(r"^`([\w.]+)`:\n\n```\w+\n(.*?)^```", re.DOTALL | re.MULTILINE)


def table() -> str:
    """The part of the page that is printed."""
    found = re.search(r"<!-- contract -->\n(.*)\n<!-- /contract -->", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_tutorial_is_green_in_an_empty_folder(tmp_path: Path) -> None:
    """Whoever writes down the files of the page has an adapter that keeps the contract and plays the scenarios."""
    files = dict(FILE.findall(PAGE))
    assert list(files) == ["pigeonhole.py", "contract.py", "payloads.json", "test_pigeonhole.py"]
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    tried = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stdout[-2000:]


def test_the_table_says_what_is_declared() -> None:
    """Each verdict and reason of the page is that of a contract, whose tests hold that it is so."""
    assert table() == as_markdown([Examined.declared(contract) for contract in CONTRACTS])


@pytest.mark.long
def test_the_table_is_what_the_command_prints() -> None:
    """The contract is run anew for each adapter, and the page is what comes out, to the letter."""
    names = [f"{contract.adapter.__module__}:{contract.adapter.__name__}" for contract in CONTRACTS]
    done = botpay("adapter", "check", "--markdown", *names)
    assert (done.returncode, done.stdout.strip()) == (0, table().strip())


@pytest.mark.parametrize("contract", CONTRACTS)
def test_only_payloads_that_something_asks_for_are_recorded(contract: type[ConsoleContract]) -> None:
    """Each recorded payload has a name that the contract knows."""
    assert set(contract().recorded) <= set(cases.RECORDED)

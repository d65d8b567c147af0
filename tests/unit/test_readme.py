"""The README is true: its conversation is what the demo prints, and its links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from botpay.testing.chat import plain

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_demo_prints_the_readmes_conversation() -> None:
    """Without a terminal, `botpay demo` plays the conversation of the README, word for word."""
    command = [sys.executable, "-c", "from botpay.cli import main; main()", "demo"]
    played = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    shown = re.search(r"```text\n(alice> .*?)```", README, re.DOTALL)
    assert shown is not None
    assert plain(played.stdout) == shown[1]


@pytest.mark.parametrize("page", ["README.md", "docs/charities.md", "docs/security.md"])
def test_every_link_leads_somewhere(page: str) -> None:
    """Each relative link names a file or folder of the repository."""
    folder, text = (ROOT / page).parent, (ROOT / page).read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert links
    assert [link for link in links if not (folder / link).exists()] == []

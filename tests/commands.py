"""The command line, as a person calls it."""

import subprocess
import sys
from pathlib import Path


def botpay(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """`botpay ...` in a process of its own."""
    command = [sys.executable, "-c", "from botpay.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

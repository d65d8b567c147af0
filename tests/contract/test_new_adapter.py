"""`botpay adapter new`: what it writes keeps the contract at once, with nothing but the built package."""

import ast
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from botpay.cli import adapter
from botpay.errors import ConfigError

ROOT = Path(__file__).parents[2]
MOST_LINES = 60


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """An environment in which botpay is what is in its wheel, and not this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return {**os.environ, "PYTHONPATH": str(folder / "site"), "PYTHONDONTWRITEBYTECODE": "1"}


def run(env: Mapping[str, str], cwd: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Python with these arguments."""
    return subprocess.run([sys.executable, *command], cwd=cwd, env=env, capture_output=True, text=True, check=False)


def code_lines(path: Path) -> int:
    """Lines that are neither blank, comment, docstring nor import."""
    text = path.read_text(encoding="utf-8")
    other = {number for node in ast.walk(ast.parse(text)) if _is_no_code(node) for number in _lines(node)}
    lines = enumerate(text.splitlines(), start=1)
    return sum(bool(line.strip()) and line.strip()[0] != "#" and number not in other for number, line in lines)


def _is_no_code(node: ast.AST) -> bool:
    is_words = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_words or isinstance(node, ast.Import | ast.ImportFrom)


def _lines(node: ast.AST) -> range:
    return range(getattr(node, "lineno", 0), getattr(node, "end_lineno", 0) + 1)


def test_a_new_adapter_is_green_in_an_empty_folder(built: Mapping[str, str], tmp_path: Path) -> None:
    """The package passes its own tests, holds the contract in under 60 lines, and names no other platform."""
    botpay = "from botpay.cli import main; main()"
    made = run(built, tmp_path, "-c", botpay, "adapter", "new", "demochat")
    assert made.returncode == 0, made.stderr
    assert run(built, tmp_path, "-c", "import botpay; print(botpay.__file__)").stdout.startswith(built["PYTHONPATH"])
    package = tmp_path / "demochat"
    assert code_lines(package / "demochat" / "adapter.py") < MOST_LINES
    written = [path.read_text(encoding="utf-8") for path in package.rglob("*") if path.is_file()]
    assert not any("toychat" in text.casefold() for text in written)
    tried = run(built, package, "-m", "pytest", "-q")
    assert tried.returncode == 0, tried.stdout[-2000:]


@pytest.mark.parametrize("name", ["Demo", "demo-chat", "1chat", "class", "../chat", "", "toychat"])
def test_a_name_that_would_not_work_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What cannot be a section and a package is refused in a sentence, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="cannot name an adapter"):
        adapter.new(name)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of that name stays as it is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demochat").mkdir()
    with pytest.raises(ConfigError, match="already there"):
        adapter.new("demochat")
    assert list((tmp_path / "demochat").iterdir()) == []


def test_the_name_of_an_adapter_that_botpay_brings_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two adapters of one name could not both be loaded: nothing is written."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="botpay brings telegram already"):
        adapter.new("telegram")
    assert list(tmp_path.iterdir()) == []

"""The house rules that a linter does not know."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import botpay

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("botpay/**/*.py"), *ROOT.glob("tests/**/*.py")])
LONGEST_FILE, LONGEST_FUNCTION = 500, 70


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """The functions of a file with their lengths in lines."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_fit_in_a_readers_head(path: Path) -> None:
    """No file is longer than 500 lines, no function longer than 70."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE
    assert {name: lines for name, lines in functions(path) if lines > LONGEST_FUNCTION} == {}


def test_the_front_door_is_small_sorted_and_opens() -> None:
    """What `botpay` offers is what its `__all__` says, each name there and no other."""
    assert botpay.__all__ == ["Application", "Inbound", "Outbound", "Settings"]
    assert [getattr(botpay, name).__name__ for name in botpay.__all__] == botpay.__all__
    with pytest.raises(AttributeError):
        botpay.Ledger  # noqa: B018 - the question is whether it is there


def test_every_package_says_what_lives_there() -> None:
    """Each package begins with a docstring."""
    packages = [path for path in ROOT.glob("botpay/**/__init__.py") if "__pycache__" not in path.parts]
    silent = [str(path) for path in packages if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == []

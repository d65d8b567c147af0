"""`botpay adapter`: for those who write one."""

import keyword
import re
from collections.abc import Iterable, Iterator
from importlib import resources
from importlib.metadata import entry_points
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from botpay.cli.loading import GROUP
from botpay.errors import ConfigError

if TYPE_CHECKING:
    from botpay.testing.contract.table import Examined, Row

app = typer.Typer(no_args_is_help=True, help="Write an adapter for another platform, and see whether it holds.")

_TOY = "toychat"
_NAME = re.compile(r"[a-z][a-z0-9]{1,30}")
_COLOURS = {"yes": "green", "no": "yellow", "FAILS": "bold red"}


@app.callback()
def adapter() -> None:
    """Write an adapter for another platform, and see whether it holds."""


@app.command()
def check(
    names: Annotated[list[str], typer.Argument(metavar="MODULE:CLASS...", help="Adapters, or their contracts.")],
    markdown: Annotated[bool, typer.Option("--markdown", help="As a part of a page.")] = False,
) -> None:
    """Run the contract on adapters, and print what holds, what does not, and what is declared absent and why.

    Exit 1 if anything does not hold.
    """
    try:
        from botpay.testing.contract import report, table
    except ModuleNotFoundError as error:
        raise ConfigError(f"the contract needs {error.name}: pip install 'botpay[testing]'") from None
    examined = [table.Examined.now(report.find(name)) for name in names]
    if markdown:
        print(table.as_markdown(examined))
    else:
        _show(("test", "what must hold"), table.rules(examined), examined)
        _show(("what the platform can",), table.capabilities(examined), examined)
        _tell_why(examined)
    if any(one.fails for one in examined):
        raise typer.Exit(1)


@app.command()
def new(
    name: Annotated[
        str, typer.Argument(help="Of the platform, in small letters: it names the package and the section.")
    ],
) -> None:
    """Write a package with a working adapter for a toy platform, its payloads and tests, and say what to replace."""
    target = Path(name)
    if any(name == point.name and point.value.startswith("botpay.") for point in entry_points(group=GROUP)):
        raise ConfigError(f"botpay brings {name} already: take another name for yours")
    if not _NAME.fullmatch(name) or keyword.iskeyword(name) or name == _TOY:
        raise ConfigError(f"{name!r} cannot name an adapter: take small letters and digits, as in demochat")
    if target.exists():
        raise ConfigError(f"{target} is already there: move it away, or take another name")
    for source, place in _files(resources.files("botpay.testing").joinpath("skeleton"), Path()):
        path = target / _named(str(place), name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_named(source.read_text(encoding="utf-8"), name), encoding="utf-8")
    print(f"{target}/ holds an adapter that keeps the contract. Try it, then make it your platform's:")
    print(f"  cd {target} && python -m pytest\n  less README.md")


def _files(source: Traversable, path: Path) -> Iterator[tuple[Traversable, Path]]:
    """Each file of the skeleton, with its path in it."""
    for entry in source.iterdir():
        if entry.is_file():
            yield entry, path / entry.name
        elif entry.name != "__pycache__":
            yield from _files(entry, path / entry.name)


def _named(text: str, name: str) -> str:
    return text.replace(_TOY, name).replace(_TOY.title(), name.title())


def _show(head: tuple[str, ...], rows: "Iterable[Row]", examined: "list[Examined]") -> None:
    shown = Table(*head, *[one.name for one in examined], box=box.SIMPLE)
    for row in rows:
        shown.add_row(*[Text(cell.strip("`"), _COLOURS.get(cell, "")) for cell in row])
    Console().print(shown)


def _tell_why(examined: "list[Examined]") -> None:
    out = Console(highlight=False, soft_wrap=True)
    for one in examined:
        for names, reason in one.reasons():
            out.print(Text(f"{one.name} cannot {names}: {reason}"))
        for finding in one.fails:
            key = one.key(finding.test)
            out.print(Text(f"{one.name} FAILS {finding.test} ({key!r} in `cannot`): {finding.reason}", "bold red"))

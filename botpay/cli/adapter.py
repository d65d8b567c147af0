"""`botpay adapter`: for those who write one."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from botpay.errors import ConfigError

if TYPE_CHECKING:
    from botpay.testing.contract.table import Examined, Row

app = typer.Typer(no_args_is_help=True, help="Write an adapter for another platform, and see whether it holds.")

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
            out.print(Text(f"{one.name} FAILS {finding.test}: {finding.reason}", "bold red"))

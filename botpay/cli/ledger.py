"""`botpay ledger`: what accountants and auditors ask."""

import typer
from rich.console import Console
from rich.progress import track

from botpay.audit import verify as audit
from botpay.cli.common import ConfigOption, DatabaseOption, settings_of
from botpay.database import Database
from botpay.ledger import verify as ledger
from botpay.migrations import require_current

app = typer.Typer(help="Prove the ledger.", no_args_is_help=True)


@app.callback()
def _family() -> None:
    """Prove the ledger."""


@app.command()
def verify(config: ConfigOption = None, database: DatabaseOption = None) -> None:
    """Recompute every balance from its rows and check the audit; exit 1 and name the rows if anything is off."""
    settings = settings_of(config, database)
    opened = Database(settings.database)
    require_current(opened)
    screen = Console(stderr=True)
    with opened.read() as connection:  # one consistent view: the bot may go on meanwhile
        steps = [
            ("balances", ledger.problems(connection)),
            ("audit", audit.problems(connection, bytes.fromhex(settings.keys.audit.get_secret_value()))),
        ]
        found = [problem for _, step in track(steps, "verifying", console=screen, transient=True) for problem in step]
        transfers, links = ledger.count(connection), audit.count(connection)
    opened.close()
    for problem in found:
        print(problem)
    if found:
        print(f"NOT verified: {len(found)} problem(s)")
        raise typer.Exit(1)
    print(f"verified: {transfers} transfer rows and {links} audit links agree")

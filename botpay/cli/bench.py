"""`botpay bench`: what it costs, beside a yardstick in the same run."""

import json
from typing import Annotated

import typer

from botpay.testing.bench import roundtrip as measure_roundtrip

app = typer.Typer(help="Measure.", no_args_is_help=True)


@app.callback()
def _family() -> None:
    """Measure."""


@app.command()
def roundtrip(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    people: Annotated[int, typer.Option(help="How many people pay each other.", min=2, max=1000)] = 50,
    payments: Annotated[int, typer.Option(help="How many payments.", min=10, max=100_000)] = 2000,
) -> None:
    """People pay each other through the core on SQLite, beside a bare sqlite3 loop that makes the same rows durable."""
    figures = measure_roundtrip(people, payments)
    print(json.dumps(figures) if as_json else "\n".join(f"{name}: {value}" for name, value in figures.items()))

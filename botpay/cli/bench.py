"""`botpay bench`: what it costs, beside a yardstick in the same run."""

import json
from typing import Annotated, Any

import typer

from botpay.testing.bench import roundtrip as measure_roundtrip
from botpay.testing.ledger_bench import growth as measure_growth
from botpay.testing.ledger_bench import ledger as measure_ledger
from botpay.testing.parse_bench import measure as measure_parse

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
    _print(measure_roundtrip(people, payments), as_json=as_json)


@app.command()
def parse(as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Messages are read, chatter and commands, beside a bare regular expression."""
    _print(measure_parse(), as_json=as_json)


DatabaseOption = Annotated[
    str,
    typer.Option(
        "--database",
        metavar="URL",
        help="A PostgreSQL server, on which scratch databases are made and dropped, or an SQLite file, beside which.",
    ),
]
ProcessesOption = Annotated[int, typer.Option(help="How many processes book at once.", min=1, max=64)]


WritersOption = Annotated[int, typer.Option(help="How many connections each process books on.", min=1, max=16)]
InFlightOption = Annotated[int, typer.Option("--in-flight", help="How many callers wait at once, in all.", min=1)]


@app.command()
def ledger(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    database: DatabaseOption = "sqlite:///bench.sqlite",
    hot: Annotated[bool, typer.Option("--hot", help="Everybody gives to one charity.")] = False,
    processes: ProcessesOption = 1,
    in_flight: InFlightOption = 400,
    writers: WritersOption = 1,
    seconds: Annotated[float, typer.Option(help="How long each turn takes.", min=0.5)] = 4,
) -> None:
    """Payments are reserved and posted on the ledger, beside pgbench's TPC-B or a bare sqlite3 loop."""
    figures = measure_ledger(
        database, hot=hot, processes=processes, in_flight=in_flight, seconds=seconds, writers=writers
    )
    _print(figures, as_json=as_json)


@app.command()
def growth(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    database: DatabaseOption = "sqlite:///bench.sqlite",
    huge: Annotated[bool, typer.Option("--huge", help="Up to five million transfers instead of one.")] = False,
    processes: ProcessesOption = 1,
    in_flight: InFlightOption = 400,
    writers: WritersOption = 1,
) -> None:
    """The same at 10 000, 100 000 and a million transfers: how much dearer a payment becomes."""
    figures = measure_growth(database, huge=huge, processes=processes, in_flight=in_flight, writers=writers)
    _print(figures, as_json=as_json)


def _print(figures: dict[str, Any], *, as_json: bool) -> None:
    print(json.dumps(figures) if as_json else "\n".join(f"{name}: {value}" for name, value in figures.items()))

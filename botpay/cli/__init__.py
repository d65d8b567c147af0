"""The command line. Each module is a family of commands; none holds a rule of its own."""

import sys

import typer

from botpay.cli import adapter, bench, booking, charity, demo, keys, ledger, outbox, parse, person, serve
from botpay.errors import BotpayError

app = typer.Typer(
    name="botpay",
    help="People write a message, money moves.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.command("parse")(parse.parse)
app.command("doctor")(serve.doctor)
app.command("upgrade")(serve.upgrade)
ledger.app.command("fund")(booking.fund)
ledger.app.command("withdraw")(booking.withdraw)
ledger.app.command("adjust", context_settings={"ignore_unknown_options": True})(booking.adjust)
ledger.app.command("freeze")(booking.freeze)
ledger.app.command("unfreeze")(booking.unfreeze)
app.add_typer(adapter.app, name="adapter")
app.add_typer(ledger.app, name="ledger")
app.add_typer(person.people, name="person")
app.add_typer(charity.app, name="charity")
app.add_typer(outbox.app, name="outbox")
app.add_typer(keys.app, name="keys")
app.add_typer(bench.app, name="bench")


def main() -> None:
    """Run a command; what is not set up as it must be is told in a sentence, with exit code 2."""
    try:
        app()
    except BotpayError as error:
        sys.exit(_told(error))


def _told(error: BotpayError) -> int:
    print(f"botpay: {error}", file=sys.stderr)
    return 2

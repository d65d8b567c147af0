"""`botpay parse`: what messages mean, without an installation."""

import sys
from typing import Annotated

import typer

from botpay.jsonl import ParseOptions, parse_line


def parse(
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One JSON object a line in, one out.")] = False,
    bot: Annotated[
        list[str] | None, typer.Option("--bot", help="A name of the bot: SmoneyBot, or telegram:SmoneyBot.")
    ] = None,
    charity: Annotated[list[str] | None, typer.Option("--charity", help="A hashtag that is a charity's.")] = None,
) -> None:
    """Read messages from standard input, and say what each means."""
    if not jsonl:
        raise typer.BadParameter('say --jsonl: one JSON object a line, such as {"id": 1, "text": "#envoyer 10 € @bob"}')
    options = ParseOptions(bots=tuple(bot or ()), charities=tuple(charity or ()))
    parse_line('{"text": "#envoyer 1 € @x"}', options)  # reads the grammar before a message has to wait for it
    for raw in sys.stdin.buffer:
        line = raw.decode("utf-8", errors="surrogateescape").rstrip("\r\n")
        print(parse_line(line, options), flush=True)

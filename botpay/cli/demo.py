"""`botpay demo`: the whole thing in a terminal, on an embedded database."""

import asyncio
import contextlib
import getpass
import re
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from botpay.app import Application
from botpay.cli.common import keys_beside
from botpay.config import Settings
from botpay.confirm.pin import is_pin
from botpay.errors import ConfigError
from botpay.testing.chat import Said, ScriptError, Step, plain_spaces, read_script, typed, written
from botpay.testing.clocks import ShiftedClock
from botpay.testing.console import ConsoleStage
from botpay.testing.play import ALICE, BOB, CHARITY_TAG, embedded, on_stage, play, settle_in
from botpay.testing.stage import Line

_QUIT = "quit"
_LATER = "the payment still waits: {who}(private)> PIN, or #{cancel}"
_ADDRESSED = re.compile(r"[\w.-]+(\([\w.-]+\))?>|~")
_WELCOME = f"""You are in a group with the bot. Two people live here, with {{each}} each; their PINs, shown this once:
  alice {ALICE.pin}    bob {BOB.pin}    and the charity #{CHARITY_TAG}
Type as alice:        {{pay}} @bob    (in the group, #commands only; try #{{help}})
To the bot alone:     alice(private)> {{balance}}        As bob:  bob> #{{balance}}        Let time pass:  ~ 6 minutes
End: quit
"""
_WORDS = {
    "fr": {"each": "300,00 €", "pay": "#envoyer 10 euros", "help": "aide", "balance": "solde", "cancel": "annuler"},
    "en": {"each": "€300.00", "pay": "#send 10 euros", "help": "help", "balance": "balance", "cancel": "cancel"},
}


def demo(
    script: Annotated[
        str | None, typer.Option("--script", help="Play a file of `who> text` lines, or - for standard input.")
    ] = None,
    database: Annotated[
        Path | None, typer.Option("--database", help="Keep the database in this file; by default it is thrown away.")
    ] = None,
    language: Annotated[str, typer.Option("--language", help="In which the people are spoken to: fr or en.")] = "fr",
) -> None:
    """Pay somebody on an embedded database: type as alice, confirm with her PIN, see what bob is told."""
    if language not in _WORDS:
        raise ConfigError(f"--language {language}: the demo speaks {' and '.join(_WORDS)}")
    steps = _steps(script)
    with tempfile.TemporaryDirectory(prefix="botpay-") as folder:
        path = database or Path(folder) / "demo.sqlite"
        fresh = not path.exists()
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_demo(embedded(path, keys_beside(path)), language, steps, fresh=fresh))


def _steps(script: str | None) -> list[Step] | None:
    """What to play; None to let a person type."""
    if script is None and sys.stdin.isatty():
        return None
    try:
        if script is None:
            return read_script(
                resources.files("botpay.cli").joinpath("demo.chat").read_text(encoding="utf-8").splitlines()
            )
        if script == "-":
            return read_script(sys.stdin)
        return read_script(Path(script).read_text(encoding="utf-8").splitlines())
    except OSError as error:
        raise ConfigError(f"the script cannot be played: {script} cannot be read ({error.strerror})") from None
    except (ScriptError, UnicodeDecodeError) as error:
        raise ConfigError(f"the script cannot be played: {error}") from None


async def _demo(settings: Settings, language: str, steps: list[Step] | None, *, fresh: bool) -> None:
    """Args: fresh: the people are to be enrolled, they are not there yet."""
    clock = ShiftedClock()
    stage = ConsoleStage(clock)
    async with on_stage(settings, stage, clock) as application:
        if fresh:
            settle_in(application, stage, [replace(resident, language=language) for resident in (ALICE, BOB)])
        talk = _Talk(application, stage, clock, _WORDS[language])
        await (talk.typed() if steps is None else talk.played(steps))


class _Talk:
    """A conversation in the terminal."""

    def __init__(
        self, application: Application, stage: ConsoleStage, clock: ShiftedClock, words: dict[str, str]
    ) -> None:
        self._words = words
        self._application, self._stage, self._clock = application, stage, clock
        self._out = Console(highlight=False, soft_wrap=True)

    async def played(self, steps: list[Step]) -> None:
        """Every line of a script, and what the bot says to each."""
        async for _, action, lines in play(self._application, self._stage, self._clock, steps):
            said = typed(action) if isinstance(action, Said) else f"~ {action.by.total_seconds():.0f} seconds"
            self._out.print(Text(said))
            self._show(lines)

    async def typed(self) -> None:
        """Line after line until "quit"; a PIN is asked for without showing it."""
        self._out.print(Text(_WELCOME.format(**self._words)))
        while (line := (await asyncio.to_thread(self._read)).strip()) != _QUIT:
            if not line:
                continue
            try:
                steps = read_script([line if _ADDRESSED.match(line) else f"alice> {line}"])
            except ScriptError as error:
                self._out.print(Text(str(error), "red"))
                continue
            await self._answered(steps)

    async def _answered(self, steps: list[Step]) -> None:
        async for _, action, lines in play(self._application, self._stage, self._clock, steps):
            self._show(lines)
            while isinstance(action, Said) and self._stage.is_asked(action.who):
                pin = await asyncio.to_thread(getpass.getpass, f"{action.who}(private)> PIN (hidden; empty: not now): ")
                if not pin:
                    self._out.print(Text(_LATER.format(who=action.who, **self._words)))
                    break
                if not is_pin(pin):
                    self._out.print(Text("a PIN is six digits; the payment still waits", "red"))
                    continue
                await self._stage.enter_pin(action.who, pin)
                await self._application.settled()
                self._show(self._stage.take_lines())

    def _read(self) -> str:
        try:
            return input("alice> ")
        except EOFError:
            return _QUIT

    def _show(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self._out.print(Text(plain_spaces(written(line)), "green" if line.to else "cyan"))

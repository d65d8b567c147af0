"""The console as a stage."""

from botpay.adapters.console import ConsoleAdapter
from botpay.clock import Clock
from botpay.message import Actor, Flag, Outbound, Visibility
from botpay.testing.stage import Line, Manner, Stage

_FLAGS = {Manner.EDIT: frozenset({Flag.EDITED}), Manner.FORWARD: frozenset({Flag.FORWARDED})}


class ConsoleStage(Stage):
    """People in a terminal."""

    def __init__(self, clock: Clock) -> None:
        self._lines: list[Line] = []
        self._asked: set[str] = set()
        self._console = ConsoleAdapter(show=self._show, clock=clock)
        self.adapter = self._console

    async def start(self) -> None:
        """A console needs no platform."""

    async def stop(self) -> None:
        """Nothing to stop."""

    def actor(self, who: str) -> Actor:
        """A person of the console."""
        return self._console.actor(who)

    async def say(self, who: str, text: str, *, private: bool = False, manner: Manner = Manner.FRESH) -> None:
        """Let a person say a line."""
        if manner is Manner.AGAIN:
            await self._console.say_again()
        else:
            await self._console.say(who, text, private=private, flags=_FLAGS.get(manner, frozenset()))

    async def enter_pin(self, who: str, pin: str) -> None:
        """Typed, in private."""
        await self._console.say(who, pin, private=True)

    def take_lines(self) -> list[Line]:
        """What the bot has said since the last call."""
        lines, self._lines = self._lines, []
        return lines

    def is_asked(self, who: str) -> bool:
        """Whether the last thing that the bot said to a person asks for their PIN."""
        return self._console.actor(who).id in self._asked

    def _show(self, outbound: Outbound) -> None:
        if outbound.to is not None:
            (self._asked.add if outbound.keypad else self._asked.discard)(outbound.to)
        to = outbound.to if outbound.visibility is Visibility.PRIVATE else None
        self._lines.append(Line(to, outbound.text))

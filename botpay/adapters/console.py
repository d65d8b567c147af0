"""The console: a chat without a platform, for the demo and for scripts. People are known by the name typed."""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from botpay.adapters.base import Adapter, Receive
from botpay.message import Actor, Capabilities, Chat, Flag, Inbound, Outbound, Receipt, SecretText, Visibility

GROUP = "group"
BOT = "botpay"


class ConsoleAdapter(Adapter):
    """Turns typed lines into messages, and hands what the bot says to `show`.

    Args:
        show: called with each outbound.
        clock: when a line is said.
    """

    contract: ClassVar[int] = 1
    name: ClassVar[str] = "console"
    capabilities: ClassVar[Capabilities] = Capabilities(typed_pin=True, suppress_previews=True)
    tenant: ClassVar[str] = "local"

    def __init__(self, *, show: Callable[[Outbound], None], clock: Callable[[], datetime]) -> None:
        self._show, self._clock = show, clock
        self._receive: Receive | None = None
        self._session = f"{clock():%Y%m%dT%H%M%S.%f}"
        self._last: Inbound | None = None
        self._said = 0

    async def start(self, receive: Receive) -> None:
        """Nothing to connect to."""
        self._receive = receive

    async def stop(self) -> None:
        """Take no more lines."""
        self._receive = None

    async def send(self, outbound: Outbound) -> Receipt:
        """Show an outbound; the console can delete nothing."""
        if outbound.deletes is None:
            self._show(outbound)
        return Receipt()

    def actor(self, who: str, name: str | None = None) -> Actor:
        """A person of the console."""
        return Actor(self.name, self.tenant, who.casefold(), handle=who, name=name or who)

    async def say(self, who: str, text: str, *, private: bool = False, flags: frozenset[Flag] = frozenset()) -> None:
        """Let a person say a line. Raises what the core raises if it did not take it."""
        self._said += 1
        chat = Chat(who, Visibility.PRIVATE) if private else Chat(GROUP, Visibility.PUBLIC)
        self._last = Inbound(
            adapter=self.name,
            tenant=self.tenant,
            event_id=f"{self._session}:{self._said}",
            chat=chat,
            author=self.actor(who),
            said_at=self._clock(),
            text=SecretText(text),
            flags=flags,
            me=(BOT,),
        )
        await self.say_again()

    async def say_again(self) -> None:
        """Deliver the last line once more, as a platform does that missed our answer."""
        if self._receive is None or self._last is None:
            raise RuntimeError("nothing was said to a console that is started")
        await self._receive(self._last)

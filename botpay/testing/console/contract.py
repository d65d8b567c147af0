"""The contract on the console."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from botpay.adapters.console import ConsoleAdapter
from botpay.clock import system_clock
from botpay.errors import Busy, StorageUnavailable
from botpay.message import Flag, Outbound, Visibility
from botpay.testing.console import ConsoleStage
from botpay.testing.contract import AdapterContract
from botpay.testing.platform import Absent, Platform, Shown


class ConsolePlatform(ConsoleStage, Platform):
    """A terminal in front of which alice and bob sit."""

    def __init__(self) -> None:
        super().__init__(system_clock)
        self._shown: dict[str | None, list[Shown]] = {None: [], "alice": [], "bob": []}
        self._last: Any = None

    async def deliver(self, payload: Any) -> None:
        """Type a line; the same payload twice is one line that the terminal brings again."""
        if not all(isinstance(payload.get(field), str) for field in ("who", "text")):
            raise Absent("a line has words, and somebody who types it")
        again, self._last = payload == self._last, payload
        flags, private = frozenset(map(Flag, payload.get("flags", ()))), payload.get("private", False)
        with suppress(Busy, StorageUnavailable, RuntimeError):  # its person is told, and may type it again
            await (
                self._console.say_again()
                if again
                else self._console.say(payload["who"], payload["text"], private=private, flags=flags)
            )

    def screens(self) -> Mapping[str | None, Sequence[Shown]]:
        """What was printed."""
        return self._shown

    def _show(self, outbound: Outbound) -> None:
        super()._show(outbound)
        who = outbound.to if outbound.visibility is Visibility.PRIVATE else None
        screen = self._shown.setdefault(who, [])
        screen.append(Shown(str(len(screen)), outbound.text))


class ConsoleContract(AdapterContract):
    """The console."""

    platform = ConsolePlatform
    adapter = ConsoleAdapter
    payloads = Path(__file__).with_name("payloads.json")
    cannot: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("edit", "delete_own"), "what was printed stays printed"),
        "delete_incoming": "what was typed stays typed",
        "ephemeral": "there is one screen, and each line says for whom it is",
        **dict.fromkeys(("buttons", "url_buttons", "modal"), "a terminal has no buttons: a PIN is typed, hidden"),
        "idempotent_send": "printing does not fail halfway",
        **dict.fromkeys(("mention_by_id", "rename", "impostor"), "people are known by the name that is typed"),
        "tenants": "there is one terminal",
        "reply": "a line answers none",
        **dict.fromkeys(("quoting", "channels"), "lines are plain: the core itself reads `code` and #tags in them"),
        "redelivers": "a line that was not taken is typed again by its person",
        **dict.fromkeys(("webhook", "signed_body", "stale_calls"), "nobody calls a terminal"),
        **dict.fromkeys(("network", "unreachable", "connection"), "a terminal is never away"),
        "group_as_a_person": "any name that is typed is a person's",
        **dict.fromkeys(("bots", "via_bot", "automatic", "anonymous", "system"), "nobody but people types"),
        **dict.fromkeys(
            ("stop", "stopped"), "a line is waited for where it was typed, and printing goes on to the end"
        ),
    }

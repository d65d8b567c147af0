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
    payloads = Path(__file__).with_name("console_payloads.json")
    cannot: ClassVar[Mapping[str, str]] = {
        "edit": "what was printed stays printed",
        "ephemeral": "there is one screen, and each line says for whom it is",
        "delete_own": "what was printed stays printed",
        "delete_incoming": "what was typed stays typed",
        "buttons": "a terminal has no buttons: a PIN is typed, hidden",
        "url_buttons": "the same",
        "modal": "the same",
        "idempotent_send": "printing does not fail halfway",
        "mention_by_id": "people are known by the name that is typed",
        "rename": "the same",
        "impostor": "the same",
        "reply": "a line answers none",
        "quoting": "lines are plain; the core reads backticks itself",
        "channels": "lines are plain; the core knows #general from #eaupourtous itself",
        "redelivers": "a line that was not taken is typed again by its person",
        "webhook": "nobody calls a terminal",
        "signed_body": "the same",
        "stale_calls": "the same",
        "network": "a terminal is never away",
        "unreachable": "whoever sits there reads along",
        "group_as_a_person": "any name typed is a person's",
        "bots": "nobody but people types",
        "via_bot": "the same",
        "automatic": "the same",
        "anonymous": "the same",
        "system": "the same",
        "stop": "a line is waited for where it was typed",
        "stopped": "printing goes on to the end",
    }

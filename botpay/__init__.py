"""botpay: people write a message, money moves.

The path of a message, from outside in::

    adapters/     a platform's payload becomes an `Inbound`; nothing else happens there
    app.py        `receive`: the one door for messages, taps, verdicts on PINs, expiries and deliveries
    batcher.py    all that wait become one batch, on one thread
    pipeline.py   load -> decide -> save, one commit
      parsing/      text -> a command, a refusal, or nothing
      loading.py    all that the batch can touch, one statement a table
      handlers/     decide: pure rules, (world, event) -> rows and letters
      saving.py     what was decided, with the audit's link
    outbox/       letters go out, at least once, in order per person
    confirm/      the slow check of a PIN runs beside, and its verdict comes in by the same door
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botpay.app import Application
    from botpay.config import Settings
    from botpay.message import Inbound, Outbound

__all__ = ["Application", "Inbound", "Outbound", "Settings"]

_HOMES = {"Application": "app", "Inbound": "message", "Outbound": "message", "Settings": "config"}


def __getattr__(name: str) -> Any:
    """What the front door offers, loaded when it is asked for: who wants the parser alone need not load a database."""
    if name not in _HOMES:
        raise AttributeError(f"botpay has no {name!r}")
    return getattr(import_module(f"botpay.{_HOMES[name]}"), name)

"""What to do with an event that a fault of ours keeps from being handled: keep it, tell its author, go on."""

import json
import traceback

import structlog

from botpay import ids
from botpay.cards import without_cards
from botpay.clock import Clock
from botpay.confirm.pin import without_pins
from botpay.database import Database
from botpay.handlers.talk import to_author
from botpay.handlers.world import Event
from botpay.inbox import bury, save_marks
from botpay.message import Inbound
from botpay.outbox.store import save_letters
from botpay.pipeline import Result
from botpay.replies import sentence
from botpay.sealing import Keyring

log = structlog.get_logger(__name__)


class DeadLetters:
    """Keeps events, sealed, for the operator; the platform is answered as if they had been handled."""

    def __init__(self, database: Database, clock: Clock, keyring: Keyring, language: str) -> None:
        self._database, self._clock, self._keyring, self._language = database, clock, keyring, language

    def keep(self, event: Event, fault: BaseException) -> Result:
        """Seal an event away, in one commit with its mark and the news for its author: nothing of it happened."""
        now = self._clock()
        author = event.author if isinstance(event, Inbound) else None
        with self._database.write() as connection:
            letter_id = bury(connection, self._keyring, fault, _payload(event), now)
            if event.source is not None:
                save_marks(connection, [(event.source, "dead_letter", None)], now)
            if isinstance(event, Inbound) and author is not None:
                news = to_author(event, author, sentence("fault", self._language), self._language)
                save_letters(connection, self._keyring, [news.numbered(ids.derived(now, letter_id))], now)
        log.error("dead_letter", id=letter_id, fault=type(fault).__name__, at=_where(fault))
        return Result("dead_letter", letters=1 if author else 0)


def _where(fault: BaseException) -> str:
    """The last line of ours that it went through; the text of an exception may hold what was typed."""
    frames = [f for f in traceback.extract_tb(fault.__traceback__) if "botpay" in f.filename]
    return f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""


def _payload(event: Event) -> str:
    if not isinstance(event, Inbound):
        return json.dumps({"event": type(event).__name__, "about": getattr(event, "transfer_id", None)})
    return json.dumps(
        {
            "source": event.source,
            "chat": event.chat.id,
            "author": event.author.id if event.author else None,
            "text": without_pins(without_cards(event.text.reveal())),
            "press": event.press is not None,
        }
    )

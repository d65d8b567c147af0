"""How answers of the Bot API are read, where the library's own way would not do."""

import json
import logging
from typing import Any

from telegram.error import TelegramError
from telegram.request import HTTPXRequest

from botpay.adapters.telegram.translate import read_update

log = logging.getLogger(__name__)


class FloodControl(TelegramError):
    """Telegram asks to wait `seconds`. The library's RetryAfter warns of its own deprecation whenever it is made."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Flood control exceeded. Retry in {seconds:g} seconds")
        self.seconds = seconds


class ApiRequest(HTTPXRequest):
    """Calls of the Bot API. Raises `FloodControl` where the answer says when to try again."""

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        """Status and body of an answer."""
        status, body = await super().do_request(*args, **kwargs)
        seconds = _retry_after(body) if status == 429 else None
        if seconds is not None:
            raise FloodControl(seconds)
        return status, body


class PollRequest(ApiRequest):
    """Reads the answers of getUpdates so that one update of an unknown shape cannot hold up all others.

    `Bot.get_updates` raises for the whole batch then, and asking again would bring the same batch. Such an update is
    reduced to its id, which means nothing to us and gets confirmed with the rest.
    """

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The answer, each update in it readable. Raises `TelegramError` if it is no JSON object."""
        answer = _object(payload)
        if answer is None:
            raise TelegramError("the answer is no JSON object")
        if isinstance(answer.get("result"), list):
            answer["result"] = [_readable(update) for update in answer["result"]]
        return answer


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _retry_after(body: bytes) -> float | None:
    parameters = (_object(body) or {}).get("parameters")
    seconds = parameters.get("retry_after") if isinstance(parameters, dict) else None
    return float(seconds) if isinstance(seconds, int | float) else None


def _readable(update: dict[str, Any]) -> dict[str, Any]:
    if read_update(update) is not None:
        return update
    log.warning("update %s has an unknown shape and is left out", update["update_id"])
    return {"update_id": update["update_id"]}

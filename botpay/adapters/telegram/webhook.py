"""The webhook: 200 only for what is committed, so that Telegram delivers everything else again."""

import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from telegram import Update

from botpay.adapters.telegram.translate import read_update
from botpay.errors import BotpayError

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of the header
MAX_BODY_BYTES = 1024 * 1024

log = logging.getLogger(__name__)


def is_from_telegram(request: web.Request, secret: str) -> bool:
    """Whether the request carries our secret: exactly once, compared in constant time over bytes."""
    given = request.headers.getall(SECRET_HEADER, [])
    # aiohttp decodes foreign bytes of a header to lone surrogates; this turns them back into those bytes.
    return len(given) == 1 and hmac.compare_digest(given[0].encode("utf-8", "surrogateescape"), secret.encode())


async def answer_call(request: web.Request, secret: str, take: Callable[[Update], Awaitable[None]]) -> web.Response:
    """What one call of Telegram gets.

    401 without our secret, 400 for what is no update, 503 when the core could not take it, else 200.
    """
    if not is_from_telegram(request, secret):
        return web.Response(status=401)
    data = _update_in(await _body(request))
    if data is None:
        return web.Response(status=400)
    update = read_update(data)
    if update is None:
        # As with polling: asking Telegram to repeat what cannot be read would only hold up what follows.
        log.warning("update %s has an unknown shape and is left out", data["update_id"])
        return web.Response()
    try:
        await take(update)
    except Exception as error:  # noqa: BLE001 - whatever failed, nothing is committed and Telegram has to keep it
        log.log(_level(error), "an update was not taken: %s", type(error).__name__)
        return web.Response(status=503)
    return web.Response()


def _level(error: Exception) -> int:
    return logging.WARNING if isinstance(error, BotpayError) else logging.ERROR


async def _body(request: web.Request) -> bytes | None:
    """The body, or None if it is larger than any update; no more than the limit is kept in memory."""
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)


def _update_in(body: bytes | None) -> dict[str, Any] | None:
    if body is None:
        return None
    try:
        data = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) and type(data.get("update_id")) is int else None

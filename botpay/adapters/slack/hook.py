"""The HTTP way in: is it Slack who calls, and what does it say?

Plain slack_sdk rather than Bolt: Bolt acknowledges an event before its listeners ran, and prints bodies in warnings.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web
from slack_sdk.signature import SignatureVerifier

from botpay.adapters.slack.translate import Malformed

MAX_BODY_BYTES = 1024 * 1024
MAX_FIELDS = 100
SIGNED = ("X-Slack-Request-Timestamp", "X-Slack-Signature")


async def read_signed(request: web.Request, verifier: SignatureVerifier) -> Mapping[str, Any]:
    """The payload of a request that Slack signed.

    Raises:
        web.HTTPException: 413 for a body over 1 MiB, 401 where the signature is not Slack's of the last five
            minutes (https://docs.slack.dev/authentication/verifying-requests-from-slack), 400 where the body
            makes no sense.
    """
    body = await _read_body(request)
    if not is_signed(request, body, verifier):
        raise web.HTTPUnauthorized
    try:
        return _parse(request.content_type, body)
    except Malformed:
        raise nonsense() from None


def nonsense() -> web.HTTPBadRequest:
    """The answer to what makes no sense; it would make none the next time either."""
    return web.HTTPBadRequest(headers={"X-Slack-No-Retry": "1"})


def is_signed(request: web.Request, body: bytes, verifier: SignatureVerifier) -> bool:
    """Whether Slack signed these bytes; the verifier raises on odd timestamps, bodies and signatures."""
    if any(len(request.headers.getall(name, [])) != 1 for name in SIGNED):
        return False
    timestamp, signature = (request.headers[name] for name in SIGNED)
    try:
        return bool(verifier.is_valid(body=body, timestamp=timestamp, signature=signature))
    except Exception:  # noqa: BLE001 -- whatever it stumbles over, this is not a request of Slack's
        return False


async def _read_body(request: web.Request) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise web.HTTPRequestEntityTooLarge(MAX_BODY_BYTES, len(body))
    return bytes(body)


def _parse(content_type: str, body: bytes) -> Mapping[str, Any]:
    """Events are JSON, slash commands a form, presses JSON in a form's field "payload"."""
    if content_type == "application/json":
        return _object(body)
    if content_type != "application/x-www-form-urlencoded":
        raise Malformed(HTTPStatus.UNSUPPORTED_MEDIA_TYPE.phrase)
    try:
        pairs = parse_qs(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Malformed("the form is not one") from None
    form = {name: values[0] for name, values in pairs.items()}
    return _object(form["payload"]) if "payload" in form else form


def _object(text: str | bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed("the body is not JSON") from None
    if not isinstance(value, dict):
        raise Malformed("the body is not an object")
    return value

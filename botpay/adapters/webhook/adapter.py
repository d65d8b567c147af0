"""`WebhookAdapter`: takes what clients tell, and tells them what the bot says."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import ClassVar, Literal

from aiohttp import web
from pydantic import ValidationError

from botpay.adapters.base import Adapter, AdapterSettings, Receive
from botpay.adapters.webhook.bodies import (
    MAX_TEXT,
    Fault,
    Ping,
    Say,
    Taken,
    is_of_the_future,
    read_deed,
    receipt_of,
    to_inbound,
    to_saying,
)
from botpay.adapters.webhook.client import Client
from botpay.adapters.webhook.openapi import DESCRIPTION, MESSAGES, description
from botpay.adapters.webhook.settings import WebhookSettings
from botpay.adapters.webhook.signing import WINDOW_SECONDS, signer
from botpay.errors import Busy, Conflict, DeliveryError, Permanent
from botpay.message import Capabilities, Inbound, Outbound, Receipt

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
_AGAIN_IN_SECONDS = "1"
_MOST_DETAILS = 10


class WebhookAdapter(Adapter):
    """Signed webhooks for one or several clients, each a tenant.

    Args:
        clock: the time, in seconds since 1970.
    """

    name: ClassVar[str] = "webhook"
    Settings: ClassVar[type[AdapterSettings]] = WebhookSettings
    contract: ClassVar[int] = 1
    capabilities: ClassVar[Capabilities] = Capabilities(
        edit=True,
        delete_own=True,
        delete_incoming=True,
        buttons=True,
        url_buttons=True,
        idempotent_send=True,
        mention_by_id=True,
        redelivers=True,
        max_text=MAX_TEXT,
    )

    def __init__(self, settings: WebhookSettings, *, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._clock = settings, clock
        self._client = Client(settings, clock)
        self._receive: Receive | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    def routes(self) -> Sequence[web.RouteDef]:
        """Where clients post what people do, and where they can read how."""
        return (web.post(MESSAGES, self._take), web.get(DESCRIPTION, self._describe, allow_head=False))

    async def start(self, receive: Receive) -> None:
        """Let clients in."""
        self._client.open()
        self._receive = receive

    async def stop(self) -> None:
        """Take nothing new, and wait for what is under way."""
        self._receive = None
        while self._under_way:
            await asyncio.wait(self._under_way)
        await self._client.close()

    async def send(self, outbound: Outbound) -> Receipt:
        """Post an outbound to its tenant's address, signed. Raises a `DeliveryError`."""
        if outbound.tenant not in self._settings.tenants:
            raise Permanent("no such tenant in [adapters.webhook.tenants]")
        if len(outbound.text) > MAX_TEXT:
            raise Permanent(f"longer than {MAX_TEXT} characters")
        saying = to_saying(outbound)
        ref = await self._client.post(outbound.tenant, outbound.id, saying)
        replaced = saying.replaces if isinstance(saying, Say) else None
        return Receipt(receipt_of(outbound, ref or replaced or outbound.id))

    async def check(self) -> Sequence[str]:
        """Whether each client answers a signed ping. Works without `start`."""
        client = Client(self._settings, self._clock)
        client.open()
        troubles = []
        for name in self._settings.tenants:
            try:
                await client.post(name, f"ping-{int(self._clock())}", Ping())
            except DeliveryError as error:
                troubles.append(f"tenants.{name}: its url does not answer a signed ping with 2xx ({error})")
        await client.close()
        return troubles

    async def _take(self, request: web.Request) -> web.Response:
        """Answer once it is safe: 200 for what is committed, now or before; else nothing was done."""
        if (body := await _read(request)) is None:
            return _refused(413, "too_large")
        keys = {name: tenant.keys for name, tenant in self._settings.tenants.items()}
        signed = signer(request.headers, body, keys, self._clock())
        if signed is None:
            return _refused(401, "not_signed")
        if request.content_type != "application/json":
            return _refused(415, "not_json")
        return await self._take_signed(*signed, body)

    async def _take_signed(self, tenant: str, id_: str, body: bytes) -> web.Response:
        try:
            deed = read_deed(body)
        except ValidationError as error:
            return _refused(400, "malformed", _details(error))
        if is_of_the_future(deed, datetime.fromtimestamp(self._clock() + WINDOW_SECONDS, UTC)):
            return _refused(400, "malformed", ["said_at: lies in the future"])
        try:
            await self._hand_over(to_inbound(deed, id_, tenant, self._settings.tenants[tenant].me, body))
        except Conflict:
            return _refused(422, "id_reused")
        except Exception as error:  # noqa: BLE001 - whatever failed, nothing is committed and the client has to keep it
            log.warning("a webhook was not taken: %s", type(error).__name__)
            return _refused(503, "busy")
        return web.json_response(text=Taken(id=id_).model_dump_json())

    async def _hand_over(self, inbound: Inbound) -> None:
        """Returns once it is committed. A client that hangs up does not interrupt that."""
        if self._receive is None:
            raise Busy("not started, or stopping")
        task = asyncio.create_task(_run(self._receive(inbound)))
        self._under_way.add(task)
        task.add_done_callback(self._done)
        await asyncio.shield(task)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # who waits for the task sees it; if nobody does any more, the client delivers again

    async def _describe(self, _: web.Request) -> web.Response:
        return web.json_response(description())


async def _run(work: Awaitable[None]) -> None:
    await work


async def _read(request: web.Request) -> bytes | None:
    """The body, or None if it is too large; no more than the limit is kept in memory."""
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)


def _refused(
    status: int,
    error: Literal["malformed", "not_signed", "too_large", "not_json", "id_reused", "busy"],
    details: Sequence[str] = (),
) -> web.Response:
    fault = Fault(error=error, details=list(details))
    headers = {"Retry-After": _AGAIN_IN_SECONDS} if error == "busy" else None
    return web.json_response(fault.model_dump(), status=status, headers=headers)


def _details(error: ValidationError) -> list[str]:
    """Where and why, never what: a body may hold a PIN, and so may the name of a field that nobody knows."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return [_detail(one["type"], one["loc"], one["msg"]) for one in found[:_MOST_DETAILS]]


def _detail(kind: str, where: tuple[int | str, ...], why: str) -> str:
    place = where[1:-1] if kind == "extra_forbidden" else where[1:]
    return f"{'.'.join(map(str, place)) or 'body'}: {json.dumps(why)[1:-1]}"

"""For adapters of platforms that speak JSON over HTTP: being called, and calling.

An adapter may use these or do it in its own way; the contract is the same.
"""

import asyncio
import hmac
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from pydantic import SecretStr

from botpay.adapters.base import Receive
from botpay.errors import DeliveryError, Forbidden, Permanent, RetryAfter, Transient, Unreachable
from botpay.message import Inbound

CALL_SECONDS = 10
WAIT_IF_UNTOLD_SECONDS = 30.0
MOST_DIGITS = 12
_NONSENSE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, OSError, RecursionError)

log = logging.getLogger(__name__)


class Hook:
    """A route that a platform calls.

    It answers 401 to whoever is not the platform, 400 to what makes no sense, 503 while the core cannot take it, and
    2xx once it is committed or means nothing to us.

    Args:
        path: of the route.
        is_genuine: whether the platform made this call, such as `Signed`.
        translate: what the decoded body means, None for nothing; whatever it raises for nonsense is a 400.
    """

    def __init__(
        self,
        path: str,
        is_genuine: Callable[[web.Request, bytes], bool],
        translate: Callable[[Any], Inbound | None],
    ) -> None:
        self._path, self._is_genuine, self._translate = path, is_genuine, translate
        self._receive: Receive | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    def routes(self) -> Sequence[web.RouteDef]:
        """The route."""
        return (web.post(self._path, self._called),)

    def open(self, receive: Receive) -> None:
        """Hand over what comes from now on."""
        self._receive = receive

    async def close(self) -> None:
        """Take nothing any more, and wait for what is under way."""
        self._receive = None
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _called(self, request: web.Request) -> web.Response:
        body = await request.read()  # the server refuses what is larger than 1 MiB
        if not self._is_genuine(request, body):
            raise web.HTTPUnauthorized
        if self._receive is None:
            raise web.HTTPServiceUnavailable
        inbound = self._read(body)
        if inbound is not None:
            await self._hand_over(self._receive, inbound)
        return web.Response()

    def _read(self, body: bytes) -> Inbound | None:
        try:
            return self._translate(json.loads(body.decode("utf-8")))
        except _NONSENSE:
            raise web.HTTPBadRequest from None

    async def _hand_over(self, receive: Receive, inbound: Inbound) -> None:
        task = asyncio.create_task(_run(receive, inbound))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            await asyncio.shield(task)  # a caller that hangs up does not interrupt the commit
        except Exception as error:  # noqa: BLE001 - nothing is committed, and the platform has to bring it again
            log.warning("a call was not taken: %s", type(error).__name__)
            raise web.HTTPServiceUnavailable from None


async def _run(receive: Receive, inbound: Inbound) -> None:
    await receive(inbound)


def has_proof(request: web.Request, header: str, proof: str) -> bool:
    """Whether a header is there exactly once and says just this; compared in constant time, as bytes."""
    given = request.headers.getall(header, [])
    return len(given) == 1 and hmac.compare_digest(given[0].encode("utf-8", "surrogateescape"), proof.encode())


def is_fresh(stamp: str, within_seconds: float = 300) -> bool:
    """Whether a time in whole seconds since 1970, as a header says it, is now or not long ago or ahead."""
    is_time = stamp.isascii() and stamp.isdecimal() and len(stamp) <= MOST_DIGITS
    return is_time and abs(time.time() - int(stamp)) <= within_seconds


@dataclass(frozen=True, slots=True)
class Signed:
    """Whether a call is signed, and now, in the way that many platforms have: HMAC-SHA256, in hex, over "time.body".

    Attributes:
        time: the header with the time, in seconds since 1970.
        signature: the header with the signature.
    """

    secret: SecretStr
    time: str
    signature: str

    def __call__(self, request: web.Request, body: bytes) -> bool:
        """Whether it is."""
        stamp = request.headers.get(self.time, "")
        if not is_fresh(stamp) or not has_proof(request, self.time, stamp):
            return False
        proof = hmac.new(self.secret.get_secret_value().encode(), stamp.encode() + b"." + body, "sha256")
        return has_proof(request, self.signature, proof.hexdigest())


class Client:
    """Calls a platform with JSON over one pool of connections, between `open` and `close`.

    Args:
        headers: sent with each call; they may hold a token, so nothing here prints them.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        self._base_url, self._headers = base_url, headers
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the pool."""
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=aiohttp.ClientTimeout(total=CALL_SECONDS))

    async def close(self) -> None:
        """Hang up; a second time does no harm."""
        if self._session is not None:
            await self._session.close()
        self._session = None

    async def post(self, path: str, content: Any) -> Any:
        """The decoded answer. Raises the `DeliveryError` that the status stands for; `Transient` while it is closed.

        429 is `RetryAfter`, 401 `Forbidden`, 403 `Unreachable`, any other 4xx `Permanent`, all else `Transient`.
        Where a platform means something else by its answers, its adapter translates them itself.
        """
        if self._session is None:
            raise Transient("the adapter is not started")
        fault: DeliveryError = Transient("the platform could not be reached")
        try:
            async with self._session.post(self._base_url + path, json=content) as answer:
                if answer.ok:
                    return await answer.json()
                fault = _fault(answer.status, answer.headers.get("Retry-After", ""))
        except (aiohttp.ClientError, TimeoutError, ValueError):
            pass  # raised below, so that the client's own error, which names the address, is not its context
        raise fault


def _fault(status: int, retry_after: str) -> DeliveryError:
    match status:
        case 429:
            return RetryAfter(float(retry_after) if retry_after.isdecimal() else WAIT_IF_UNTOLD_SECONDS)
        case 401:
            return Forbidden("the platform does not know our credentials")
        case 403:
            return Unreachable("the platform does not let us write to this person")
        case _ if 400 <= status < 500:
            return Permanent(f"the platform refused the message with status {status}")
    return Transient(f"the platform answered with status {status}")

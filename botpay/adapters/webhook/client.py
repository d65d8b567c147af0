"""Posts what the bot says, signed, and reads what the answer means."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp

from botpay.adapters.webhook.bodies import Delete, Ping, Say
from botpay.adapters.webhook.settings import WebhookSettings
from botpay.adapters.webhook.signing import signed_headers
from botpay.errors import DeliveryError, Forbidden, Permanent, RetryAfter, Transient, Unreachable

_LARGEST_ANSWER = 64 * 1024
_LONGEST_REF = 255
_LONGEST_WAIT_SECONDS = 3600.0
_WAIT_IF_UNTOLD_SECONDS = 5.0
_FOR_NOW = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})
_NOT_FOUND = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_OUR_RIGHTS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class Client:
    """Calls the address of each tenant; `open` it before, `close` it after."""

    def __init__(self, settings: WebhookSettings, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._clock = settings, clock
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Get ready to call."""
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout_seconds)
        self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())

    async def close(self) -> None:
        """Hang up."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def post(self, tenant: str, id_: str, saying: Say | Delete | Ping) -> str | None:
        """Post a body under an id, signed anew at each try; returns the ref that the client gave, if it did.

        Raises a `DeliveryError`. No redirect is followed: what is signed is for the address in the settings.
        """
        if self._session is None:
            raise Transient("the adapter is not started")
        to = self._settings.tenants[tenant]
        body = saying.model_dump_json(exclude_none=True).encode()
        headers = signed_headers(to.keys, id_, self._clock(), body) | {"Content-Type": "application/json"}
        try:
            async with self._session.post(to.url, data=body, headers=headers, allow_redirects=False) as response:
                answer = await _read(response)
                status, told = response.status, response.headers.get("Retry-After")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Transient(f"the client's address could not be reached: {type(error).__name__}") from None
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            ref = answer.get("ref")
            return ref if isinstance(ref, str) and 0 < len(ref) <= _LONGEST_REF and ref.isprintable() else None
        raise self._error(status, told, answer)

    def _error(self, status: int, told: str | None, answer: Mapping[str, object]) -> DeliveryError:
        if status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.SERVICE_UNAVAILABLE and told):
            return RetryAfter(self._wait(told), everywhere=True)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _FOR_NOW:
            return Transient(f"the client answered {status}")
        if status in _NOT_FOUND and answer.get("code") == "unreachable":
            return Unreachable("the client cannot reach this person")
        if status in _OUR_RIGHTS:
            return Forbidden(f"the client answered {status}: do both sides have the same secret, and the same time?")
        return Permanent(f"the client answered {status}")

    def _wait(self, told: str | None) -> float:
        """What a Retry-After means in seconds: it gives seconds or a date (RFC 9110, section 10.2.3)."""
        try:
            seconds = float(told or "")
        except ValueError:
            seconds = self._until(told or "")
        return min(max(seconds, 0.0), _LONGEST_WAIT_SECONDS) if seconds == seconds else _WAIT_IF_UNTOLD_SECONDS

    def _until(self, date: str) -> float:
        try:
            at = parsedate_to_datetime(date)
        except ValueError:
            return _WAIT_IF_UNTOLD_SECONDS
        return at.replace(tzinfo=at.tzinfo or UTC).timestamp() - self._clock()


async def _read(response: aiohttp.ClientResponse) -> Mapping[str, object]:
    """The answer's JSON object; an empty one if it is none or too long."""
    text = bytearray()
    async for chunk in response.content.iter_any():
        text += chunk
        if len(text) > _LARGEST_ANSWER:
            return {}
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}

"""Calls of Slack's Web API, with its answers as receipts or as faults that say what to do next."""

import base64
import logging
import re
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Self

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from botpay.errors import DeliveryError, Forbidden, Permanent, RetryAfter, Transient

CALL_SECONDS = 10
WAIT_IF_UNTOLD_SECONDS = 30.0  # a 429 without a usable Retry-After

# https://docs.slack.dev/reference/methods lists the errors of each method.
OUR_RIGHTS = frozenset(
    {
        "access_denied",
        "account_inactive",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "messages_tab_disabled",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "not_in_channel",
        "org_login_required",
        "restricted_action",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
    }
)
FOR_NOW = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org"})


NO_TOKEN = frozenset({"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"})
"""Of these, what says that the token itself is over, not only what it may do now."""


class NoRight(Forbidden):
    """Slack does not let our token do this; `code` is its own name for the reason."""

    def __init__(self, method: str, code: str) -> None:
        super().__init__(f"Slack does not let our token {method}: {code}")
        self.code = code


class SlackFault(Permanent):
    """Slack refused this call and will again; `code` is its own name for the reason."""

    def __init__(self, method: str, code: str) -> None:
        super().__init__(f"Slack refused {method}: {code}")
        self.code = code


def silent_logger() -> logging.Logger:
    """A logger for slack_sdk that says nothing: at DEBUG it would print every body that comes and goes."""
    logger = logging.getLogger("botpay.adapters.slack.sdk")
    logger.setLevel(logging.CRITICAL + 1)
    return logger


class SlackApi:
    """The Web API with one token. Use it as a context manager, or `open` and `close` it.

    A method that Slack asked to rest (429) is not called again before its time is over, for whomever it may be.
    """

    def __init__(self, token: str, base_url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._resting: dict[str, float] = {}
        self.client = AsyncWebClient(
            token=token,
            base_url=base_url,
            logger=silent_logger(),
            retry_handlers=[],  # the outbox tries again; a hidden second try could post twice
        )

    async def open(self) -> None:
        """Make the connection pool."""
        self.client.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_SECONDS))

    async def close(self) -> None:
        """Close the connection pool."""
        if self.client.session is not None:
            await self.client.session.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def call(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call a method that takes JSON. Raises the `DeliveryError` that fits Slack's answer."""
        return _fields(await self._answer(method, json=dict(arguments)))

    async def read(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call a method that takes its arguments in the query only, as Slack's reading methods do."""
        return _fields(await self._answer(method, http_verb="GET", params=dict(arguments)))

    async def exchange(self, client_id: str, client_secret: str, code: str, redirect_uri: str) -> Mapping[str, Any]:
        """oauth.v2.access: what an installation grants us, for its code."""
        proof = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        form = {"code": code, "redirect_uri": redirect_uri}
        return _fields(await self._answer("oauth.v2.access", headers={"Authorization": f"Basic {proof}"}, data=form))

    async def introduce(self) -> tuple[Mapping[str, Any], frozenset[str]]:
        """auth.test: who we are here, and the scopes that our token has."""
        answer = await self._answer("auth.test")
        scopes = str(answer.headers.get("x-oauth-scopes", ""))
        return _fields(answer), frozenset(scope.strip() for scope in scopes.split(",") if scope.strip())

    async def _answer(self, method: str, **call: Any) -> AsyncSlackResponse:
        fault: DeliveryError
        if (left := self._resting.get(method, 0.0) - self._clock()) > 0:
            raise RetryAfter(left)
        try:
            return await self.client.api_call(method, **call)
        except SlackApiError as error:
            fault = _fault(method, error.response)
            if isinstance(fault, RetryAfter):
                self._resting[method] = self._clock() + fault.seconds
        except SlackClientError:
            fault = SlackFault(method, "bad_request")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            fault = Transient(f"{method}: {type(error).__name__}")
        # Raised out here, without a context: those errors hold what was sent, the answer, and our token.
        raise fault


def _fields(answer: AsyncSlackResponse) -> Mapping[str, Any]:
    return answer.data if isinstance(answer.data, dict) else {}


def _fault(method: str, answer: Any) -> DeliveryError:
    """Sort a refusal; `answer` is slack_sdk's response, or aiohttp's where the body was not JSON."""
    status = int(getattr(answer, "status_code", 0) or getattr(answer, "status", 0))
    data = getattr(answer, "data", None)
    code = str(data.get("error", "")) if isinstance(data, dict) else ""
    if status == HTTPStatus.TOO_MANY_REQUESTS or code in ("ratelimited", "rate_limited"):
        return RetryAfter(_wait_seconds(answer.headers))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or code in FOR_NOW or not re.fullmatch("[a-z_]{1,60}", code):
        return Transient(f"{method}: HTTP {status}")
    if code in OUR_RIGHTS:
        return NoRight(method, code)
    return SlackFault(method, code)


def _wait_seconds(headers: Mapping[str, str]) -> float:
    told = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return float(told) if re.fullmatch("[0-9]{1,5}", told) else WAIT_IF_UNTOLD_SECONDS


def fault_code(fault: DeliveryError) -> str | None:
    """Slack's name for why it refused, if it refused this call for good."""
    return fault.code if isinstance(fault, SlackFault | NoRight) else None


def reason(error: Exception) -> str:
    """Slack's name for a refusal, else the kind of fault: nothing that was written."""
    code = fault_code(error) if isinstance(error, DeliveryError) else None
    return code or type(error).__name__

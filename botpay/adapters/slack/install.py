"""How a workspace lets the app in, over OAuth, and takes its leave (https://docs.slack.dev/authentication/installing-with-oauth).

`/slack/install` sends a browser to Slack with a state of its own, kept in a cookie as well; Slack sends it back to
`/slack/oauth_redirect` with a code that works once. A code without the browser that asked for it is refused, so
nobody can be led to install what somebody else began.
"""

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from botpay.adapters.base import Host
from botpay.adapters.slack import words
from botpay.adapters.slack.api import NO_TOKEN, NoRight, SlackApi, reason
from botpay.adapters.slack.flow import Recent
from botpay.adapters.slack.settings import SCOPES, SlackSettings, revealed
from botpay.adapters.slack.translate import delivered_to
from botpay.adapters.slack.workspaces import GRANT, Grant, Workspaces
from botpay.errors import DeliveryError
from botpay.message import SecretText

log = logging.getLogger(__name__)

INSTALL, REDIRECT = "/slack/install", "/slack/oauth_redirect"
COOKIE = "botpay_slack_install"
STATE_SECONDS = 600
ENDS = ("app_uninstalled", "tokens_revoked")
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}


class Install:
    """The two pages of installing, and what Slack tells when a grant ends.

    Args:
        clock: the time, in seconds since 1970.
    """

    def __init__(self, settings: SlackSettings, host: Host, workspaces: Workspaces, clock: Callable[[], float]) -> None:
        self._settings, self._host, self._workspaces, self._clock = settings, host, workspaces, clock
        self._key = hashlib.sha256(b"slack install state\0" + self._secret.encode()).digest()
        self._used = Recent(STATE_SECONDS, clock)
        self._changing = asyncio.Lock()

    def routes(self) -> Sequence[web.RouteDef]:
        """Where a browser begins, and where Slack sends it back to."""
        return [web.get(INSTALL, self._begin, allow_head=False), web.get(REDIRECT, self._finish, allow_head=False)]

    async def took_back(self, payload: Mapping[str, Any]) -> bool:
        """Whether Slack says that a grant ended; then it is forgotten at once, if its token works no more.

        Slack tells in any order, more than once, and of other workspaces of an organisation; the token itself knows.
        """
        event = payload.get("event")
        kind = event.get("type") if isinstance(event, dict) else None
        if payload.get("type") != "event_callback" or kind not in ENDS:
            return False
        enterprise, team = delivered_to({**payload, "authorizations": None})  # of what is gone none is named
        async with self._changing:
            for tenant in filter(None, {enterprise, team}):
                await self._forget_if_over(tenant)
        return True

    async def _forget_if_over(self, tenant: str) -> None:
        kept = await self._host.kept(tenant, GRANT)
        if kept is None:
            return
        async with SlackApi(Grant.unpacked(kept).token.reveal(), self._settings.base_url) as api:
            try:
                await api.introduce()
            except NoRight as error:
                if error.code in NO_TOKEN and await self._host.forget(tenant, GRANT):
                    log.info("slack app uninstalled from %s", tenant)
        await self._workspaces.forget(tenant)

    async def _begin(self, _: web.Request) -> web.Response:
        state, now = secrets.token_urlsafe(32), int(self._clock())
        asked = {
            "client_id": self._settings.client_id,
            "scope": ",".join(sorted(SCOPES)),
            "state": state,
            "redirect_uri": self._redirect_uri,
        }
        response = web.Response(status=HTTPStatus.FOUND, headers=HEADERS)
        response.headers["Location"] = f"{self._settings.site}oauth/v2/authorize?{urlencode(asked)}"
        response.set_cookie(
            COOKIE,
            f"{now}.{state}.{self._mac(now, state)}",
            max_age=STATE_SECONDS,
            path=REDIRECT,
            httponly=True,
            secure=self._settings.public_url.startswith("https://"),
            samesite="Lax",  # Slack's redirect comes from another site
        )
        return response

    async def _finish(self, request: web.Request) -> web.Response:
        """Take the code in. The state is used up before anything else is done with it."""
        state = request.query.get("state", "")
        if not self._is_ours(request.cookies.get(COOKIE, ""), state) or state in self._used:
            return self._refused(words.START_AGAIN, HTTPStatus.BAD_REQUEST)
        self._used.add(state)
        if "code" not in request.query:
            return self._refused(words.NOT_LET_IN, HTTPStatus.FORBIDDEN)
        try:
            told = await self._exchange(request.query["code"])
            if "refresh_token" in told:
                return self._refused(words.NO_ROTATION, HTTPStatus.CONFLICT)
            grant = _grant(told)
        except (DeliveryError, KeyError, TypeError) as error:
            log.warning("slack installation not finished: %s", reason(error))
            return self._refused(words.START_AGAIN, HTTPStatus.BAD_GATEWAY)
        async with self._changing:
            if await self._is_second(grant):
                return self._refused(words.WHOLE_ORG, HTTPStatus.CONFLICT)
            await self._host.keep(grant.tenant, GRANT, grant.packed())
            log.info("slack app installed in %s", grant.tenant)
            await self._workspaces.forget(grant.tenant)
        open_app = {"app": str(told.get("app_id", "")), "team": grant.team_id}
        response = web.Response(status=HTTPStatus.FOUND, headers=HEADERS)
        response.headers["Location"] = f"{self._settings.site}app_redirect?{urlencode(open_app)}"
        response.del_cookie(COOKIE, path=REDIRECT)
        return response

    async def _is_second(self, grant: Grant) -> bool:
        """Whether it would take another workspace's token away: within an organisation there is one, as for people."""
        kept = await self._host.kept(grant.tenant, GRANT)
        if kept is None or grant.is_org:
            return False
        return Grant.unpacked(kept).team_id != grant.team_id

    async def _exchange(self, code: str) -> Mapping[str, Any]:
        async with SlackApi("", self._settings.base_url) as api:
            return await api.exchange(self._settings.client_id, self._secret, code, self._redirect_uri)

    def _is_ours(self, cookie: str, state: str) -> bool:
        """Whether this browser was given this state by us, lately."""
        at, _, rest = cookie.partition(".")
        given, _, mac = rest.partition(".")
        if not (at.isascii() and at.isdecimal() and len(at) <= len("1700000000")) or not state:
            return False
        is_whole = hmac.compare_digest(mac.encode(), self._mac(int(at), given).encode())
        is_same = hmac.compare_digest(given.encode(), state.encode(errors="replace"))
        return is_whole and is_same and 0 <= self._clock() - int(at) < STATE_SECONDS

    def _mac(self, at: int, state: str) -> str:
        return hmac.new(self._key, f"{at}.{state}".encode(), "sha256").hexdigest()

    def _refused(self, text: str, status: HTTPStatus) -> web.Response:
        return web.Response(text=f"{text}\n\n{self._settings.public_url}{INSTALL}", status=status, headers=HEADERS)

    @property
    def _secret(self) -> str:
        return revealed(self._settings.client_secret)

    @property
    def _redirect_uri(self) -> str:
        return self._settings.public_url.rstrip("/") + REDIRECT


def _grant(told: Mapping[str, Any]) -> Grant:
    """The grant in an answer of oauth.v2.access. Raises `KeyError` or `TypeError` if there is none."""
    enterprise, is_org = told.get("enterprise") or {}, bool(told.get("is_enterprise_install"))
    team = told.get("team") or enterprise
    if not str(told["access_token"]).startswith("xoxb-"):
        raise KeyError("no bot token")
    return Grant(
        token=SecretText(str(told["access_token"])),
        team_id=str(team["id"]),
        enterprise_id=str(enterprise["id"]) if enterprise.get("id") else None,
        is_org=is_org,
    )

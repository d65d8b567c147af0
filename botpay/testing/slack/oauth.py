"""How workspaces of the fake Slack let the app in: the consent page, the code, the token, and the end of it."""

import base64
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from botpay.testing.slack.world import Refused


@dataclass
class Installation:
    """The app in one workspace or in a whole organisation.

    Attributes:
        teams: the workspaces that it is for.
        token: what the app acts with; None once it is revoked.
    """

    team_id: str
    enterprise_id: str | None
    is_org: bool
    bot_id: str
    teams: tuple[str, ...]
    token: str | None

    @property
    def authorization(self) -> dict[str, Any]:
        """As an event names it."""
        return {
            "enterprise_id": self.enterprise_id,
            "team_id": None if self.is_org else self.team_id,
            "user_id": self.bot_id,
            "is_bot": True,
            "is_enterprise_install": self.is_org,
        }

    @property
    def ids(self) -> dict[str, Any]:
        """As an answer names it."""
        return {"enterprise_id": self.enterprise_id, "is_enterprise_install": self.is_org}


@dataclass(frozen=True)
class Consent:
    """Somebody on the consent page of Slack: for which workspace, or that they say no."""

    team_id: str
    enterprise_id: str | None = None
    is_org: bool = False
    teams: tuple[str, ...] = ()
    agrees: bool = True


class OAuth:
    """Consent, codes and tokens (https://docs.slack.dev/authentication/installing-with-oauth).

    Attributes:
        client_id, client_secret: what the app is configured with.
        consent: what the next person on the consent page decides.
        rotates: tokens are refreshed every twelve hours.
        asked: the queries with which people came to the consent page.
    """

    def __init__(self, app_id: str, install: Callable[[Consent, str], Installation]) -> None:
        self.client_id, self.client_secret = "111.222", "fake-client-secret"
        self.consent = Consent("T0FAKE")
        self.rotates = False
        self.asked: list[Mapping[str, str]] = []
        self._app_id, self._install = app_id, install
        self._codes: dict[str, tuple[Consent, str]] = {}
        self._numbers = itertools.count(1)

    def routes(self) -> list[web.RouteDef]:
        """The consent page, and where people land in Slack at the end."""
        return [web.get("/oauth/v2/authorize", self._authorize), web.get("/app_redirect", self._landed)]

    def install(self, consent: Consent) -> Installation:
        """Let the app in with a new token, as every code ends."""
        return self._install(consent, f"xoxb-granted-{next(self._numbers)}")

    async def _authorize(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        self.asked.append(query)
        if query.get("client_id") != self.client_id or not query.get("scope") or not query.get("redirect_uri"):
            raise web.HTTPBadRequest
        state = {"state": query.get("state", "")}
        if not self.consent.agrees:
            raise web.HTTPFound(f"{query['redirect_uri']}?{urlencode({'error': 'access_denied', **state})}")
        code = f"code-{next(self._numbers)}"
        self._codes[code] = (self.consent, query["redirect_uri"])
        raise web.HTTPFound(f"{query['redirect_uri']}?{urlencode({'code': code, **state})}")

    async def _landed(self, _: web.Request) -> web.Response:
        return web.Response(text="Slack")

    def exchange(self, authorization: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """oauth.v2.access: a token for a code, once."""
        proof = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if authorization != f"Basic {proof}":
            raise Refused("bad_client_secret")
        consent, redirect_uri = self._codes.pop(str(arguments.get("code")), (None, None))
        if consent is None:
            raise Refused("invalid_code")
        if arguments.get("redirect_uri") != redirect_uri:
            raise Refused("bad_redirect_uri")
        installed = self.install(consent)
        return {
            "access_token": installed.token,
            "token_type": "bot",
            "bot_user_id": installed.bot_id,
            "app_id": self._app_id,
            "team": None if consent.is_org else {"id": consent.team_id, "name": "Fake"},
            "enterprise": {"id": consent.enterprise_id, "name": "Grid"} if consent.enterprise_id else None,
            "is_enterprise_install": consent.is_org,
            **({"refresh_token": "xoxe-1-fake", "expires_in": 43_200} if self.rotates else {}),
        }

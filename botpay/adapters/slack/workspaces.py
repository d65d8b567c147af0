"""In which workspaces our app is installed: in one by its token, or in many by the grants of those who installed it."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botpay.adapters.base import Host
from botpay.adapters.slack.api import SlackApi
from botpay.adapters.slack.translate import Installation, author_team, delivered_to
from botpay.adapters.slack.workspace import Workspace
from botpay.errors import DeliveryError
from botpay.message import SecretText

GRANT = "installation"
"""The name under which a tenant's grant is kept."""
LOOK_AGAIN_SECONDS = 60.0  # another process may have taken a grant away, or got a new one
MOST_TEAMS = 1000


@dataclass(frozen=True, slots=True)
class Grant:
    """What an installation gave us (https://docs.slack.dev/reference/methods/oauth.v2.access).

    Attributes:
        is_org: it is for all workspaces of an organisation.
    """

    token: SecretText
    team_id: str
    enterprise_id: str | None
    is_org: bool

    @property
    def tenant(self) -> str:
        """Within which user ids are unique."""
        return self.enterprise_id or self.team_id

    def packed(self) -> SecretText:
        """As text, to be kept sealed."""
        fields = [self.token.reveal(), self.team_id, self.enterprise_id, self.is_org]
        return SecretText(json.dumps(fields))

    @classmethod
    def unpacked(cls, kept: SecretText) -> "Grant":
        """The inverse of `packed`."""
        token, *ids = json.loads(kept.reveal())
        return cls(SecretText(token), *ids)


class Workspaces:
    """Finds the workspace of a payload or tenant, and keeps it open.

    Args:
        join: makes a workspace of an installation and its API.
        call: makes an API of a token.
    """

    def __init__(
        self,
        join: Callable[[Installation, SlackApi], Workspace],
        call: Callable[[str], SlackApi],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._join, self._call, self._clock = join, call, clock
        self._host: Host | None = None
        self._open: dict[str, tuple[Workspace, SecretText, float]] = {}
        self._opening: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._only: Workspace | None = None

    def meet(self, host: Host) -> None:
        """Grants are kept there; without it there is only the one workspace that `add` is told."""
        self._host = host

    def add(self, workspace: Workspace) -> None:
        """This is the one workspace there is."""
        self._only = workspace

    async def close(self) -> None:
        """Hang up everywhere."""
        for tenant in list(self._open):
            await self.forget(tenant)
        if self._only is not None:
            await self._only.close()
            self._only = None

    async def of_payload(self, payload: Mapping[str, Any]) -> Workspace | None:
        """Where the author is at home, if they installed the app there; else where it was delivered to."""
        if self._only is not None:
            return self._only
        enterprise, team = delivered_to(payload)
        there = await self.of_tenant(enterprise or team or "")
        author = author_team(payload)
        if author is None or (there is not None and there.here.is_home(author)):
            return there
        return await self.of_tenant(author) or there

    async def of_tenant(self, tenant: str) -> Workspace | None:
        """The workspace of a tenant, or None if the app is not installed there, or no longer."""
        if self._only is not None or not tenant or self._host is None:
            return self._only
        known = self._open.get(tenant)
        if known is not None and self._clock() < known[2]:
            return known[0]
        async with self._opening[tenant]:  # one that is slow keeps no other waiting
            return await self._look_up(tenant, self._host)

    async def forget(self, tenant: str) -> None:
        """Look the grant up anew at the next use."""
        if (known := self._open.pop(tenant, None)) is not None:
            await known[0].close()

    async def look_again(self, tenant: str) -> None:
        """Our token was refused: ask for it once more at the next use; another process may have got a new one."""
        if (known := self._open.get(tenant)) is not None:
            self._open[tenant] = (known[0], known[1], self._clock())

    async def _look_up(self, tenant: str, host: Host) -> Workspace | None:
        kept, known = await host.kept(tenant, GRANT), self._open.get(tenant)
        if kept is not None and known is not None and known[1] == kept:
            self._open[tenant] = (known[0], kept, self._clock() + LOOK_AGAIN_SECONDS)
            return known[0]
        await self.forget(tenant)
        if kept is None:
            return None
        workspace = await self._enter(Grant.unpacked(kept))
        self._open[tenant] = (workspace, kept, self._clock() + LOOK_AGAIN_SECONDS)
        return workspace

    async def _enter(self, grant: Grant) -> Workspace:
        api = self._call(grant.token.reveal())
        await api.open()
        try:
            return self._join(await introduce(api), api)
        except DeliveryError:
            await api.close()
            raise


async def introduce(api: SlackApi) -> Installation:
    """Who we are where this token is from. Raises `Forbidden` if it is none, or not any more."""
    who, _ = await api.introduce()
    return Installation(
        team_id=str(who["team_id"]),
        enterprise_id=who.get("enterprise_id"),
        bot_user_id=str(who["user_id"]),
        bot_name=str(who["user"]),
        teams=await _teams(api) if who.get("is_enterprise_install") else frozenset(),
    )


async def _teams(api: SlackApi) -> frozenset[str]:
    """The workspaces of the organisation that an app is installed into as a whole."""
    teams: set[str] = set()
    cursor = ""
    while True:
        told = await api.read("auth.teams.list", {"limit": str(MOST_TEAMS), **({"cursor": cursor} if cursor else {})})
        teams |= {str(team["id"]) for team in told.get("teams") or ()}
        cursor = str((told.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            return frozenset(teams)

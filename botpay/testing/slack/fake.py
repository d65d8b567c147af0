"""FakeSlack: the platform itself, on 127.0.0.1.

Not emulated: files, rate limits by themselves (use `fail_next` and `disturb`).
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aiohttp import web

from botpay.testing.slack.delivery import Delivery, HttpCarrier, Kind, SocketCarrier
from botpay.testing.slack.methods import READING, SCOPES, Methods
from botpay.testing.slack.oauth import Consent, Installation, OAuth
from botpay.testing.slack.person import Person
from botpay.testing.slack.trouble import Failure, Trouble
from botpay.testing.slack.world import Channel, Message, Refused, User, World

ALL_SCOPES = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "groups:history",
        "im:history",
        "im:write",
        "users:read",
    }
)
BY_TOKEN = ("apps.connections.open", "auth.teams.list")
"""Methods whose answers depend on the token alone."""
HISTORY = {"im": "im:history", "channel": "channels:history", "group": "groups:history"}


class FakeSlack:
    """One workspace with one app, over real HTTP and WebSockets.

    Attributes:
        bot_token, app_token, signing_secret: what the app is configured with.
        base_url: of the Web API, once started.
        scopes: what the bot token may do; take one away to see the app cope.
        deliveries: all that the app was told, oldest first.
        calls: each call of the Web API: its method and arguments.
    """

    def __init__(
        self, *, bot_name: str = "botpay", team_id: str = "T0FAKE", transport: Literal["http", "socket"] = "http"
    ) -> None:
        self.bot_token = "xoxb-fake-token-0123456789"  # noqa: S105 -- opens nothing but this fake
        self.app_token = "xapp-fake-token-0123456789"  # noqa: S105 -- the same
        self.signing_secret = "fake-signing-secret"  # noqa: S105 -- the same
        self.app_id = "A0BOTPAY"
        self.scopes = set(ALL_SCOPES)
        self.base_url = ""
        self.world = World(bot_name, team_id, self._now)
        self.methods = Methods(self.world, self.app_id, bot_id="B0BOTPAY")
        self.http = HttpCarrier(self.signing_secret)
        self.sockets = SocketCarrier(self.app_id)
        self.transport = transport
        self.deliveries: list[Delivery] = []
        self._untaken: list[Delivery] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.oauth = OAuth(self.app_id, self._install)
        self.installations = [Installation(team_id, None, False, "U0BOTPAY", (team_id,), self.bot_token)]
        self.trouble = Trouble()
        self._ahead_seconds = 0.0
        self._runner: web.AppRunner | None = None

    # Setting the scene

    async def start(self) -> None:
        """Listen."""
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.add_routes([web.route("*", "/api/{method}", self._api), web.get("/link", self.sockets.serve)])
        app.add_routes(self.oauth.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}/api/"

    async def stop(self) -> None:
        """Stop listening and hang up."""
        await self.sockets.close()
        await self.http.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def set_request_url(self, url: str) -> None:
        """Where the app listens, as its developer enters it on Slack's pages."""
        self.http.url = url

    async def verify_url(self) -> bool:
        """Ask the Request URL to prove itself, as Slack does when it is entered."""
        payload = {"type": "url_verification", "token": "verification", "challenge": "3eZbrw1aB"}
        delivery = await self.tell("url_verification", self.world.bot.id, payload)
        return delivery.is_acknowledged and delivery.answer == {"challenge": "3eZbrw1aB"}

    def user(self, name: str, **more: Any) -> Person:
        """The person of this name; made at first use, with the attributes of `User` that are given."""
        user = self.world.user_named(name)
        if user is None:
            given = {"id": f"U0{name.upper()}", "real_name": name.capitalize(), "team_id": self.world.team_id}
            user = self.world.add_user(User(name=name, **(given | more)))
        return Person(self, user)

    def channel(
        self, name: str, *members: Person, with_bot: bool = True, kind: Literal["channel", "group"] = "channel"
    ) -> Channel:
        """A new channel with these people in it."""
        everybody = {person.id for person in members} | (
            {self.world.bots[self.world.team_id].id} if with_bot else set()
        )
        return self.world.add_channel(Channel(self.world.new_id("C"), name, everybody, kind))

    def fail_next(
        self,
        method: str,
        error: str,
        *,
        status: int = 200,
        retry_after: int | None = None,
        after_effect: bool = False,
        hangs: bool = False,
        drops: bool = False,
    ) -> None:
        """Let the next call of a method fail; `after_effect` does what was asked before the failing answer.

        Args:
            hangs: nobody answers until the caller has hung up.
            drops: the connection ends without an answer.
        """
        self.trouble.fail_next(method, Failure(error, status, retry_after, after_effect, hangs, drops))

    def disturb(self, share: float, *, seed: int) -> None:
        """From now on let this share of calls fail (429, 5xx, lost answers), and of deliveries come twice or late."""
        self.trouble.disturb(share, seed)

    def advance(self, seconds: float) -> None:
        """Let time pass on Slack's side: trigger ids grow old."""
        self._ahead_seconds += seconds

    # Telling the app

    async def tell(self, kind: Kind, by: str, payload: Mapping[str, Any]) -> Delivery:
        """Bring something to the app, once."""
        delivery = Delivery(kind, by, payload)
        self.deliveries.append(delivery)
        self._untaken.append(delivery)
        for due in self.trouble.order(delivery):
            await self._carry(due)
        return delivery

    async def retry(self) -> int:
        """Try again, once each, the events that the app did not take; returns how many there were."""
        waiting = self._untaken = [delivery for delivery in self._untaken if delivery.is_waiting]
        self.trouble.release()
        for delivery in waiting:
            await self._carry(delivery)
        return len(waiting)

    async def settled(self) -> None:
        """Retry until every event was taken or given up."""
        while await self.retry():
            pass

    async def redeliver_last(self, person: Person | None = None) -> Delivery:
        """Bring the last thing (that a person did) again, as after a lost acknowledgement.

        Raises:
            LookupError: nothing was delivered yet.
        """
        for delivery in reversed(self.deliveries):
            if person is None or delivery.by == person.id:
                await self._carry(delivery)
                return delivery
        raise LookupError("nothing was delivered yet")

    async def tell_message(self, user: User, message: Message) -> None:
        """The events of a new message: the message, and the mention of the bot in it."""
        event = self.methods.describe(message)
        if message.attachments:
            event["attachments"] = message.attachments
        await self._tell_events(user, message, event, event)

    async def tell_edit(self, user: User, message: Message, before: Mapping[str, Any]) -> None:
        """The events of an edit: the change, and once more the mention."""
        after = self.methods.describe(message)
        stamp = str(message.edited)
        changed = {"type": "message", "subtype": "message_changed", "hidden": True, "ts": stamp}
        await self._tell_events(user, message, {**changed, "message": after, "previous_message": before}, after)

    async def _tell_events(
        self, user: User, message: Message, event: Mapping[str, Any], mention: Mapping[str, Any]
    ) -> None:
        channel = self.world.channels[message.channel]
        if not self.world.bot_ids & channel.members:
            return
        where = {"channel": channel.id, "event_ts": event["ts"]}
        if HISTORY[channel.kind] in self.scopes:
            await self.tell_event(user, {**event, **where, "channel_type": channel.kind})
        is_mentioned = any(f"<@{id_}>" in message.text for id_ in self.world.bot_ids) and channel.kind != "im"
        if is_mentioned and "app_mentions:read" in self.scopes:
            await self.tell_event(user, {**mention, **where, "type": "app_mention"})

    async def tell_event(self, user: User, event: Mapping[str, Any]) -> None:
        """Tell an event, of which Slack names one installation that can see it: in direct messages the person's own.

        (https://docs.slack.dev/apis/events-api#callback-field)
        """
        channel = self.world.channels.get(str(event.get("channel")))
        own = self.installation_of(user.team_id) if channel is None or channel.kind == "im" else None
        seeing = own or next((one for one in self.installations if one.token), self.installations[0])
        payload = {
            "token": "verification",
            "team_id": seeing.team_id,
            "api_app_id": self.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": self.world.new_id("Ev"),
            "event_time": int(self._now()),
            "authorizations": [seeing.authorization],
            "is_ext_shared_channel": user.team_id != self.world.team_id,
        }
        await self.tell("events_api", user.id, payload)

    def installation_of(self, team_id: str) -> Installation | None:
        """The app as a workspace has it, if it does."""
        return next((one for one in self.installations if one.token and team_id in one.teams), None)

    def enterprise_of(self, team_id: str) -> str | None:
        """The organisation that a workspace belongs to, as far as an installation knows."""
        return next((one.enterprise_id for one in self.installations if team_id in one.teams), None)

    async def uninstall(self, team_id: str, *, of_whole_org: bool = True) -> None:
        """Let a workspace throw the app out, and the app be told so in both ways that Slack has."""
        gone = self.installation_of(team_id)
        if gone is None:
            raise LookupError(f"the app is not installed in {team_id}")
        if gone.is_org and not of_whole_org:
            gone.teams = tuple(team for team in gone.teams if team != team_id)
            return await self.tell_end("app_uninstalled", team_id, gone.enterprise_id)
        gone.token = None
        await self.tell_end("tokens_revoked", gone.team_id, gone.enterprise_id, bot=[gone.bot_id])
        return await self.tell_end("app_uninstalled", gone.team_id, gone.enterprise_id)

    async def tell_end(self, kind: str, team_id: str, enterprise_id: str | None, *, bot: Sequence[str] = ()) -> None:
        """Tell that a workspace took its leave; there is no installation left to name."""
        event = {"type": kind, **({"tokens": {"oauth": [], "bot": list(bot)}} if kind == "tokens_revoked" else {})}
        payload = {
            "token": "verification",
            "team_id": team_id,
            "enterprise_id": enterprise_id,
            "api_app_id": self.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": self.world.new_id("Ev"),
            "event_time": int(self._now()),
        }
        await self.tell("events_api", "", payload)

    def _install(self, consent: Consent, token: str) -> Installation:
        """Let the app in: its user joins, and an older token of the same place ends."""
        team_id = str(consent.enterprise_id) if consent.is_org else consent.team_id
        for one in self.installations:
            if one.team_id == team_id or (consent.is_org and one.enterprise_id == consent.enterprise_id):
                one.token = None
        teams = consent.teams or (consent.team_id,)
        bot = self.world.bots.get(team_id) or self.world.add_user(
            User(self.world.new_id("UB"), self.world.bots[self.world.team_id].name, "botpay", team_id, is_bot=True)
        )
        self.world.bots |= dict.fromkeys((team_id, *teams), bot)
        installed = Installation(team_id, consent.enterprise_id, consent.is_org, bot.id, teams, token)
        self.installations.append(installed)
        return installed

    async def _carry(self, delivery: Delivery) -> None:
        over_http = self.transport == "http" or delivery.kind == "url_verification"
        await (self.http if over_http else self.sockets).carry(delivery)

    # The Web API

    async def _api(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        arguments = await _read_arguments(request, method)
        self.calls.append((method, arguments))
        failure = self.trouble.of_call(method)
        if failure is not None and not failure.after_effect:
            await _keep_silent(request, failure)
            return self._answer({"ok": False, "error": failure.error}, failure)
        try:
            answer = {"ok": True, **self._call(method, arguments, request.headers.get("Authorization", ""))}
        except Refused as refused:
            answer = {"ok": False, "error": refused.code, **refused.more}
        if failure is not None:
            await _keep_silent(request, failure)
            answer = {"ok": False, "error": failure.error}
        return self._answer(answer, failure)

    def _admit(self, method: str, authorization: str) -> Installation:
        """Is there such a method, and may this token use it? Returns whose token it is."""
        if method not in self.methods and method not in BY_TOKEN:
            raise Refused("unknown_method", req_method=method)
        token = authorization.removeprefix("Bearer ")
        if not token:
            raise Refused("not_authed")
        holder = next((one for one in self.installations if one.token == token), None)
        if holder is None and token != self.app_token:
            raise Refused("invalid_auth")
        if (token == self.app_token) != (method == "apps.connections.open"):
            raise Refused("not_allowed_token_type")
        needed = SCOPES.get(method)
        if needed is not None and needed not in self.scopes:
            raise Refused("missing_scope", needed=needed, provided=",".join(sorted(self.scopes)))
        return holder or self.installations[0]

    def _call(self, method: str, arguments: Mapping[str, Any], authorization: str) -> Mapping[str, Any]:
        if method == "oauth.v2.access":
            return self.oauth.exchange(authorization, arguments)
        holder = self._admit(method, authorization)
        if method == "apps.connections.open":
            return {"url": f"ws{self.base_url.removeprefix('http').removesuffix('api/')}link?ticket=fake"}
        if method == "auth.teams.list":
            return {"teams": [{"id": team, "name": team} for team in holder.teams]}
        self.world.acting = holder.team_id
        try:
            answer = self.methods.call(method, arguments)
        finally:
            self.world.acting = self.world.team_id
        return {**answer, **holder.ids} if method == "auth.test" else answer

    def _answer(self, answer: Mapping[str, Any], failure: Failure | None) -> web.Response:
        headers = {"x-oauth-scopes": ",".join(sorted(self.scopes))}
        if failure is not None and failure.retry_after is not None:
            headers["Retry-After"] = str(failure.retry_after)
        return web.json_response(answer, headers=headers, status=failure.status if failure else 200)

    def _now(self) -> float:
        return time.time() + self._ahead_seconds


async def _keep_silent(request: web.Request, failure: Failure) -> None:
    """Hang until the caller has hung up, or hang up, if the failure is of that kind."""
    if failure.drops and request.transport is not None:
        request.transport.abort()
    while failure.hangs and request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110 - no event
        await asyncio.sleep(0.01)


async def _read_arguments(request: web.Request, method: str) -> dict[str, Any]:
    """From the query, a form, or JSON; methods that read overlook JSON."""
    arguments: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        told = await request.json() if request.can_read_body else {}
        return arguments if method in READING or not isinstance(told, dict) else arguments | told
    return arguments | dict(await request.post())

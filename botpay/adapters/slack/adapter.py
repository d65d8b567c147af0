"""The Slack adapter: takes what people do, shows keypads, delivers outbounds."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlencode

from aiohttp import web
from slack_sdk.signature import Clock, SignatureVerifier

from botpay.adapters.base import Adapter, AdapterSettings, Host, Receive
from botpay.adapters.slack import words
from botpay.adapters.slack.api import SlackApi, reason
from botpay.adapters.slack.blocks import Opening, keypad_modal, read_opening
from botpay.adapters.slack.doctor import examine
from botpay.adapters.slack.flow import ChannelPace, Gate
from botpay.adapters.slack.hook import nonsense, read_signed
from botpay.adapters.slack.install import Install
from botpay.adapters.slack.settings import SlackSettings, revealed
from botpay.adapters.slack.socket import Socket
from botpay.adapters.slack.translate import Installation, Malformed, at_home, home_of, translate
from botpay.adapters.slack.workspace import Workspace, told_to
from botpay.adapters.slack.workspaces import Workspaces, introduce
from botpay.errors import BotpayError, Busy, ConfigError, DeliveryError, Forbidden, Transient
from botpay.message import Capabilities, Inbound, Outbound, Rate, Receipt, Visibility

log = logging.getLogger(__name__)

MAX_TEXT = 3000
OPEN_SECONDS = 2.5  # a trigger id lives for three


class SlackAdapter(Adapter):
    """A Slack app: in one workspace with its bot token, or in all that install it.

    Args:
        clock: the time, in seconds since 1970.
        pace: how fast to write; as Slack allows, if not given.
    """

    contract: ClassVar[int] = 1
    name: ClassVar[str] = "slack"
    Settings: ClassVar[type[AdapterSettings]] = SlackSettings
    capabilities: ClassVar[Capabilities] = Capabilities(
        edit=True,
        delete_own=True,
        buttons=True,
        url_buttons=True,
        modal=True,
        suppress_previews=True,
        mention_by_id=True,
        redelivers=True,
        max_text=MAX_TEXT,
        max_label=75,
        max_token=2000,
        per_chat=Rate(1),
    )

    def __init__(
        self,
        settings: SlackSettings,
        *,
        clock: Callable[[], float] = time.time,
        pace: ChannelPace | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._pace = pace or ChannelPace()
        self._workspaces = Workspaces(self._join, self._api)
        self._install: Install | None = None
        self._host: Host | None = None
        self._verifier: SignatureVerifier | None = None
        self._gate = Gate()
        self._socket: Socket | None = None
        self._receive: Receive | None = None

    def meet(self, host: Host) -> None:
        """The tokens of many workspaces are kept by the core."""
        if self._settings.for_many:
            self._host = host
            self._workspaces.meet(host)
            self._install = Install(self._settings, host, self._workspaces, self._clock)

    def routes(self) -> Sequence[web.RouteDef]:
        """The Request URL, in mode "http"; and where the app is installed, if many may."""
        hook = (web.post(self._settings.path, self._hook),) if self._settings.mode == "http" else ()
        return (*hook, *(self._install.routes() if self._install else ()))

    async def start(self, receive: Receive) -> None:
        """Learn who we are; in mode "socket", connect. Raises `ConfigError` for missing or refused credentials."""
        self._receive = receive
        if faults := self._settings.faults():
            raise ConfigError(faults[0])
        try:
            if not self._settings.for_many:
                self._workspaces.add(await self._only_workspace())
            if self._settings.mode == "http":
                secret = revealed(self._settings.signing_secret)
                self._verifier = SignatureVerifier(secret, _SlackClock(self._clock))
            self._gate.open()
            if self._settings.mode == "socket":
                self._socket = await Socket.connected(
                    revealed(self._settings.app_token), self._settings.base_url, self._take_from_socket
                )
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Take nothing new, finish what is under way, disconnect."""
        await self._gate.close()
        if self._socket is not None:
            await self._socket.close()
        await self._workspaces.close()

    async def check(self) -> Sequence[str]:
        """Whether Slack takes our tokens, and which scopes are lacking. Works without `start`."""
        return self._settings.faults() or await examine(self._settings, self._host)

    # In

    async def _hook(self, request: web.Request) -> web.Response:
        """Events, commands and presses over HTTP: 200 only once it is safe with us."""
        if not self._gate.is_open or self._verifier is None:
            raise web.HTTPServiceUnavailable
        async with self._gate:
            payload = await read_signed(request, self._verifier)
            if payload.get("type") == "url_verification":
                return web.json_response({"challenge": payload.get("challenge")})
            try:
                answer = await self._take(payload)
            except Malformed:
                raise nonsense() from None
            except Exception as error:  # noqa: BLE001 - nothing is committed; raised on, aiohttp would log its words
                log.warning("slack call not taken: %s", type(error).__name__)
                raise web.HTTPServiceUnavailable from None
        return web.Response() if answer is None else web.json_response(answer)

    async def _take_from_socket(self, payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if not self._gate.is_open:
            raise Busy("stopping")
        async with self._gate:
            return await self._take(payload)

    async def _take(self, payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Hand a payload to the core; returns what Slack shows the person at once, if anything.

        Slack repeats events that are refused, but not commands and presses: there, the person is asked to repeat.
        """
        if payload.get("type") == "app_rate_limited":
            log.warning("slack holds back events: more than 30,000 in an hour in one workspace")
        if self._install is not None and await self._install.took_back(payload):
            return None
        workspace, receive = await self._workspaces.of_payload(payload), self._receive
        if workspace is None or receive is None:
            return None
        inbound = translate(payload, workspace.here, datetime.fromtimestamp(self._clock(), UTC))
        if inbound is not None:
            if (person := home_of(inbound)) is not None:
                workspace.looking.add(person)
            inbound = await workspace.people.introduce(inbound)
            try:
                await receive(inbound)
            except BotpayError:
                if payload.get("type") == "event_callback":
                    raise
                return await self._ask_again(workspace, inbound)
        if (opening := read_opening(payload)) is not None:  # what was entered before is forgotten by now
            await self._open_keypad(workspace, opening)
        return self._pointer(payload) if workspace.is_elsewhere(payload) else None

    def _pointer(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Where the answer to a command will be found, shown to its author alone where they gave it.

        It is not the answer: that Slack shows it is not guaranteed, and nothing private depends on it.
        """
        ids = [str(payload.get(name)) for name in ("api_app_id", "team_id")]
        if not all(id_.isascii() and id_.isalnum() for id_ in ids):
            return {"response_type": "ephemeral", "text": words.IN_PRIVATE}
        place = f"{self._settings.site}app_redirect?{urlencode(dict(zip(('app', 'team'), ids, strict=True)))}"
        return {"response_type": "ephemeral", "text": f"<{place}|{words.IN_PRIVATE}>"}

    async def _ask_again(self, workspace: Workspace, inbound: Inbound) -> Mapping[str, Any] | None:
        """A command is answered in its own answer, a press by a direct message: it has nothing else to show it."""
        if inbound.press is None:
            return {"response_type": "ephemeral", "text": words.TRY_AGAIN}
        if inbound.author is not None:
            try:
                channel = await workspace.direct_channel(inbound.author.id)
                await workspace.api.call("chat.postMessage", {"channel": channel, "text": words.TRY_AGAIN})
            except DeliveryError as error:
                log.warning("slack press not taken, and its author not told: %s", type(error).__name__)
        return None

    async def _open_keypad(self, workspace: Workspace, opening: Opening) -> None:
        """Show the keys at once. Where it comes too late, the person presses again."""
        view = keypad_modal(opening.keypad, opening.text)
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await workspace.api.call("views.open", {"trigger_id": opening.trigger_id, "view": view})
        except (DeliveryError, TimeoutError) as error:
            log.warning("slack keypad not shown: %s", reason(error))

    # Out

    async def send(self, outbound: Outbound) -> Receipt:
        """Post, edit, or change a view. Raises a `DeliveryError`; private words never fall back to a public place."""
        if not self._gate.is_open:
            raise Transient("the adapter is not started")
        workspace = await self._workspaces.of_tenant(outbound.tenant)
        if workspace is None:
            raise Forbidden("the app is not installed in this workspace any more")
        try:
            receipt = await workspace.send(outbound)
        except Forbidden:
            await self._workspaces.look_again(outbound.tenant)
            raise
        if outbound.visibility is Visibility.PRIVATE:
            await self._renew_home(workspace, outbound)
        return receipt

    async def _renew_home(self, workspace: Workspace, outbound: Outbound) -> None:
        """Who looked at their Home tab lately, and is told something, gets it filled anew: it may be about money."""
        person = told_to(outbound)
        if person is None or person not in workspace.looking or self._receive is None:
            return
        wish = at_home(workspace.here, person, f"after:{outbound.id}", datetime.fromtimestamp(self._clock(), UTC))
        try:
            await self._receive(wish)
        except BotpayError as error:
            log.info("slack home not renewed: %s", type(error).__name__)

    # Setting up

    def _join(self, here: Installation, api: SlackApi) -> Workspace:
        return Workspace(here, api, self._pace, self._clock)

    def _api(self, token: str) -> SlackApi:
        return SlackApi(token, self._settings.base_url, self._pace.clock)

    async def _only_workspace(self) -> Workspace:
        api = self._api(revealed(self._settings.bot_token))
        await api.open()
        try:
            here = await introduce(api)
        except Forbidden as error:
            await api.close()
            raise ConfigError(f"slack.bot_token does not work: {error}. Copy it from OAuth & Permissions.") from None
        except BaseException:
            await api.close()
            raise
        return self._join(here, api)


class _SlackClock(Clock):
    """The verifier's clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock()

"""The Slack adapter: takes what people do, shows keypads, delivers outbounds."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from aiohttp import web
from slack_sdk.signature import Clock, SignatureVerifier

from botpay.adapters.base import Adapter, AdapterSettings, Receive
from botpay.adapters.slack.api import SlackApi, fault_code
from botpay.adapters.slack.blocks import Opening, fallback_text, keypad_modal, message_blocks, modal, read_opening
from botpay.adapters.slack.flow import ChannelPace, Gate
from botpay.adapters.slack.hook import nonsense, read_signed
from botpay.adapters.slack.people import People
from botpay.adapters.slack.settings import SCOPES, SlackSettings
from botpay.adapters.slack.socket import Socket
from botpay.adapters.slack.translate import VIEW, Installation, Malformed, translate
from botpay.errors import (
    BotpayError,
    Busy,
    ConfigError,
    DeliveryError,
    Forbidden,
    Permanent,
    Transient,
    Unreachable,
)
from botpay.message import Capabilities, Inbound, Outbound, Rate, Receipt, Visibility

log = logging.getLogger(__name__)

MAX_TEXT = 3000
OPEN_SECONDS = 2.5  # a trigger id lives for three
TRY_AGAIN = "Please try again in a moment. / Merci de réessayer dans un instant."

NOT_REACHED = frozenset({"cannot_dm_bot", "channel_not_found", "user_disabled", "user_not_found", "user_not_visible"})
NOT_EDITABLE = frozenset({"cant_update_message", "channel_not_found", "edit_window_closed", "message_not_found"})
NO_VIEW = frozenset({"not_found", "view_not_found"})


class SlackAdapter(Adapter):
    """One Slack workspace: an app that is installed there with its bot token.

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
        self, settings: SlackSettings, *, clock: Callable[[], float] = time.time, pace: ChannelPace | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._verifier: SignatureVerifier | None = None
        self._api = self._new_api()
        self._people = People(self._api)
        self._pace = pace or ChannelPace()
        self._gate = Gate()
        self._direct: dict[str, str] = {}
        self._socket: Socket | None = None
        self._here: Installation | None = None
        self._receive: Receive | None = None

    def routes(self) -> Sequence[web.RouteDef]:
        """The Request URL, in mode "http"."""
        return [web.post(self._settings.path, self._hook)] if self._settings.mode == "http" else ()

    async def start(self, receive: Receive) -> None:
        """Learn who we are; in mode "socket", connect. Raises `ConfigError` for missing or refused credentials."""
        self._receive = receive
        self._check_settings()
        await self._api.open()
        try:
            self._here = await self._introduce()
            self._gate.open()
            if self._settings.mode == "socket":
                await self._connect()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Take nothing new, finish what is under way, disconnect."""
        await self._gate.close()
        if self._socket is not None:
            await self._socket.close()
        await self._people.close()
        await self._api.close()

    async def check(self) -> Sequence[str]:
        """Whether Slack takes our token, and which scopes it lacks. Works without `start`."""
        try:
            self._check_settings()
            async with self._new_api() as api:
                _, granted = await api.introduce()
        except (ConfigError, DeliveryError) as error:
            return [str(error)]
        return [
            f"The Slack bot token lacks the scope {scope}, {reason}: add it under OAuth & Permissions and reinstall."
            for scope, reason in SCOPES.items()
            if scope not in granted
        ]

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
        here, receive = self._here, self._receive
        if here is None or receive is None:
            raise Busy("not started")
        inbound = translate(payload, here, datetime.fromtimestamp(self._clock(), UTC))
        if inbound is not None:
            inbound = await self._people.introduce(inbound)
            try:
                await receive(inbound)
            except BotpayError:
                if payload.get("type") == "event_callback":
                    raise
                return await self._ask_again(inbound)
        if (opening := read_opening(payload)) is not None:  # what was entered before is forgotten by now
            await self._open_keypad(opening)
        return None

    async def _ask_again(self, inbound: Inbound) -> Mapping[str, Any] | None:
        """A command is answered in its own answer, a press by a direct message: it has nothing else to show it."""
        if inbound.press is None:
            return {"response_type": "ephemeral", "text": TRY_AGAIN}
        if inbound.author is not None:
            try:
                channel = await self._direct_channel(inbound.author.id)
                await self._api.call("chat.postMessage", {"channel": channel, "text": TRY_AGAIN})
            except DeliveryError as error:
                log.warning("slack press not taken, and its author not told: %s", type(error).__name__)
        return None

    async def _open_keypad(self, opening: Opening) -> None:
        """Show the keys at once. Where it comes too late, the person presses again."""
        view = keypad_modal(opening.keypad, opening.text)
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self._api.call("views.open", {"trigger_id": opening.trigger_id, "view": view})
        except (DeliveryError, TimeoutError) as error:
            log.warning("slack keypad not shown: %s", _reason(error))

    # Out

    async def send(self, outbound: Outbound) -> Receipt:
        """Post, edit, or change a modal. Raises a `DeliveryError`; private words never fall back to a public place."""
        if outbound.deletes is not None:
            return await self._delete(outbound.deletes)
        private = outbound.visibility is Visibility.PRIVATE
        if not self._gate.is_open:
            raise Transient("the adapter is not started")
        try:
            if private and outbound.replaces is not None and outbound.replaces.startswith(VIEW):
                return await self._change_view(outbound, outbound.replaces)
            if private:
                return await self._write(outbound, await self._direct_channel(str(outbound.to)))
            channel, _, thread = str(outbound.chat).partition(":")
            return await self._write(outbound, channel, thread)
        except Permanent as fault:
            if private and fault_code(fault) in NOT_REACHED:
                self._direct.pop(str(outbound.to), None)
                raise Unreachable("Slack does not let us write to this person") from None
            raise

    async def _write(self, outbound: Outbound, channel: str, thread: str = "") -> Receipt:
        """Edit what is to be replaced if it stands in this very channel, else post.

        A private outbound that answers a press in a public channel must not replace the public message.
        """
        await self._pace.wait(channel)
        message = {
            "channel": channel,
            "text": fallback_text(outbound),
            "blocks": message_blocks(outbound),
            "link_names": False,
        }
        written_in, _, timestamp = (outbound.replaces or "").rpartition(":")
        if written_in == channel and await self._edited({**message, "ts": timestamp}):
            return Receipt(outbound.replaces)
        how: dict[str, Any] = {"mrkdwn": False, "unfurl_links": False, "unfurl_media": False}
        if thread:
            how["thread_ts"] = thread
        posted = await self._api.call("chat.postMessage", {**message, **how})
        return Receipt(f"{posted['channel']}:{posted['ts']}")

    async def _edited(self, message: Mapping[str, Any]) -> bool:
        try:
            await self._api.call("chat.update", message)
        except Permanent as fault:
            if fault_code(fault) in NOT_EDITABLE:
                return False
            raise
        return True

    async def _change_view(self, outbound: Outbound, surface: str) -> Receipt:
        """Change an open modal. A closed one is no loss: the message that opened it has its own outbound."""
        view = modal(outbound, self._here.bot_name if self._here else self.name)
        try:
            await self._api.call("views.update", {"view_id": surface.removeprefix(VIEW), "view": view})
        except Permanent as fault:
            if fault_code(fault) in NO_VIEW:
                return Receipt()
            raise
        return Receipt(surface)

    async def _delete(self, ref: str) -> Receipt:
        """Try: Slack lets a bot delete its own messages, and a person's only with an administrator's token."""
        channel, _, timestamp = ref.rpartition(":")
        try:
            await self._api.call("chat.delete", {"channel": channel, "ts": timestamp})
        except DeliveryError as error:
            log.info("slack message not deleted: %s", _reason(error))
        return Receipt()

    async def _direct_channel(self, user_id: str) -> str:
        """The channel of the conversation between a person and the bot."""
        if user_id not in self._direct:
            opened = await self._api.call("conversations.open", {"users": user_id})
            self._direct[user_id] = str(opened["channel"]["id"])
        return self._direct[user_id]

    # Setting up

    def _new_api(self) -> SlackApi:
        return SlackApi(self._settings.bot_token.get_secret_value(), self._settings.base_url)

    def _check_settings(self) -> None:
        settings = self._settings
        if settings.mode == "http":
            secret = settings.signing_secret.get_secret_value() if settings.signing_secret else ""
            if not secret.strip():
                raise ConfigError("slack.signing_secret is needed for mode http: copy it from Basic Information.")
            self._verifier = SignatureVerifier(secret, _SlackClock(self._clock))
        elif not settings.app_token or not settings.app_token.get_secret_value().strip():
            raise ConfigError("slack.app_token is needed for mode socket: make one with the scope connections:write.")

    async def _introduce(self) -> Installation:
        try:
            who, _ = await self._api.introduce()
        except Forbidden as error:
            raise ConfigError(f"slack.bot_token does not work: {error}. Copy it from OAuth & Permissions.") from None
        if who.get("is_enterprise_install"):
            raise ConfigError("slack.bot_token is one for a whole organisation: install the app into a workspace.")
        return Installation(
            team_id=str(who["team_id"]),
            enterprise_id=who.get("enterprise_id"),
            bot_user_id=str(who["user_id"]),
            bot_name=str(who["user"]),
        )

    async def _connect(self) -> None:
        token = self._settings.app_token.get_secret_value() if self._settings.app_token else ""
        async with SlackApi(token, self._settings.base_url) as api:
            try:
                opened = await api.call("apps.connections.open", {})
            except (Forbidden, Permanent) as error:
                raise ConfigError(f"slack.app_token does not work: {error}. It begins with xapp-.") from None
        self._socket = Socket(token, self._api.client, self._take_from_socket)
        await self._socket.connect(str(opened["url"]))


class _SlackClock(Clock):
    """The verifier's clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock()


def _reason(error: Exception) -> str:
    """Slack's name for a refusal, else the kind of fault: nothing that was written."""
    code = fault_code(error) if isinstance(error, DeliveryError) else None
    return code or type(error).__name__

"""The Socket Mode way in: Slack's envelopes over a WebSocket, acknowledged one by one."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from botpay.adapters.slack.api import SlackApi, silent_logger
from botpay.errors import ConfigError, Forbidden, Permanent

log = logging.getLogger(__name__)

Take = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]]
"""Takes one payload in and returns what Slack shows as the answer; raises if it is to be delivered again."""


class Socket:
    """Connects, reconnects, and acknowledges an envelope once `take` has returned.

    An envelope that `take` refused is not acknowledged, so that Slack delivers it again
    (https://docs.slack.dev/apis/events-api/using-socket-mode).
    """

    def __init__(self, app_token: str, api: SlackApi, take: Take) -> None:
        self._take = take
        self._api = api
        self._client = SocketModeClient(app_token=app_token, web_client=api.client, logger=silent_logger())
        self._client.socket_mode_request_listeners.append(self._on_envelope)

    @classmethod
    async def connected(cls, app_token: str, base_url: str, take: Take) -> Self:
        """A connected socket. Raises `ConfigError` if Slack refuses the token, `Transient` while it is away."""
        api = SlackApi(app_token, base_url)
        await api.open()
        try:
            opened = await api.call("apps.connections.open", {})
        except (Forbidden, Permanent) as error:
            await api.close()
            raise ConfigError(f"slack.app_token does not work: {error}. It begins with xapp-.") from None
        except BaseException:
            await api.close()
            raise
        socket = cls(app_token, api, take)
        socket._client.wss_uri = str(opened["url"])  # later ones are asked for when needed
        await socket._client.connect()  # type: ignore[no-untyped-call]
        return socket

    async def close(self) -> None:
        """Disconnect for good."""
        await self._client.close()  # type: ignore[no-untyped-call]
        await self._api.close()

    async def _on_envelope(self, client: AsyncBaseSocketModeClient, envelope: SocketModeRequest) -> None:
        try:
            answer = await self._take(envelope.payload)
        except Exception as error:  # noqa: BLE001 -- slack_sdk would only log it, with a text that may hold what was said
            log.warning("slack envelope not taken: %s", type(error).__name__)
            return
        payload = dict(answer) if answer is not None and envelope.accepts_response_payload else None
        await client.send_socket_mode_response(SocketModeResponse(envelope.envelope_id, payload))

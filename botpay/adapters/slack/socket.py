"""The Socket Mode way in: Slack's envelopes over a WebSocket, acknowledged one by one."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from botpay.adapters.slack.api import silent_logger

log = logging.getLogger(__name__)

Take = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]]
"""Takes one payload in and returns what Slack shows as the answer; raises if it is to be delivered again."""


class Socket:
    """Connects, reconnects, and acknowledges an envelope once `take` has returned.

    An envelope that `take` refused is not acknowledged, so that Slack delivers it again
    (https://docs.slack.dev/apis/events-api/using-socket-mode).
    """

    def __init__(self, app_token: str, web_client: AsyncWebClient, take: Take) -> None:
        self._take = take
        self._client = SocketModeClient(app_token=app_token, web_client=web_client, logger=silent_logger())
        self._client.socket_mode_request_listeners.append(self._on_envelope)

    async def connect(self, url: str) -> None:
        """Connect to a WebSocket that apps.connections.open gave; later ones are asked for when needed."""
        self._client.wss_uri = url
        await self._client.connect()  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        """Disconnect for good."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def _on_envelope(self, client: AsyncBaseSocketModeClient, envelope: SocketModeRequest) -> None:
        try:
            answer = await self._take(envelope.payload)
        except Exception as error:  # noqa: BLE001 -- slack_sdk would only log it, with a text that may hold what was said
            log.warning("slack envelope not taken: %s", type(error).__name__)
            return
        payload = dict(answer) if answer is not None and envelope.accepts_response_payload else None
        await client.send_socket_mode_response(SocketModeResponse(envelope.envelope_id, payload))

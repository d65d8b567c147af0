"""The adapter on a fake platform, with a core that only notes: for tests below the application."""

import time
from collections.abc import Callable
from typing import Any, Self

from aiohttp import web
from pydantic import SecretStr

from botpay.adapters.webhook import Tenant, WebhookAdapter, WebhookSettings
from botpay.message import Inbound, Outbound, Visibility
from botpay.testing.webhook.platform import FakePlatform


class WebhookRig:
    """Starts a platform, a web server and the adapter; `async with WebhookRig() as rig`.

    Attributes:
        received: what the adapter handed over, oldest first.
        faults: what `receive` raises next, one a call, before it takes anything again.
        base_url: where the adapter's routes are served.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time, **tenants: Tenant) -> None:
        self.platform = FakePlatform()
        self.received: list[Inbound] = []
        self.faults: list[Exception] = []
        self._clock, self._tenants = clock, tenants

    async def __aenter__(self) -> Self:
        await self.platform.__aenter__()
        main = Tenant(url=self.platform.url, secrets=(SecretStr(self.platform.secret),))
        settings = WebhookSettings(tenants={"main": main} | self._tenants, timeout_seconds=1)
        self.adapter = WebhookAdapter(settings, clock=self._clock)
        self._runner = web.AppRunner(web.Application(), access_log=None)
        self._runner.app.add_routes(self.adapter.routes())
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}"
        self.platform.connect(self.base_url)
        await self.adapter.start(self.receive)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.adapter.stop()
        await self._runner.cleanup()
        await self.platform.__aexit__()

    async def receive(self, inbound: Inbound) -> None:
        """Take an inbound, or refuse it as told."""
        if self.faults:
            raise self.faults.pop(0)
        self.received.append(inbound)


def message(text: str, **more: Any) -> dict[str, Any]:
    """What u-alice writes in the chat "amis", changed as told."""
    given = {
        "type": "message",
        "author": {"id": "u-alice", "handle": "alice", "name": "Alice", "language": "fr-FR"},
        "chat": {"id": "amis", "visibility": "public"},
        "said_at": "2026-01-05T12:00:00+01:00",
        "text": text,
    }
    return given | more


def private(text: str, **more: Any) -> Outbound:
    """An outbound to u-alice alone, changed as told."""
    given: dict[str, Any] = {"id": "o1", "adapter": "webhook", "tenant": "main", "to": "u-alice", "chat": "amis"}
    return Outbound(text=text, visibility=Visibility.PRIVATE, **(given | more))


def public(text: str, **more: Any) -> Outbound:
    """An outbound to everybody in the chat "amis", changed as told."""
    given: dict[str, Any] = {"id": "o2", "adapter": "webhook", "tenant": "main", "chat": "amis"}
    return Outbound(text=text, visibility=Visibility.PUBLIC, **(given | more))

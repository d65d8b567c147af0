"""The side of Telegram that posts updates to a webhook, and posts them again until it gets a 2xx."""

import asyncio
import re
import time
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from botpay.testing.telegram.updates import Updates, Waiting
from botpay.testing.telegram.wire import Params, bad_request

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of the header
_SECRET = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 1.0


class Webhook:
    """Where updates go, if a webhook is set.

    Args:
        loopback: also post to http://127.0.0.1, which the real one never does.
    """

    def __init__(self, updates: Updates, *, loopback: bool) -> None:
        self.url = ""
        self.dropped = False
        self._updates = updates
        self._loopback = loopback
        self._secret = ""
        self._hosts: dict[str, str] = {}
        self._last_error: tuple[int, str] | None = None

    def resolve(self, public_url: str, base_url: str) -> None:
        """Let a public address lead to a local server, as DNS and a TLS proxy would."""
        self._hosts[public_url.rstrip("/")] = base_url.rstrip("/")
        self._updates.wake()

    def set(self, params: Params) -> None:
        """What setWebhook asks. Raises `ApiError`."""
        url, secret = params.text("url"), params.text("secret_token")
        if not url:
            self.remove(drop_pending=params.flag("drop_pending_updates"))
            return
        if not url.startswith("https://") and not (self._loopback and url.startswith("http://127.0.0.1:")):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if len(secret) > 256:
            raise bad_request("secret token is too long")
        if not _SECRET.fullmatch(secret):
            raise bad_request("secret token contains unallowed characters")
        self._updates.allow(params.structure("allowed_updates"))
        self._drop_if(params.flag("drop_pending_updates"))
        self.url, self._secret, self._last_error = url, secret, None
        self._updates.wake()

    def remove(self, *, drop_pending: bool) -> None:
        """No webhook any more; what waits is kept unless it is to be dropped."""
        self._drop_if(drop_pending)
        self.url, self._secret = "", ""

    def info(self) -> dict[str, Any]:
        """What getWebhookInfo tells."""
        info: dict[str, Any] = {
            "url": self.url,
            "has_custom_certificate": False,
            "pending_update_count": len(self._updates),
            "allowed_updates": sorted(self._updates.allowed),
        }
        if self._last_error is not None:
            info["last_error_date"], info["last_error_message"] = self._last_error
        return info

    async def run(self) -> None:
        """Post for ever, one update after the other; a refused one first again, after a pause."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            pause = FIRST_PAUSE_SECONDS
            while True:
                update = self._updates.first()
                if not self.url or update is None:
                    await self._updates.changed()
                elif await self._post(session, update):
                    self._updates.done(update)
                    pause = FIRST_PAUSE_SECONDS
                else:
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _post(self, session: aiohttp.ClientSession, update: Waiting) -> bool:
        target = self._target()
        if target is None:
            return self._failed("Failed to resolve host: Name or service not known")
        headers = {SECRET_HEADER: self._secret} if self._secret else {}
        try:
            async with session.post(target, json=update.to_json(), headers=headers, allow_redirects=False) as answer:
                if answer.ok and answer.status < 300:
                    return True
                return self._failed(f"Wrong response from the webhook: {answer.status} {answer.reason}")
        except (aiohttp.ClientError, TimeoutError):
            return self._failed("Connection failed")

    def _target(self) -> str | None:
        """Where to post. Nothing but a local server is ever called."""
        parts = urlsplit(self.url)
        host = f"{parts.scheme}://{parts.netloc}"
        if host in self._hosts:
            return self._hosts[host] + self.url.removeprefix(host)
        return self.url if parts.hostname == "127.0.0.1" else None

    def _failed(self, reason: str) -> bool:
        self._last_error = (int(time.time()), reason)
        return False

    def _drop_if(self, drop_pending: bool) -> None:
        if drop_pending:
            self.dropped = True
            self._updates.clear()

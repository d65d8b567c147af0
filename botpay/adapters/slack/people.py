"""What people are called: users.info, asked once an hour for each person."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from botpay.adapters.slack.api import SlackApi
from botpay.errors import DeliveryError
from botpay.message import Actor, Inbound

KEEP_SECONDS = 3600
MOST_PEOPLE = 5000
PATIENCE_SECONDS = 1.0  # an event has to be acknowledged within three


class People:
    """Adds handle, name and language to the authors of inbounds. They are labels: without them it goes on.

    Needs the scope users:read.
    """

    def __init__(self, api: SlackApi) -> None:
        self._api = api
        self._known: dict[str, tuple[float, asyncio.Task[Mapping[str, Any]]]] = {}

    async def introduce(self, inbound: Inbound) -> Inbound:
        """The same inbound with its author's labels, as far as Slack tells them in time.

        Those who wait for the same person go on in the order in which they came.
        """
        if inbound.author is None:
            return inbound
        asked = self._ask(inbound.author.id)
        await asyncio.wait([asked], timeout=PATIENCE_SECONDS)
        user = asked.result() if asked.done() and not asked.cancelled() else {}
        return replace(inbound, author=_labelled(inbound.author, user)) if user else inbound

    async def close(self) -> None:
        """Give up what is still asked."""
        tasks = [task for _, task in self._known.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._known.clear()

    def _ask(self, user_id: str) -> asyncio.Task[Mapping[str, Any]]:
        now = time.monotonic()
        asked_at, task = self._known.get(user_id, (-KEEP_SECONDS, None))
        if task is None or now - asked_at >= KEEP_SECONDS or (task.done() and not task.result()):
            if len(self._known) >= MOST_PEOPLE:
                self._known = {id_: entry for id_, entry in self._known.items() if not entry[1].done()}
            task = asyncio.create_task(self._fetch(user_id))
            self._known[user_id] = (now, task)
        return task

    async def _fetch(self, user_id: str) -> Mapping[str, Any]:
        try:
            answer = await self._api.read("users.info", {"user": user_id, "include_locale": "true"})
        except DeliveryError:
            return {}
        user = answer.get("user")
        return user if isinstance(user, dict) else {}


def _labelled(actor: Actor, user: Mapping[str, Any]) -> Actor:
    profile = user.get("profile") or {}
    names = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), actor.name)
    return replace(
        actor,
        handle=user.get("name") or actor.handle,
        name=next(filter(None, names), None),
        language=user.get("locale") or actor.language,
    )

"""Our app in one workspace: who is who there, and what goes out."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from botpay.adapters.slack.api import SlackApi, fault_code, reason
from botpay.adapters.slack.blocks import fallback_text, home, message_blocks, modal
from botpay.adapters.slack.flow import ChannelPace, Recent
from botpay.adapters.slack.people import People
from botpay.adapters.slack.translate import HOME, VIEW, Installation
from botpay.errors import DeliveryError, Permanent, Unreachable
from botpay.message import Outbound, Receipt, Visibility

log = logging.getLogger(__name__)

NOT_REACHED = frozenset({"cannot_dm_bot", "channel_not_found", "user_disabled", "user_not_found", "user_not_visible"})
NOT_EDITABLE = frozenset({"cant_update_message", "channel_not_found", "edit_window_closed", "message_not_found"})
NO_VIEW = frozenset({"not_found", "view_not_found"})
NO_HOME = frozenset({"not_enabled", "view_not_found", *NOT_REACHED})
A_DAY_SECONDS = 86_400


class Workspace:
    """An installation with the token that it gave us. `open` it before use, and `close` it.

    Args:
        pace: how fast to write.
        clock: seconds, for how long somebody's Home tab is worth renewing.

    Attributes:
        here: who we are there.
        looking: the people who looked at their Home tab lately.
    """

    def __init__(self, here: Installation, api: SlackApi, pace: ChannelPace, clock: Callable[[], float]) -> None:
        self.here = here
        self.api = api
        self.people = People(api)
        self.looking = Recent(A_DAY_SECONDS, clock)
        self._pace = pace
        self._direct: dict[str, str] = {}

    async def close(self) -> None:
        """Hang up."""
        await self.people.close()
        await self.api.close()

    async def send(self, outbound: Outbound) -> Receipt:
        """Post, edit, or change a view. Raises a `DeliveryError`; private words never fall back to a public place."""
        if outbound.deletes is not None:
            return await self._delete(outbound.deletes)
        if outbound.visibility is Visibility.PUBLIC:
            channel, _, thread = str(outbound.chat).partition(":")
            return await self._write(outbound, channel, thread)
        if outbound.replaces is not None and outbound.replaces.startswith(HOME):
            return await self._show_at_home(outbound)
        try:
            if outbound.replaces is not None and outbound.replaces.startswith(VIEW):
                return await self._change_view(outbound, outbound.replaces)
            return await self._write(outbound, await self.direct_channel(str(outbound.to)))
        except Permanent as fault:
            if fault_code(fault) in NOT_REACHED:
                self._direct.pop(str(outbound.to), None)
                raise Unreachable("Slack does not let us write to this person") from None
            raise

    def is_elsewhere(self, payload: Mapping[str, Any]) -> bool:
        """Whether a command was given elsewhere than in the conversation with the bot."""
        return "command" in payload and payload.get("channel_id") != self._direct.get(str(payload.get("user_id")))

    async def direct_channel(self, user_id: str) -> str:
        """The channel of the conversation between a person and the bot."""
        if user_id not in self._direct:
            opened = await self.api.call("conversations.open", {"users": user_id})
            self._direct[user_id] = str(opened["channel"]["id"])
        return self._direct[user_id]

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
        posted = await self.api.call("chat.postMessage", {**message, **how})
        return Receipt(f"{posted['channel']}:{posted['ts']}")

    async def _edited(self, message: Mapping[str, Any]) -> bool:
        try:
            await self.api.call("chat.update", message)
        except Permanent as fault:
            if fault_code(fault) in NOT_EDITABLE:
                return False
            raise
        return True

    async def _change_view(self, outbound: Outbound, surface: str) -> Receipt:
        """Change an open modal. A closed one is no loss: the message that opened it has its own outbound."""
        view = modal(outbound, self.here.bot_name)
        try:
            await self.api.call("views.update", {"view_id": surface.removeprefix(VIEW), "view": view})
        except Permanent as fault:
            if fault_code(fault) in NO_VIEW:
                return Receipt()
            raise
        return Receipt(surface)

    async def _show_at_home(self, outbound: Outbound) -> Receipt:
        """Fill somebody's Home tab. Where it cannot be shown nothing is lost: it is shown when it is opened again."""
        try:
            await self.api.call("views.publish", {"user_id": outbound.to, "view": home(outbound)})
        except Permanent as fault:
            if fault_code(fault) in NO_HOME:
                return Receipt()
            raise
        return Receipt(outbound.replaces)

    async def _delete(self, ref: str) -> Receipt:
        """Try: Slack lets a bot delete its own messages, and a person's only with an administrator's token."""
        channel, _, timestamp = ref.rpartition(":")
        try:
            await self.api.call("chat.delete", {"channel": channel, "ts": timestamp})
        except DeliveryError as error:
            log.info("slack message not deleted: %s", reason(error))
        return Receipt()


def told_to(outbound: Outbound) -> str | None:
    """The person whose money an outbound may have news of, if it is for one and not the Home tab itself."""
    about_home = (outbound.replaces or "").startswith((HOME, VIEW)) or outbound.deletes is not None
    return None if about_home or outbound.keypad is not None else outbound.to

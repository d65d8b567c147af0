"""The methods of the Bot API that a bot for payments needs, as strict as Telegram's own."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from botpay.testing.telegram.content import keyboard_of, text_of
from botpay.testing.telegram.inline import offer
from botpay.testing.telegram.menu import commands_of, menu_key
from botpay.testing.telegram.people import Company, FakeGroup
from botpay.testing.telegram.webhook import Webhook
from botpay.testing.telegram.wire import ApiError, Params, bad_request
from botpay.testing.telegram.world import Deed, FakeMessage, Keyboard

MAX_ANSWER = 200
DELETABLE_SECONDS = 48 * 3600


Method = Callable[[Params], Awaitable[Any]]


class Methods:
    """One bot's methods. Each takes the parameters of a call, returns its result or raises `ApiError`."""

    def __init__(self, company: Company, webhook: Webhook) -> None:
        self._company = company
        self._world = company.world
        self._webhook = webhook
        self.menus: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._poll = 0

    def table(self) -> dict[str, Method]:
        """The methods by name in lower case: Telegram does not mind the case."""
        about_itself = [self.get_me, self.set_my_commands, self.get_my_commands]
        incoming = [self.get_updates, self.set_webhook, self.delete_webhook, self.get_webhook_info]
        outgoing = [self.send_message, self.edit_message_text, self.edit_message_reply_markup, self.delete_message]
        other = [self.get_chat, self.answer_callback_query, self.answer_inline_query]
        methods: list[Method] = [*about_itself, *incoming, *outgoing, *other]
        return {method.__name__.replace("_", ""): method for method in methods}

    async def get_me(self, _: Params) -> dict[str, Any]:
        """Who the bot is."""
        return self._company.bot | {
            "can_join_groups": True,
            "can_read_all_group_messages": not self._company.privacy,
            "supports_inline_queries": self._company.inline,
        }

    async def get_chat(self, params: Params) -> dict[str, Any]:
        """A chat that the bot knows."""
        gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
        return self._chat(params) | {
            "accent_color_id": 0,
            "max_reaction_count": 11,
            "accepted_gift_types": dict.fromkeys(gifts, False),
        }

    async def set_my_commands(self, params: Params) -> bool:
        """The commands that clients offer, to whom and in which language."""
        self.menus[menu_key(params)] = commands_of(params)
        return True

    async def get_my_commands(self, params: Params) -> list[dict[str, Any]]:
        """What was set for just that scope and language."""
        return self.menus.get(menu_key(params), [])

    async def get_updates(self, params: Params) -> list[dict[str, Any]]:
        """Long polling: an offset confirms all before it. A second call ends the first."""
        if self._webhook.url:
            raise ApiError(
                409,
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )
        updates = self._world.updates
        self._poll = mine = self._poll + 1
        updates.allow(params.structure("allowed_updates"))
        updates.confirm(params.integer("offset"))
        limit = min(max(params.integer("limit", 100), 1), 100)
        if not updates and params.integer("timeout") > 0:
            await self._wait_for_updates(mine, params.integer("timeout"))
        return updates.hand_out(limit)

    async def _wait_for_updates(self, mine: int, seconds: int) -> None:
        updates = self._world.updates
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not updates and self._poll == mine:
                    await updates.changed()
        if self._poll != mine:
            raise ApiError(
                409,
                "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
            )

    def end_poll(self) -> None:
        """Let a call that waits end."""
        self._poll += 1
        self._world.updates.wake()

    async def set_webhook(self, params: Params) -> bool:
        """Have updates posted to an https address."""
        self._webhook.set(params)
        self.end_poll()
        return True

    async def delete_webhook(self, params: Params) -> bool:
        """Go back to polling."""
        self._webhook.remove(drop_pending=params.flag("drop_pending_updates"))
        return True

    async def get_webhook_info(self, _: Params) -> dict[str, Any]:
        """How the webhook does."""
        return self._webhook.info()

    async def send_message(self, params: Params) -> dict[str, Any]:
        """A new message of the bot."""
        chat = self._chat(params)
        self._refuse_closed(chat)
        message = self._world.add(
            chat,
            self._company.bot,
            text_of(params),
            buttons=keyboard_of(params),
            protected=params.flag("protect_content"),
            extra=self._topic(int(chat["id"]), params),
        )
        self._world.note(Deed.SEND, message)
        return message.to_json()

    async def edit_message_text(self, params: Params) -> dict[str, Any] | bool:
        """Other words, and other buttons or none; also of a message that was sent through the bot."""
        if "inline_message_id" in params:
            self._change(self._card(params), text_of(params), keyboard_of(params))
            return True
        message = self._own_message(params)
        return self._change(message, text_of(params), keyboard_of(params))

    async def edit_message_reply_markup(self, params: Params) -> dict[str, Any]:
        """Other buttons or none under the same words."""
        message = self._own_message(params)
        return self._change(message, message.text, keyboard_of(params))

    async def delete_message(self, params: Params) -> bool:
        """One of the bot's; a person's in private, or in a group as an admin; for 48 hours."""
        chat = self._chat(params)
        message = self._world.find(int(chat["id"]), params.integer("message_id"))
        if message is None:
            raise bad_request("message to delete not found")
        group = self._company.groups.get(message.chat_id)
        is_allowed = message.is_bots or group is None or group.bot_is_admin
        if not is_allowed or self._world.now() - message.date > DELETABLE_SECONDS:
            raise bad_request("message can't be deleted")
        message.deleted = True
        self._world.note(Deed.DELETE, message)
        return True

    async def answer_callback_query(self, params: Params) -> bool:
        """Let the button that was pressed stop to spin."""
        press = self._company.presses.get(params.text("callback_query_id"))
        if press is None or press.answer is not None:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        if len(params.text("text")) > MAX_ANSWER:
            raise bad_request("MESSAGE_TOO_LONG")
        bots = f"https://t.me/{self._company.bot['username']}?start="
        if params.text("url") and not params.text("url").startswith(bots):
            raise bad_request("URL_INVALID")
        press.answer, press.url = params.text("text"), params.text("url")
        return True

    async def answer_inline_query(self, params: Params) -> bool:
        """Offer results for what somebody types."""
        query = self._company.queries.get(params.text("inline_query_id"))
        if query is None or query.is_answered:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        offer(query, params)
        return True

    def _card(self, params: Params) -> FakeMessage:
        message = self._company.cards.get(params.text("inline_message_id"))
        if message is None or message.deleted:
            raise bad_request("MESSAGE_ID_INVALID")
        return message

    def _chat(self, params: Params) -> dict[str, Any]:
        if not params.text("chat_id"):
            raise bad_request("chat_id is empty")
        try:
            chat_id = int(params.text("chat_id"))
        except ValueError:
            raise bad_request("chat not found") from None
        chat = self._company.groups.get(chat_id) or self._company.users.get(chat_id)
        if chat is None:
            raise bad_request("chat not found")
        return chat.to_json() if isinstance(chat, FakeGroup) else chat.chat_json()

    def _topic(self, chat_id: int, params: Params) -> dict[str, Any]:
        if "message_thread_id" not in params:
            return {}
        group, topic = self._company.groups.get(chat_id), params.integer("message_thread_id")
        if group is None or topic not in group.topics:
            raise bad_request("message thread not found")
        return {"is_topic_message": True, "message_thread_id": topic}

    def _refuse_closed(self, chat: dict[str, Any]) -> None:
        group = self._company.groups.get(int(chat["id"]))
        if group is not None:
            if group.became is not None:
                what = "group chat was upgraded to a supergroup chat"
                raise ApiError(400, f"Bad Request: {what}", migrate_to_chat_id=group.became)
            if not group.bot_is_member:
                raise ApiError(403, "Forbidden: bot was kicked from the supergroup chat")
            return
        user = self._company.users[int(chat["id"])]
        if user.has_blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        if not user.started:
            raise ApiError(403, "Forbidden: bot can't initiate conversation with a user")

    def _own_message(self, params: Params) -> FakeMessage:
        chat = self._chat(params)
        self._refuse_closed(chat)
        if not params.text("message_id"):
            raise bad_request("message identifier is not specified")
        message = self._world.find(int(chat["id"]), params.integer("message_id"))
        if message is None:
            raise bad_request("message to edit not found")
        if not message.is_bots:
            raise bad_request("message can't be edited")
        return message

    def _change(self, message: FakeMessage, text: str, buttons: Keyboard) -> dict[str, Any]:
        if (message.text, message.buttons) == (text, buttons):
            raise bad_request(
                "message is not modified: specified new message content and reply markup are exactly the same "
                "as a current content and reply markup of the message"
            )
        message.text, message.buttons = text, buttons
        message.edited_at = self._world.now()
        self._world.note(Deed.EDIT, message)
        return message.to_json()

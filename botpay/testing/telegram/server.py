"""`FakeTelegram`: the Bot API over real HTTP on loopback."""

import asyncio
import itertools
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from botpay.testing.telegram.methods import Methods
from botpay.testing.telegram.parameters import refuse_unknown
from botpay.testing.telegram.people import Company, FakeGroup, FakePress, FakeUser
from botpay.testing.telegram.trouble import Failure, Trouble
from botpay.testing.telegram.webhook import Webhook
from botpay.testing.telegram.wire import ApiError, Params
from botpay.testing.telegram.world import FakeMessage, Said, World

BOT_ID = 700700700


class FakeTelegram:
    """Telegram with one bot, on 127.0.0.1 and a port of its own.

    Args:
        bot_username: ends in "bot", as Telegram demands.
        token: what the bot has to show.
        privacy: the bot sees of groups only what is meant for it, as is Telegram's default.
        inline: inline mode is switched on (/setinline).
        feedback: the bot is told which results of inline mode people send (/setinlinefeedback).
        loopback_webhooks: also take http://127.0.0.1 as a webhook, which the real one refuses.
        clock: seconds since 1970.

    Attributes:
        trouble: what goes wrong, and how often it did.
        calls: the method, in lower case, and the parameters of each call.
        refusals: the method and the error code of each call that failed.
    """

    def __init__(
        self,
        *,
        bot_username: str = "SmoneyBot",
        token: str = f"{BOT_ID}:fake-token-of-a-fake-bot",
        privacy: bool = False,
        inline: bool = True,
        feedback: bool = True,
        loopback_webhooks: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        bot = {"id": BOT_ID, "is_bot": True, "first_name": "S-Money", "username": bot_username}
        self.token = token
        self.trouble = Trouble()
        self._company = Company(World(clock, self.trouble), bot, privacy, inline=inline, feedback=feedback)
        self._webhook = Webhook(self._company.world.updates, loopback=loopback_webhooks)
        self._methods = Methods(self._company, self._webhook)
        self._table = self._methods.table()
        self._user_ids = itertools.count(1001)
        self._group_ids = itertools.count(-1001000000001, -1)
        self._port = 0
        self._runner: web.AppRunner | None = None
        self._poster: asyncio.Task[None] | None = None
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refusals: list[tuple[str, int]] = []

    async def start(self) -> None:
        """Listen."""
        app = web.Application()
        app.router.add_route("*", "/bot{token}/{method}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._poster = asyncio.create_task(self._webhook.run(), name="fake telegram's webhook calls")

    async def stop(self) -> None:
        """Close everything."""
        if self._poster is not None:
            self._poster.cancel()
            with suppress(asyncio.CancelledError):
                await self._poster
        self._methods.end_poll()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def base_url(self) -> str:
        """What stands before the token in the address of each call."""
        return f"http://127.0.0.1:{self._port}/bot"

    @property
    def bot(self) -> dict[str, Any]:
        """The bot as the Bot API shows users."""
        return self._company.bot

    @property
    def history(self) -> list[Said]:
        """All that the bot sent, edited and deleted, oldest first."""
        return self._company.world.history

    @property
    def presses(self) -> list[FakePress]:
        """All presses, oldest first, and what the bot answered."""
        return list(self._company.presses.values())

    @property
    def webhook_url(self) -> str:
        """The webhook that is set, or ""."""
        return self._webhook.url

    @property
    def has_dropped_updates(self) -> bool:
        """Whether the bot ever asked to drop what waited for it."""
        return self._webhook.dropped

    @property
    def menus(self) -> dict[tuple[str, str], list[dict[str, Any]]]:
        """What setMyCommands set, by scope and language."""
        return self._methods.menus

    def user(
        self,
        username: str | None,
        *,
        id: int | None = None,  # noqa: A002 - the Bot API's word
        first_name: str | None = None,
        last_name: str | None = None,
        language_code: str | None = None,
        started: bool = True,
    ) -> FakeUser:
        """A new person, who has opened the private chat with the bot unless `started` is False."""
        user = FakeUser(
            id=next(self._user_ids) if id is None else id,
            first_name=first_name or (username or "Somebody").capitalize(),
            username=username,
            language_code=language_code,
            started=started,
            _company=self._company,
            last_name=last_name,
        )
        self._company.users[user.id] = user
        return user

    def group(self, title: str, *members: FakeUser, topics: tuple[int, ...] = ()) -> FakeGroup:
        """A new group of these people and the bot."""
        group = FakeGroup(next(self._group_ids), title, list(members), topics=topics)
        self._company.groups[group.id] = group
        return group

    def migrate(self, group: FakeGroup) -> FakeGroup:
        """The supergroup, with another id, that a group becomes; both chats are told (Bot API, Message)."""
        became = self.group(group.title, *group.members, topics=group.topics)
        group.became = became.id
        said = {"message_id": 1_000_000, "date": self._company.world.now()}
        self.push("message", said | {"chat": group.to_json(), "migrate_to_chat_id": became.id})
        self.push("message", said | {"chat": became.to_json(), "migrate_from_chat_id": group.id})
        return became

    def messages(self, chat: FakeGroup | FakeUser) -> list[FakeMessage]:
        """What stands in a group, or in a person's private chat with the bot, now."""
        return self._company.world.visible(chat.id)

    def push(self, kind: str, payload: dict[str, Any]) -> None:
        """An update of any kind and shape, if the bot allows its kind."""
        self._company.world.updates.add(kind, payload)

    def redeliver_last(self, user: FakeUser | None = None, kind: str | None = None) -> None:
        """Deliver the last update again, as after a confirmation that got lost.

        Args:
            user: the last one of this person.
            kind: the last one of this kind, such as "message" or "callback_query".

        Raises:
            LookupError: there was none.
        """
        self._company.world.updates.put_back(None if user is None else user.id, kind)

    async def delivered(self, within_seconds: float = 10) -> None:
        """Returns once the bot has confirmed all updates: by a later offset, or by a 2xx of its webhook.

        Raises `AssertionError` if it did not in that time.
        """
        updates = self._company.world.updates
        try:
            async with asyncio.timeout(within_seconds):
                while updates:
                    await updates.changed()
        except TimeoutError:
            how = self._webhook.info().get("last_error_message", "it did not ask with a later offset")
            raise AssertionError(f"{len(updates)} updates were not confirmed by the bot: {how}") from None

    def resolve(self, public_url: str, base_url: str) -> None:
        """Let the host of a webhook, as "https://pay.example", lead to a server on 127.0.0.1."""
        self._webhook.resolve(public_url, base_url)

    def fail_next(
        self,
        method: str,
        error_code: int,
        description: str,
        *,
        retry_after: int | None = None,
        after_effect: bool = False,
    ) -> None:
        """Let the next call of a method fail. After several calls of this the next several fail.

        Args:
            after_effect: do what was asked and fail then, as a server does that breaks before it answers.
        """
        self.trouble.fail_next(method, Failure(ApiError(error_code, description, retry_after), after_effect))

    def drop_next(self, method: str) -> None:
        """Let the next call of a method have its effect, and cut the connection instead of an answer."""
        self.trouble.fail_next(method, Failure(after_effect=True))

    def hang_next(self, method: str, seconds: float) -> None:
        """Let the next call of a method have its effect and be answered so late that its caller gave up."""
        self.trouble.fail_next(method, Failure(after_effect=True, hangs_seconds=seconds))

    def disturb(self, share: float, *, seed: int) -> None:
        """Let this share of calls fail (429, 5xx, lost answers), and of updates come twice or out of order."""
        self.trouble.disturb(share, seed)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except ApiError as error:
            self.refusals.append((request.match_info["method"].lower(), error.code))
            return error.to_response()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["token"] != self.token:
            raise ApiError(401, "Unauthorized")
        name = request.match_info["method"].lower()
        if name not in self._table:
            raise ApiError(404, "Not Found")
        params = await Params.read(request)
        refuse_unknown(name, params)
        self.calls.append((name, params.values))
        failure = self.trouble.of_call(name)
        if failure is None:
            return _ok(await self._table[name](params))
        result = await self._table[name](params) if failure.after_effect else None
        if failure.hangs_seconds:
            await asyncio.sleep(failure.hangs_seconds)
        if failure.error is not None:
            raise failure.error
        if request.transport is not None:
            request.transport.abort()
        return _ok(result)


def _ok(result: object) -> web.Response:
    return web.json_response({"ok": True, "result": result})

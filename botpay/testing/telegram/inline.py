"""Inline mode: what people type behind the bot's name in any chat, and what the bot offers them to send."""

import asyncio
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botpay.testing.telegram.content import keyboard_of, text_of
from botpay.testing.telegram.wire import Params, bad_request
from botpay.testing.telegram.world import Keyboard

if TYPE_CHECKING:
    from botpay.testing.telegram.people import FakeUser

MAX_RESULTS = 50
MAX_RESULT_ID_BYTES = 64

_START_PARAMETER = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class FakeResult:
    """What the bot offers: `title` and `description` are seen by who typed, `text` and `buttons` are what is sent."""

    id: str
    title: str
    description: str
    text: str
    buttons: Keyboard


@dataclass(eq=False, slots=True)
class FakeQuery:
    """What somebody typed so far, and the bot's answer.

    Attributes:
        results: what can be sent.
        opens_chat: the label and the start parameter of the button above the results, if there is one.
        cache_time, is_personal: for how long, and for whom, Telegram may show the answer again.
    """

    id: str
    user: "FakeUser"
    text: str
    results: list[FakeResult] = field(default_factory=list)
    opens_chat: tuple[str, str] | None = None
    cache_time: int = 300
    is_personal: bool = False
    _answered: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_answered(self) -> bool:
        """Whether the bot has answered; it can once."""
        return self._answered.is_set()

    async def answered(self, within_seconds: float = 10) -> list[FakeResult]:
        """The results once there are any to choose from. Raises `TimeoutError` if the bot does not answer."""
        async with asyncio.timeout(within_seconds):
            await self._answered.wait()
        return self.results

    def answer(self) -> None:
        """Let those who wait go on."""
        self._answered.set()


def offer(query: FakeQuery, params: Params) -> None:
    """Take the bot's answer to a query. Raises `ApiError` for what Telegram would not take."""
    given = params.structure("results")
    if not isinstance(given, list):
        raise bad_request("can't parse inline query results JSON object")
    if len(given) > MAX_RESULTS:
        raise bad_request("RESULTS_TOO_MUCH")
    results = [_result(item) for item in given]
    if len({result.id for result in results}) != len(results):
        raise bad_request("RESULT_ID_DUPLICATE")
    query.opens_chat = _button(params.structure("button"))
    query.cache_time = params.integer("cache_time", 300)
    query.is_personal = params.flag("is_personal")
    query.results = results
    query.answer()


def _result(given: dict[str, Any]) -> FakeResult:
    if given.get("type") != "article":
        raise bad_request("can't parse inline query result: only articles are known to this server")
    if not 1 <= len(str(given.get("id", "")).encode()) <= MAX_RESULT_ID_BYTES:
        raise bad_request("RESULT_ID_INVALID")
    if not given.get("title"):
        raise bad_request("ARTICLE_TITLE_EMPTY")
    content = given.get("input_message_content")
    if not isinstance(content, dict):
        raise bad_request("can't parse inline query result: Can't find field \"input_message_content\"")
    return FakeResult(
        id=str(given["id"]),
        title=str(given["title"]),
        description=str(given.get("description", "")),
        text=text_of(Params(content), "message_text"),
        buttons=keyboard_of(Params(given)),
    )


def _button(given: Any) -> tuple[str, str] | None:
    if given is None:
        return None
    text, parameter = str(given.get("text", "")), str(given.get("start_parameter", ""))
    if not text:
        raise bad_request("SWITCH_PM_TEXT_EMPTY")
    if not _START_PARAMETER.fullmatch(parameter):
        raise bad_request("START_PARAM_INVALID")
    return text, parameter

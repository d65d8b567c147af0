"""Answers what people type behind the bot's name in any chat, with the card that they may send there."""

import logging
from datetime import UTC, datetime

from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQuery,
    InlineQueryResultArticle,
    InlineQueryResultsButton,
    InputTextMessageContent,
    LinkPreviewOptions,
)

from botpay.adapters.base import Host
from botpay.adapters.telegram.cards import MOST_WORDS_BYTES, Cards
from botpay.adapters.telegram.limits import RateLimiter
from botpay.message import Draft

START_PAYLOAD = "open"

log = logging.getLogger(__name__)


class InlineMode:
    """Offers cards for one bot.

    What is typed is read at every key, so an answer that cannot go out at once is left out: the next key asks again,
    and payments do not wait behind strangers who type.
    """

    def __init__(self, bot: Bot, host: Host, limiter: RateLimiter, cards: Cards) -> None:
        self.cards = cards
        self._bot = bot
        self._host = host
        self._limiter = limiter

    async def answer(self, query: InlineQuery) -> None:
        """Offer a card, or say why there is none. A failure is only noted: nothing is at stake yet."""
        try:
            if self._limiter.spare():
                await self._answer(query)
        except Exception as error:  # noqa: BLE001 - whoever failed, the next key asks again
            log.info("a draft was not answered: %s", type(error).__name__)

    async def _answer(self, query: InlineQuery) -> None:
        now = datetime.now(UTC)
        draft = await self._host.draft(self.cards.typed(query, now), MOST_WORDS_BYTES)
        results = [self._result(draft, str(query.from_user.id), now)] if draft.words else []
        # What one person is shown is nobody else's, and it must not be shown again when it may no longer be so.
        await self._bot.answer_inline_query(
            query.id,
            results,
            cache_time=0,
            is_personal=True,
            button=None if results else InlineQueryResultsButton(draft.title, start_parameter=START_PAYLOAD),
        )

    def _result(self, draft: Draft, author_id: str, now: datetime) -> InlineQueryResultArticle:
        token = self.cards.token(draft.words, author_id, now)
        return InlineQueryResultArticle(
            token,
            draft.title,
            InputTextMessageContent(draft.card, link_preview_options=LinkPreviewOptions(is_disabled=True)),
            reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton(draft.button, callback_data=token)]]),
            description=draft.hint,
        )

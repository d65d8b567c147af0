"""Inline mode: "@bot 10 € ana", typed in any chat, becomes a card there, and its sender pays in private.

The bot need not be in that chat and sees nothing of it. What it has of a card is the id of its message, and what we put
behind its button and into the name of the result: a token that holds the sentence, when it was typed, and a MAC over
both and over who typed it. So nothing is stored for a card, and only its sender can go on with it: of anybody else, and
of a forger, the MAC is wrong. Sending the card and pressing its button are one event, so either of them may be missing
or come twice. The token is no key: all that it can do is to ask its own sender for a confirmation.
"""

import base64
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from telegram import CallbackQuery, ChosenInlineResult, InlineQuery, User

from botpay.adapters.telegram.translate import ADAPTER, actor
from botpay.message import Chat, Inbound, SecretText, Visibility

CARD = "card:"
"""Begins the id of a chat that is a card; the id of its inline message follows."""
TOKEN_BYTES = 64
"""The most that a button's data and a result's id may have (Bot API, InlineKeyboardButton, InlineQueryResult)."""
GOOD_FOR = timedelta(days=1)
"""A card that was not confirmed for so long begins no payment any more: who presses then means something else."""

_MAC_CHARACTERS = 11  # 66 bits; a guess costs a press of its victim's own
_TIME_CHARACTERS = 6  # seconds since 1970, in four bytes
MOST_WORDS_BYTES = TOKEN_BYTES - _MAC_CHARACTERS - _TIME_CHARACTERS
"""The room that a token has for the sentence."""


@dataclass(frozen=True, slots=True)
class Cards:
    """Reads and writes the tokens of one bot's cards.

    Args:
        secret: known to us alone, the same in all processes.
        me: the bot's names, for what is translated.
    """

    secret: bytes
    me: tuple[str, ...]
    tenant: str

    def typed(self, query: InlineQuery, now: datetime) -> Inbound:
        """What somebody has typed so far."""
        return self._said(query.from_user, query.query, now, "")

    def token(self, words: str, author_id: str, now: datetime) -> str:
        """What stands behind the button of a card, for its sender alone."""
        at = _in_base64(int(now.timestamp()).to_bytes(4))[:_TIME_CHARACTERS]
        return f"{self._mac(at, words, author_id)}{at}{words}"

    def chosen(self, result: ChosenInlineResult, now: datetime) -> Inbound | None:
        """What the sending of a card means. Telegram tells of it only if @BotFather was asked to, and not always."""
        return self._begun(result.from_user, result.result_id, result.inline_message_id, now)

    def pressed(self, query: CallbackQuery, now: datetime) -> Inbound | None:
        """What a press on a card means: the same as its sending if it is the sender's, else nothing."""
        return self._begun(query.from_user, query.data, query.inline_message_id, now)

    def _begun(self, user: User, token: str | None, card: str | None, now: datetime) -> Inbound | None:
        if not token or not card:
            return None
        given, at, words = _parts(token)
        typed_at = _moment(at)
        genuine = hmac.compare_digest(self._mac(at, words, str(user.id)).encode(), given.encode("utf-8", "replace"))
        if not genuine or typed_at is None or now > typed_at + GOOD_FOR:
            return None
        return self._said(user, words, typed_at, card)

    def _said(self, user: User, words: str, at: datetime, card: str) -> Inbound:
        return Inbound(
            adapter=ADAPTER,
            tenant=self.tenant,
            event_id=f"{CARD}{card}",
            chat=Chat(f"{CARD}{card}", Visibility.PUBLIC, card=True),
            author=actor(user, self.tenant),
            said_at=at,
            text=SecretText(words),
            me=self.me,
        )

    def _mac(self, at: str, words: str, author_id: str) -> str:
        said = f"card|{author_id}|{at}|{words}".encode("utf-8", "surrogatepass")
        return _in_base64(hmac.digest(self.secret, said, "sha256"))[:_MAC_CHARACTERS]


def _parts(token: str) -> tuple[str, str, str]:
    end = _MAC_CHARACTERS + _TIME_CHARACTERS
    return token[:_MAC_CHARACTERS], token[_MAC_CHARACTERS:end], token[end:]


def _moment(at: str) -> datetime | None:
    """When a card was typed; None for what no card of ours says."""
    try:
        return datetime.fromtimestamp(int.from_bytes(base64.urlsafe_b64decode(f"{at}==")), tz=UTC)
    except ValueError:
        return None


def _in_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()

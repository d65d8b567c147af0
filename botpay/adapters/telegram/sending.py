"""An `Outbound` to calls of the Bot API, and Telegram's errors to ours."""

from collections.abc import Awaitable
from typing import TypeVar

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions
from telegram import error as telegram_error
from telegram.error import BadRequest, ChatMigrated, TelegramError

from botpay.adapters.telegram.cards import CARD
from botpay.adapters.telegram.limits import Place, RateLimiter
from botpay.adapters.telegram.requests import FloodControl
from botpay.adapters.telegram.translate import TOPIC
from botpay.errors import DeliveryError, Forbidden, Permanent, RetryAfter, Transient, Unreachable
from botpay.message import Button, Outbound, Receipt, Visibility

Result = TypeVar("Result")

MOST_UNITS = 4096
"""The longest text of a message, in UTF-16 units (Bot API, sendMessage; MessageEntity counts so)."""
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_UNKNOWN = ("chat not found", "peer_id_invalid")
_GONE = ("message to edit not found", "message can't be edited", "message_id_invalid")


class Sender:
    """Delivers outbounds for one bot.

    Args:
        username: the bot's, for buttons that open the private chat with it.
    """

    def __init__(self, bot: Bot, limiter: RateLimiter, username: str) -> None:
        self._bot = bot
        self._limiter = limiter
        self.invite_url = f"https://t.me/{username}"
        self._open_chat = f"{self.invite_url}?start=open"

    async def send(self, outbound: Outbound) -> Receipt:
        """Deliver one outbound. Raises a `DeliveryError`."""
        if outbound.deletes is not None:
            return await self._delete(outbound.deletes)
        if outbound.visibility is Visibility.PUBLIC and (outbound.chat or "").startswith(CARD):
            return await self._rewrite(outbound, (outbound.chat or "").removeprefix(CARD))
        chat_id, topic = _target(outbound)
        edited = _message_in(outbound.replaces, chat_id)
        if edited is not None and await self._edit(outbound, chat_id, edited):
            return Receipt(outbound.replaces)
        return await self._send_new(outbound, chat_id, topic)

    async def answer(self, query_id: str, opens_chat: bool = False) -> None:
        """Tell Telegram that a press was taken, and to open the private chat if asked. Raises a `DeliveryError`."""
        await self._limiter.wait()
        url = self._open_chat if opens_chat else None
        fault = await self._outcome(self._bot.answer_callback_query(query_id, url=url))
        if isinstance(fault, TelegramError):
            raise _delivery_error(fault, Visibility.PRIVATE)

    async def _send_new(self, outbound: Outbound, chat_id: int, topic: int | None) -> Receipt:
        await self._limiter.wait(chat_id)
        sent = await self._outcome(
            self._bot.send_message(
                chat_id,
                _text(outbound),
                message_thread_id=topic,
                reply_markup=self._keyboard(outbound),
                link_preview_options=_NO_PREVIEW,
                protect_content=outbound.visibility is Visibility.PRIVATE and _asks(outbound),
            ),
            chat_id,
        )
        if isinstance(sent, ChatMigrated) and outbound.visibility is Visibility.PUBLIC:
            return await self._send_new(outbound, sent.new_chat_id, None)  # the group became a supergroup
        if topic is not None and isinstance(sent, TelegramError) and _says(sent, "message thread not found"):
            return await self._send_new(outbound, chat_id, None)  # the topic is gone, the group still listens
        if isinstance(sent, TelegramError):
            raise _delivery_error(sent, outbound.visibility)
        return Receipt(f"{sent.chat.id}:{sent.message_id}")

    async def _edit(self, outbound: Outbound, chat_id: int, message_id: int) -> bool:
        """Whether the message now reads as it should; False if it cannot be edited any more."""
        # An edit is no new message: it counts against the overall limit alone.
        await self._limiter.wait(place=chat_id)
        fault = await self._outcome(
            self._bot.edit_message_text(
                _text(outbound),
                chat_id,
                message_id,
                reply_markup=self._keyboard(outbound),
                link_preview_options=_NO_PREVIEW,
            ),
            chat_id,
        )
        if not isinstance(fault, TelegramError) or _says(fault, "message is not modified"):
            return True
        if _says(fault, *_GONE) or isinstance(fault, ChatMigrated):
            return False
        raise _delivery_error(fault, outbound.visibility)

    async def _rewrite(self, outbound: Outbound, card: str) -> Receipt:
        """Put a text in the place of a card's; that its sender took the card away is no error."""
        await self._limiter.wait(place=card)
        fault = await self._outcome(
            self._bot.edit_message_text(
                _text(outbound),
                inline_message_id=card,
                reply_markup=self._keyboard(outbound),
                link_preview_options=_NO_PREVIEW,
            ),
            card,
        )
        if isinstance(fault, TelegramError) and not _says(fault, "message is not modified", *_GONE):
            raise _delivery_error(fault, outbound.visibility)
        return Receipt()

    async def _delete(self, ref: str) -> Receipt:
        """Delete what a person wrote; that Telegram refuses it, as after 48 hours, is no error."""
        chat_id, message_id = _parse_ref(ref)
        if chat_id is None or message_id is None:
            return Receipt()
        await self._limiter.wait(place=chat_id)
        fault = await self._outcome(self._bot.delete_message(chat_id, message_id), chat_id)
        error = _delivery_error(fault, Visibility.PRIVATE) if isinstance(fault, TelegramError) else None
        if isinstance(error, RetryAfter | Transient):
            raise error
        return Receipt()

    async def _outcome(self, call: Awaitable[Result], place: Place | None = None) -> Result | TelegramError:
        """What Telegram answered, or what it objected.

        Errors become values here, so that what is raised afterwards does not carry Telegram's own as its context: their
        texts can hold the token, and the frames behind them the message.
        """
        try:
            return await call
        except FloodControl as fault:
            self._limiter.pause(place, fault.seconds)
            return fault
        except TelegramError as fault:
            return fault

    def _keyboard(self, outbound: Outbound) -> InlineKeyboardMarkup | None:
        keys = outbound.keypad.rows if outbound.keypad else ()
        rows = sorted((*keys, *outbound.buttons), key=lambda row: not any(button.url for button in row))
        return InlineKeyboardMarkup([[self._button(button) for button in row] for row in rows]) if rows else None

    def _button(self, button: Button) -> InlineKeyboardButton:
        if button.token is None:
            return InlineKeyboardButton(button.label, url=button.url or self._open_chat)
        return InlineKeyboardButton(button.label, callback_data=button.token)


def _text(outbound: Outbound) -> str:
    """Plain text: no parse mode is ever set, so nothing in it is mark-up."""
    if outbound.keypad is None or not outbound.keypad.shown:
        return outbound.text
    return f"{outbound.text}\n\n{outbound.keypad.shown}"


def _asks(outbound: Outbound) -> bool:
    """Whether it can be answered with a PIN or leads to where it can: such a message shall not be passed on."""
    return outbound.keypad is not None or any(button.url for row in outbound.buttons for button in row)


def _target(outbound: Outbound) -> tuple[int, int | None]:
    """The chat to write to, and the topic in it. A private outbound goes to a person's id, which is positive.

    Raises `Permanent` for what names no chat, and for a text that Telegram would not take.
    """
    if len(_text(outbound).encode("utf-16-le")) > 2 * MOST_UNITS:
        raise Permanent("the text is too long for a message of Telegram")
    is_private = outbound.visibility is Visibility.PRIVATE
    written, _, topic = (outbound.to or "", "", "") if is_private else (outbound.chat or "").partition(TOPIC)
    try:
        chat_id, thread = int(written), int(topic) if topic else None
    except ValueError:
        raise Permanent("a Telegram chat is named by its number") from None
    if is_private and chat_id <= 0:
        raise Permanent("a private outbound is for a person, and this is the id of a group")
    return chat_id, thread


def _message_in(ref: str | None, chat_id: int) -> int | None:
    """The message to edit if it stands in this very chat: what is private never replaces something public."""
    if ref is None:
        return None
    chat, message_id = _parse_ref(ref)
    return message_id if chat == chat_id else None


def _parse_ref(ref: str) -> tuple[int | None, int | None]:
    chat, _, message = ref.partition(":")
    try:
        return int(chat), int(message)
    except ValueError:
        return None, None


def _says(fault: TelegramError, *words: str) -> bool:
    return isinstance(fault, BadRequest) and any(word in fault.message.lower() for word in words)


def _delivery_error(fault: TelegramError, visibility: Visibility) -> DeliveryError:
    """Our error for Telegram's: what to do next. `BadRequest` is a `NetworkError` to the library, so it goes first."""
    match fault:
        case FloodControl():
            return RetryAfter(fault.seconds)
        case telegram_error.InvalidToken():
            return Forbidden("Telegram does not know this token")
        case telegram_error.Forbidden():
            return _closed(visibility)
        case BadRequest():
            return _closed(visibility) if _says(fault, *_UNKNOWN) else Permanent("Telegram refuses this message")
        case _:
            return Transient("Telegram could not be reached")


def _closed(visibility: Visibility) -> DeliveryError:
    if visibility is Visibility.PRIVATE:
        return Unreachable("this person never started the bot, blocked it or is gone")
    return Permanent("the bot may not write to this group any more")

"""An `Outbound` to calls of the Bot API, and Telegram's errors to ours."""

from collections.abc import Awaitable
from typing import TypeVar

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions
from telegram import error as telegram_error
from telegram.error import BadRequest, ChatMigrated, TelegramError

from botpay.adapters.telegram.limits import RateLimiter
from botpay.adapters.telegram.requests import FloodControl
from botpay.errors import DeliveryError, Forbidden, Permanent, RetryAfter, Transient, Unreachable
from botpay.message import Button, Outbound, Receipt, Visibility

Result = TypeVar("Result")

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
        self._open_chat = f"https://t.me/{username}?start=open"

    async def send(self, outbound: Outbound) -> Receipt:
        """Deliver one outbound. Raises a `DeliveryError`."""
        if outbound.deletes is not None:
            return await self._delete(outbound.deletes)
        chat_id = _target(outbound)
        edited = _message_in(outbound.replaces, chat_id)
        if edited is not None and await self._edit(outbound, chat_id, edited):
            return Receipt(outbound.replaces)
        return await self._send_new(outbound, chat_id)

    async def answer(self, query_id: str) -> None:
        """Tell Telegram that a press was taken. Raises a `DeliveryError`."""
        await self._limiter.wait()
        fault = await _outcome(self._bot.answer_callback_query(query_id))
        if isinstance(fault, TelegramError):
            raise _delivery_error(fault, Visibility.PRIVATE)

    async def _send_new(self, outbound: Outbound, chat_id: int) -> Receipt:
        await self._limiter.wait(chat_id)
        sent = await _outcome(
            self._bot.send_message(
                chat_id,
                _text(outbound),
                reply_markup=self._keyboard(outbound),
                link_preview_options=_NO_PREVIEW,
                protect_content=outbound.visibility is Visibility.PRIVATE and outbound.keypad is not None,
            )
        )
        if isinstance(sent, ChatMigrated) and outbound.visibility is Visibility.PUBLIC:
            return await self._send_new(outbound, sent.new_chat_id)  # the group became a supergroup
        if isinstance(sent, TelegramError):
            raise _delivery_error(sent, outbound.visibility)
        return Receipt(f"{sent.chat.id}:{sent.message_id}")

    async def _edit(self, outbound: Outbound, chat_id: int, message_id: int) -> bool:
        """Whether the message now reads as it should; False if it cannot be edited any more."""
        # An edit is no new message: it counts against the overall limit alone.
        await self._limiter.wait()
        fault = await _outcome(
            self._bot.edit_message_text(
                _text(outbound),
                chat_id,
                message_id,
                reply_markup=self._keyboard(outbound),
                link_preview_options=_NO_PREVIEW,
            )
        )
        if not isinstance(fault, TelegramError) or _says(fault, "message is not modified"):
            return True
        if _says(fault, *_GONE) or isinstance(fault, ChatMigrated):
            return False
        raise _delivery_error(fault, outbound.visibility)

    async def _delete(self, ref: str) -> Receipt:
        """Delete what a person wrote; that Telegram refuses it, as after 48 hours, is no error."""
        chat_id, message_id = _parse_ref(ref)
        if chat_id is None or message_id is None:
            return Receipt()
        await self._limiter.wait()
        fault = await _outcome(self._bot.delete_message(chat_id, message_id))
        error = _delivery_error(fault, Visibility.PRIVATE) if isinstance(fault, TelegramError) else None
        if isinstance(error, RetryAfter | Transient):
            raise error
        return Receipt()

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


def _target(outbound: Outbound) -> int:
    """The chat to write to. A private outbound goes to a person's id, which is positive, and nowhere else."""
    is_private = outbound.visibility is Visibility.PRIVATE
    written = outbound.to if is_private else outbound.chat
    try:
        chat_id = int(written or "")
    except ValueError:
        raise Permanent("a Telegram chat is named by its number") from None
    if is_private and chat_id <= 0:
        raise Permanent("a private outbound is for a person, and this is the id of a group")
    return chat_id


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


async def _outcome(call: Awaitable[Result]) -> Result | TelegramError:
    """What Telegram answered, or what it objected.

    Errors become values here, so that what is raised afterwards does not carry Telegram's own as its context: their
    texts can hold the token, and the frames behind them the message.
    """
    try:
        return await call
    except TelegramError as fault:
        return fault


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

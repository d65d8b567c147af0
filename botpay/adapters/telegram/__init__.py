"""Telegram, through the Bot API: `TelegramAdapter`.

Only the `Bot` class and the types of python-telegram-bot are used. Its Updater and Application confirm updates to
Telegram before anything is stored and drop their queue when stopped, so a crash would lose payments; the loop and
the webhook here confirm an update only after `receive` has returned.
"""

from botpay.adapters.telegram.adapter import TelegramAdapter
from botpay.adapters.telegram.settings import TelegramSettings

__all__ = ["TelegramAdapter", "TelegramSettings"]

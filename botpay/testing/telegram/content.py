"""What a message may hold: text and buttons, checked as Telegram checks them."""

import re
from typing import Any

from botpay.testing.telegram.entities import units
from botpay.testing.telegram.wire import Params, bad_request
from botpay.testing.telegram.world import FakeButton, Keyboard

MAX_TEXT = 4096
MAX_CALLBACK_BYTES = 64
MAX_BUTTONS = 100

_URL = re.compile(r"(?:https?|tg)://\S+")


def text_of(params: Params, name: str = "text") -> str:
    """The text of a message."""
    if params.text("parse_mode"):
        raise bad_request("unsupported parse_mode")  # this server knows plain text alone
    text = params.text(name).strip()
    if not text:
        raise bad_request("message text is empty")
    if units(text) > MAX_TEXT:
        raise bad_request("message is too long")
    return text


def keyboard_of(params: Params) -> Keyboard:
    """The inline keyboard under a message."""
    markup = params.structure("reply_markup")
    if markup is None:
        return ()
    rows = markup.get("inline_keyboard") if isinstance(markup, dict) else None
    if not isinstance(rows, list):
        raise bad_request("object expected as reply markup")
    if sum(map(len, rows)) > MAX_BUTTONS:
        raise bad_request("REPLY_MARKUP_TOO_LONG")
    return tuple(tuple(map(_button, row)) for row in rows if row)


def _button(button: dict[str, Any]) -> FakeButton:
    label, data, url = button.get("text"), button.get("callback_data"), button.get("url")
    if not label or not isinstance(label, str):
        raise bad_request('can\'t parse inline keyboard button: Field "text" must be of type String')
    if (data is None) == (url is None):
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if data is not None and not 1 <= len(data.encode()) <= MAX_CALLBACK_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")
    if url is not None and not _URL.fullmatch(url):
        raise bad_request("BUTTON_URL_INVALID")
    return FakeButton(label, data, url)

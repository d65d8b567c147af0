"""What Slack shows: an outbound as Block Kit, and a keypad as a modal.

Text goes into `plain_text` objects, in which a payee called "*bob*" or "_bob_" keeps every sign of the name; "&", "<"
and ">" are escaped, so nothing mentions, links or calls a channel (https://docs.slack.dev/messaging/formatting-message-text).
A button that opens a keypad carries it in its value; the button is pressed later, perhaps after a restart.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botpay.errors import Permanent
from botpay.message import Button, Keypad, Outbound

Block = dict[str, Any]

LINK = "link:"
"""Begins the action id of a button that opens a page. Slack tells of its presses too."""
OPEN_KEYPAD = "open_keypad"
"""The action id of the button that shows a keypad."""
DOTS = "dots"
"""The block id of the line that shows how many digits were entered."""
NO_DOTS = "○○○○○○"

# https://docs.slack.dev/reference/block-kit
MAX_SECTION = 3000
MAX_LABEL = 75
MAX_VALUE = 2000
MAX_TITLE = 24
MAX_ROW = 25


@dataclass(frozen=True, slots=True)
class Opening:
    """A press that asks to see a keypad: whose, in which message, and what the modal needs."""

    trigger_id: str
    keypad: Keypad
    text: Sequence[Block]


def escape(text: str) -> str:
    """Text with Slack's three control characters taken out of force."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fallback_text(outbound: Outbound) -> str:
    """The text for notifications and for readers without blocks."""
    return _short(outbound.text or " ", MAX_SECTION)


def message_blocks(outbound: Outbound) -> list[Block]:
    """The text, the buttons, and for a keypad the button that opens it. Raises `Permanent` if it cannot be shown."""
    addressed = [button for row in outbound.buttons for button in row if button.url is not None]
    links = [_link(button, number) for number, button in enumerate(addressed)]
    openers = [_opener(outbound.keypad)] if outbound.keypad else []
    ways = [*links, *openers]
    first = [_actions([{**ways[0], "style": "primary"}, *ways[1:]])] if ways else []
    return _sections(outbound.text) + first + _button_rows(outbound.buttons)


def modal(outbound: Outbound, title: str) -> Block:
    """The view that an outbound makes of an open modal: with keys, or only its last words."""
    if outbound.keypad is None:
        return _view(title, _sections(outbound.text) + _button_rows(outbound.buttons))
    return keypad_modal(outbound.keypad, _sections(outbound.text))


def home(outbound: Outbound) -> Block:
    """The view that an outbound makes of somebody's Home tab."""
    return {"type": "home", "blocks": _sections(outbound.text) + _button_rows(outbound.buttons)}


def keypad_modal(keypad: Keypad, text: Sequence[Block]) -> Block:
    """The view with the keys: the prompt's text, the dots, the rows."""
    dots = {"type": "section", "block_id": DOTS, "text": _plain(escape(keypad.shown or NO_DOTS))}
    return _view(keypad.title, [*text, dots, *_button_rows(keypad.rows)])


def action_of(payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What was pressed, if anything: Slack tells of one action at a time."""
    actions = payload.get("actions")
    action = actions[0] if isinstance(actions, list) and actions else None
    return action if isinstance(action, dict) else None


def read_opening(payload: Mapping[str, Any]) -> Opening | None:
    """The keypad that a press asks to see, or None if it asks for something else or is not of our making."""
    action = action_of(payload)
    if action is None or action.get("action_id") != OPEN_KEYPAD:
        return None
    try:
        title, rows, _ = json.loads(action["value"])
        keys = tuple(tuple(Button(str(label), str(token)) for label, token in row) for row in rows)
        text = [block for block in payload["message"]["blocks"] if block["type"] == "section"]
        return Opening(str(payload["trigger_id"]), Keypad(str(title), "", keys), _without_ids(text))
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def clear_token(opener_value: str) -> str | None:
    """What is sent back when the keys are shown anew: what was entered before is to be forgotten."""
    try:
        token = json.loads(opener_value)[2]
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        return None
    return token if isinstance(token, str) else None


def _without_ids(sections: Sequence[Block]) -> list[Block]:
    return [{"type": "section", "text": _plain(section["text"]["text"])} for section in sections]


def _opener(keypad: Keypad) -> Block:
    rows = [[[key.label, key.token] for key in row if key.token is not None] for row in keypad.rows]
    value = _json_without_markup([keypad.title, rows, keypad.clear_token])
    if len(value) > MAX_VALUE:
        raise Permanent(f"a keypad of {len(value)} characters does not fit behind a Slack button")
    return _button(keypad.open_label, OPEN_KEYPAD, value)


def _link(button: Button, number: int) -> Block:
    words = _plain(_short(button.label, MAX_LABEL))
    return {"type": "button", "action_id": f"{LINK}{number}", "text": words, "url": button.url}


def _json_without_markup(value: Any) -> str:
    """JSON in which Slack finds nothing to escape: it may hand back "&amp;" for an "&"."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _button_rows(rows: Sequence[Sequence[Button]]) -> list[Block]:
    """One block a row. A button without a token only opens the private chat, which Slack has no link for."""
    blocks = []
    for number, row in enumerate(rows):
        buttons = [
            _button(button.label, f"press:{number}:{place}", button.token)
            for place, button in enumerate(row)
            if button.token is not None
        ]
        blocks += [_actions(buttons[start : start + MAX_ROW]) for start in range(0, len(buttons), MAX_ROW)]
    return blocks


def _button(label: str, action_id: str, value: str) -> Block:
    return {"type": "button", "action_id": action_id, "text": _plain(_short(label, MAX_LABEL)), "value": value}


def _actions(buttons: list[Block]) -> Block:
    return {"type": "actions", "elements": buttons}


def _sections(text: str) -> list[Block]:
    return [{"type": "section", "text": _plain(part)} for part in _escaped_parts(text or " ", MAX_SECTION)]


def _escaped_parts(text: str, most: int) -> Iterator[str]:
    """The text, escaped, in parts of at most `most` characters; no escape is cut in two."""
    part: list[str] = []
    size = 0
    for sign in map(escape, text):
        if size + len(sign) > most:
            yield "".join(part)
            part, size = [], 0
        part.append(sign)
        size += len(sign)
    yield "".join(part)


def _short(text: str, most: int) -> str:
    """The text, escaped, cut with an ellipsis where it is too long."""
    first, *more = _escaped_parts(text, most)
    return next(_escaped_parts(text, most - 1)) + "…" if more else first


def _view(title: str, blocks: list[Block]) -> Block:
    return {"type": "modal", "title": _plain(_short(title, MAX_TITLE)), "close": _plain("OK"), "blocks": blocks}


def _plain(escaped: str) -> Block:
    # With "emoji" Slack would turn ":100:" in a name into a picture.
    return {"type": "plain_text", "text": escaped, "emoji": False}

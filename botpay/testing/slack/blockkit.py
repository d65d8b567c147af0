"""Block Kit as Slack checks it and as people see it (https://docs.slack.dev/reference/block-kit)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

Block = dict[str, Any]

MAX_MESSAGE_BLOCKS = 50
MAX_VIEW_BLOCKS = 100
KNOWN_BLOCKS = frozenset(
    {"section", "actions", "context", "divider", "header", "image", "input", "rich_text", "file", "video", "markdown"}
)


def unescape(text: str) -> str:
    """Text as people see it, from text as Slack keeps it."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def escape(text: str) -> str:
    """Text as Slack keeps it, from text as people type it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def visible_text(blocks: Sequence[Block], *, without: str | None = None) -> str:
    """What blocks say, a line each; `without` leaves out the block with that id."""
    said = []
    for block in blocks:
        if block.get("block_id") == without and without is not None:
            continue
        if block["type"] in ("section", "header") and "text" in block:
            said.append(unescape(block["text"]["text"]))
        said += [unescape(part["text"]) for part in block.get("fields", ()) if "text" in part]
        if block["type"] == "context":
            said += [unescape(part["text"]) for part in block["elements"] if isinstance(part.get("text"), str)]
    return "\n".join(said)


def buttons(blocks: Sequence[Block]) -> Iterator[tuple[Block, Block]]:
    """Each button with the block that holds it."""
    for block in blocks:
        elements = list(block.get("elements", ())) if block["type"] == "actions" else []
        elements += [block["accessory"]] if "accessory" in block else []
        for element in elements:
            if element.get("type") == "button":
                yield block, element


def message_faults(blocks: object) -> list[str]:
    """What Slack finds wrong with a message's blocks."""
    return _blocks_faults(blocks, MAX_MESSAGE_BLOCKS)


def view_faults(view: object, kind: str = "modal") -> list[str]:
    """What Slack finds wrong with a modal, or with a Home tab ("home")."""
    if not isinstance(view, dict):
        return ["must be an object [json-pointer:/view]"]
    faults = [] if view.get("type") == kind else ["unsupported type [json-pointer:/view/type]"]
    faults += _text_faults(view.get("title"), 24, "/view/title", plain=True) if kind == "modal" else []
    for name in ("close", "submit"):
        if name in view:
            faults += _text_faults(view[name], 24, f"/view/{name}", plain=True)
    for name, most in (("private_metadata", 3000), ("callback_id", 255)):
        if len(view.get(name) or "") > most:
            faults.append(f"must be less than {most + 1} characters [json-pointer:/view/{name}]")
    return faults + _blocks_faults(view.get("blocks"), MAX_VIEW_BLOCKS)


def _blocks_faults(blocks: object, most: int) -> list[str]:
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        return ["must be an array of objects [json-pointer:/blocks]"]
    faults = [f"no more than {most} items allowed [json-pointer:/blocks]"] if len(blocks) > most else []
    faults += _repeated([block.get("block_id") for block in blocks], "block_id", "/blocks")
    for number, block in enumerate(blocks):
        faults += _block_faults(block, f"/blocks/{number}")
    return faults


def _block_faults(block: Block, where: str) -> list[str]:
    kind = block.get("type")
    if kind not in KNOWN_BLOCKS:
        return [f"unsupported type: {kind} [json-pointer:{where}/type]"]
    faults = _length_faults(block, "block_id", 255, where)
    if kind == "header":
        faults += _text_faults(block.get("text"), 150, f"{where}/text", plain=True)
    if kind == "section" and ("text" in block or "fields" not in block):
        faults += _text_faults(block.get("text"), 3000, f"{where}/text")
    if kind == "actions":
        faults += _actions_faults(block.get("elements"), where)
    return faults


def _actions_faults(elements: object, where: str) -> list[str]:
    if not isinstance(elements, list) or not elements:
        return [f"must have at least one element [json-pointer:{where}/elements]"]
    faults = [f"no more than 25 items allowed [json-pointer:{where}/elements]"] if len(elements) > 25 else []
    faults += _repeated([element.get("action_id") for element in elements], "action_id", where)
    for number, element in enumerate(elements):
        if element.get("type") == "button":
            faults += _button_faults(element, f"{where}/elements/{number}")
    return faults


def _button_faults(button: Block, where: str) -> list[str]:
    faults = _text_faults(button.get("text"), 75, f"{where}/text", plain=True)
    for name, most in (("action_id", 255), ("value", 2000), ("url", 3000)):
        faults += _length_faults(button, name, most, where)
    if button.get("style", "primary") not in ("primary", "danger"):
        faults.append(f"unsupported style [json-pointer:{where}/style]")
    return faults


def _text_faults(text: object, most: int, where: str, *, plain: bool = False) -> list[str]:
    if not isinstance(text, dict) or text.get("type") not in ("plain_text", *(() if plain else ("mrkdwn",))):
        return [f"must be a text object [json-pointer:{where}]"]
    words = text.get("text")
    if not isinstance(words, str) or not words:
        return [f"must be more than 0 characters [json-pointer:{where}/text]"]
    if text["type"] == "mrkdwn" and "emoji" in text:
        return [f"emoji is for plain_text only [json-pointer:{where}/emoji]"]
    return [f"must be less than {most + 1} characters [json-pointer:{where}/text]"] if len(words) > most else []


def _length_faults(owner: Block, name: str, most: int, where: str) -> list[str]:
    value = owner.get(name, "")
    if isinstance(value, str) and len(value) <= most:
        return []
    return [f"must be less than {most + 1} characters [json-pointer:{where}/{name}]"]


def _repeated(ids: Sequence[str | None], name: str, where: str) -> list[str]:
    counted = Counter(id_ for id_ in ids if id_ is not None)
    return [f"{name} is used twice [json-pointer:{where}]" for count in counted.values() if count > 1]

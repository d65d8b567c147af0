"""The menus of commands, as setMyCommands checks them."""

import re
from typing import Any

from botpay.testing.telegram.wire import Params, bad_request

MAX_COMMANDS = 100

_COMMAND = re.compile(r"[a-z0-9_]{1,32}", re.ASCII)
_LANGUAGE = re.compile(r"(?:[a-z]{2})?", re.ASCII)
_SCOPES = ("default", "all_private_chats", "all_group_chats", "all_chat_administrators")


def menu_key(params: Params) -> tuple[str, str]:
    """For whom a menu is: scope and language, "" for all languages without one of their own."""
    scope = params.structure("scope") or {"type": "default"}
    if not isinstance(scope, dict) or scope.get("type") not in _SCOPES:
        raise bad_request("unsupported scope specified")
    if not _LANGUAGE.fullmatch(params.text("language_code")):
        raise bad_request("invalid language code specified")
    return str(scope["type"]), params.text("language_code")


def commands_of(params: Params) -> list[dict[str, Any]]:
    """The commands of a menu."""
    commands = params.structure("commands")
    if not isinstance(commands, list) or len(commands) > MAX_COMMANDS:
        raise bad_request("can't parse commands JSON object")
    for command in commands:
        if not _COMMAND.fullmatch(str(command.get("command", ""))):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(str(command.get("description", ""))) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return commands

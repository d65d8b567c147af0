"""The menu of commands that Telegram's clients offer, in each language, for private chats and for groups."""

from collections.abc import AsyncIterator, Mapping, Sequence

from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
)

from botpay.message import MenuItem

Menus = Mapping[str, Sequence[MenuItem]]
"""By language; "" is for all languages that have none of their own."""


async def set_menus(bot: Bot, menus: Menus) -> None:
    """Set the menus that are not as they should be. Raises what the client library raises."""
    async for scope, language, wanted in _changed(bot, menus):
        await bot.set_my_commands(wanted, scope=scope, language_code=language or None)


async def are_set(bot: Bot, menus: Menus) -> bool:
    """Whether all menus are as they should be."""
    async for _ in _changed(bot, menus):
        return False
    return True


async def _changed(bot: Bot, menus: Menus) -> AsyncIterator[tuple[BotCommandScope, str, list[BotCommand]]]:
    for language, items in menus.items():
        for scope in (BotCommandScopeAllPrivateChats(), BotCommandScopeAllGroupChats()):
            in_groups = isinstance(scope, BotCommandScopeAllGroupChats)
            wanted = [BotCommand(item.command, item.does) for item in items if item.public or not in_groups]
            if list(await bot.get_my_commands(scope=scope, language_code=language or None)) != wanted:
                yield scope, language, wanted

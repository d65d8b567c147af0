"""What an operator should mend, by what Telegram says of the bot; each as a sentence with its remedy."""

from collections.abc import Sequence

from telegram import Bot, WebhookInfo

from botpay.adapters.telegram.menu import Menus, are_set
from botpay.adapters.telegram.settings import TelegramSettings


async def faults_found(bot: Bot, settings: TelegramSettings, kinds: Sequence[str], menus: Menus) -> list[str]:
    """Ask Telegram about an initialized bot. Raises what the client library raises.

    Args:
        kinds: of the updates that it needs.
    """
    return [
        *_privacy_faults(bot),
        *_inline_faults(bot, settings),
        *_delivery_faults(await bot.get_webhook_info(), settings, kinds),
        *(
            []
            if await are_set(bot, menus)
            else ["The menu of commands is not the current one: start botpay, it sets it."]
        ),
    ]


def _privacy_faults(bot: Bot) -> list[str]:
    if bot.can_read_all_group_messages:
        return []
    return [
        "Privacy mode hides #envoyer from the bot in groups; only /envoyer reaches it there. Send /setprivacy to "
        "@BotFather, choose Disable, then remove the bot from its groups and add it again; or make it an admin."
    ]


def _inline_faults(bot: Bot, settings: TelegramSettings) -> list[str]:
    if bot.supports_inline_queries or not settings.inline:
        return []
    return [
        f"Inline mode is off: @{bot.username} 10 € name offers nothing in other chats. Send /setinline to @BotFather "
        "and give a hint such as 10 € name, then /setinlinefeedback, Enabled; or set inline = false."
    ]


def _delivery_faults(info: WebhookInfo, settings: TelegramSettings, kinds: Sequence[str]) -> list[str]:
    if settings.mode == "polling":
        return _polling_faults(info)
    faults = []
    if not info.url:
        faults.append("No webhook is set: set telegram.public_url and start botpay, or call setWebhook yourself.")
    elif settings.webhook_url not in (None, info.url):
        faults.append(
            f"Telegram sends updates to {info.url} and not to telegram.public_url: start botpay again, which sets it."
        )
    missing = sorted(set(kinds) - set(info.allowed_updates or kinds))
    if info.url and missing:
        faults.append(f"The webhook leaves out {', '.join(missing)}: start botpay again, or set allowed_updates.")
    if info.last_error_message:
        faults.append(f"Telegram's last call of the webhook failed: {info.last_error_message}")
    return faults


def _polling_faults(info: WebhookInfo) -> list[str]:
    if not info.url:
        return []
    return [
        f"A webhook is set for this bot, {info.url}, while telegram.mode is polling: if no other server uses this "
        "token, start botpay, which removes it."
    ]

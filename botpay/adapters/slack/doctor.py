"""What an operator should mend: `botpay doctor` on Slack."""

from botpay.adapters.slack.api import SlackApi, reason
from botpay.adapters.slack.settings import SCOPES, SlackSettings, revealed
from botpay.errors import DeliveryError, Permanent


async def examine(settings: SlackSettings) -> list[str]:
    """Whether Slack takes the tokens of settings that have no faults, and which scopes the bot token lacks."""
    found = []
    if settings.mode == "socket":
        found += await _app_token(settings)
    if not settings.for_many:
        found += await _bot_token(settings)
    elif not settings.public_url.startswith("https://"):
        found.append("slack.public_url must begin with https://: Slack sends nobody back to anything else.")
    return found


async def _bot_token(settings: SlackSettings) -> list[str]:
    try:
        async with SlackApi(revealed(settings.bot_token), settings.base_url) as api:
            _, granted = await api.introduce()
    except DeliveryError as error:
        return [f"slack.bot_token does not work: {error}. Copy it from OAuth & Permissions."]
    return [
        f"The Slack bot token lacks the scope {scope}, {why}: add it under OAuth & Permissions and reinstall."
        for scope, why in SCOPES.items()
        if scope not in granted
    ]


async def _app_token(settings: SlackSettings) -> list[str]:
    """A connection is asked for and left unused; Slack forgets it."""
    try:
        async with SlackApi(revealed(settings.app_token), settings.base_url) as api:
            await api.call("apps.connections.open", {})
    except Permanent as error:
        return [f"slack.app_token does not work: {reason(error)}. Is Socket Mode switched on?"]
    except DeliveryError as error:
        return [f"slack.app_token does not work: {error}. It begins with xapp- and has the scope connections:write."]
    return []

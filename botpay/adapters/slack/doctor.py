"""What an operator should mend: `botpay doctor` on Slack."""

from botpay.adapters.base import Host
from botpay.adapters.slack.api import SlackApi, reason
from botpay.adapters.slack.install import INSTALL
from botpay.adapters.slack.settings import SCOPES, SlackSettings, revealed
from botpay.adapters.slack.workspaces import GRANT, Grant
from botpay.errors import DeliveryError, Permanent


async def examine(settings: SlackSettings, host: Host | None) -> list[str]:
    """Whether Slack takes the tokens of settings that have no faults, and which scopes the bot tokens lack."""
    found = []
    if settings.mode == "socket":
        found += await _app_token(settings)
    if not settings.for_many:
        token, remedy = revealed(settings.bot_token), "Copy it from OAuth & Permissions"
        return found + await _bot_token("slack.bot_token", token, settings, remedy)
    if not settings.public_url.startswith("https://"):
        found.append("slack.public_url must begin with https://: Slack sends nobody back to anything else.")
    tenants = await host.tenants(GRANT) if host else []
    for tenant in tenants:
        if host and (kept := await host.kept(tenant, GRANT)) is not None:
            remedy = f"Install the app there again, at {settings.public_url}{INSTALL}"
            found += await _bot_token(f"The token of {tenant}", Grant.unpacked(kept).token.reveal(), settings, remedy)
    return found


async def _bot_token(named: str, token: str, settings: SlackSettings, remedy: str) -> list[str]:
    try:
        async with SlackApi(token, settings.base_url) as api:
            _, granted = await api.introduce()
    except DeliveryError as error:
        return [f"{named} does not work: {error}. {remedy}."]
    return [
        f"{named} lacks the scope {scope}, {why}: add it under OAuth & Permissions. {remedy}."
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

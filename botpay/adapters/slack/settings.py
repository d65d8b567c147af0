"""What an operator sets for Slack, and what the app must be allowed there (docs/slack-manifest.json says the same)."""

from typing import Literal

from pydantic import SecretStr

from botpay.adapters.base import AdapterSettings

SCOPES = {
    "app_mentions:read": "to see messages that mention the bot",
    "channels:history": "to see commands in the public channels it was invited to",
    "chat:write": "to answer",
    "commands": "to offer slash commands",
    "groups:history": "to see commands in the private channels it was invited to",
    "im:history": "to see what people write to it alone",
    "im:write": "to begin a private conversation",
    "users:read": "to know what people are called",
}
"""The scopes that the bot token needs, each with its reason."""
EVENTS = ("app_mention", "message.channels", "message.groups", "message.im")
"""The events that the app subscribes to."""
COMMANDS = {"/envoyer": "/aide", "/pay": "/help"}
"""The slash commands that the app offers, each with what it means alone or before "help"."""


class SlackSettings(AdapterSettings):
    """The section of botpay.toml for Slack.

    Attributes:
        bot_token: "xoxb-...", from OAuth & Permissions.
        signing_secret: from Basic Information; needed for mode "http".
        app_token: "xapp-...", with the scope connections:write; needed for mode "socket".
        mode: whether Slack calls us, or we connect to Slack and need no public address.
        path: the path of the Request URL for events, slash commands and interactivity.
        base_url: of the Web API.
    """

    bot_token: SecretStr
    signing_secret: SecretStr | None = None
    app_token: SecretStr | None = None
    mode: Literal["http", "socket"] = "http"
    path: str = "/slack/events"
    base_url: str = "https://slack.com/api/"

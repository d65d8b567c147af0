"""What an operator sets for Slack, and what the app must be allowed there (docs/slack-manifest.json says the same)."""

from typing import Literal

from pydantic import Field, SecretStr

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
EVENTS = (
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "message.channels",
    "message.groups",
    "message.im",
    "tokens_revoked",
)
"""The events that the app subscribes to."""
COMMANDS = {"/envoyer": "/aide", "/pay": "/help"}
"""The slash commands that the app offers, each with what it means alone or before "help"."""


class SlackSettings(AdapterSettings):
    """The section of botpay.toml for Slack.

    Attributes:
        bot_token: "xoxb-...", from OAuth & Permissions: for one workspace.
        client_id, client_secret: from Basic Information, in place of a bot token: any workspace may install the app,
            at `public_url`/slack/install.
        public_url: where people's browsers reach botpay's web server, such as "https://pay.example.org".
        signing_secret: from Basic Information; needed for mode "http".
        app_token: "xapp-...", with the scope connections:write; needed for mode "socket".
        mode: whether Slack calls us, or we connect to Slack and need no public address.
        path: the path of the Request URL for events, slash commands and interactivity.
        base_url: of the Web API.
    """

    bot_token: SecretStr | None = None
    client_id: str = ""
    client_secret: SecretStr | None = None
    public_url: str = Field(default="", pattern=r"^(https?://[^\s?#]+)?$")
    signing_secret: SecretStr | None = None
    app_token: SecretStr | None = None
    mode: Literal["http", "socket"] = "http"
    path: str = "/slack/events"
    base_url: str = "https://slack.com/api/"

    @property
    def for_many(self) -> bool:
        """Whether any workspace may install the app."""
        return bool(self.client_id)

    @property
    def site(self) -> str:
        """Where people's browsers find Slack."""
        return self.base_url.removesuffix("api/")

    def faults(self) -> list[str]:
        """What is missing or contradicts itself, each as a sentence with its remedy."""
        found = []
        if self.for_many:
            if not _told(self.client_secret):
                found.append("slack.client_secret is needed beside client_id: copy it from Basic Information.")
            if not self.public_url:
                found.append("slack.public_url is needed beside client_id: where browsers reach botpay's web server.")
            if _told(self.bot_token):
                found.append("slack.bot_token is for one workspace and client_id for many: take one of them out.")
        elif not _told(self.bot_token):
            found.append("slack.bot_token is needed: copy it from OAuth & Permissions.")
        if self.mode == "http" and not _told(self.signing_secret):
            found.append("slack.signing_secret is needed for mode http: copy it from Basic Information.")
        if self.mode == "socket" and not _told(self.app_token):
            found.append("slack.app_token is needed for mode socket: make one with the scope connections:write.")
        return found


def _told(secret: SecretStr | None) -> bool:
    return bool(secret and secret.get_secret_value().strip())


def revealed(secret: SecretStr | None) -> str:
    """A secret that `faults` has found to be there."""
    return secret.get_secret_value() if secret else ""

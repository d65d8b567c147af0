"""What an operator sets for Telegram, and what is wrong with it."""

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import ConfigDict, SecretStr

from botpay.adapters.base import AdapterSettings

API = "https://api.telegram.org/bot"

_SECRET = re.compile(r"[A-Za-z0-9_-]{16,256}", re.ASCII)


class TelegramSettings(AdapterSettings):
    """The `[adapters.telegram]` section.

    Attributes:
        token: as @BotFather gave it.
        mode: "polling" asks Telegram for updates; "webhook" lets Telegram call `webhook_path`.
        webhook_secret: what Telegram proves itself with on each call: 16 to 256 of A-Z a-z 0-9 _ -
            (the Bot API allows less). Required for webhooks.
        public_url: the https address under which the world reaches this server; with it the webhook is set at
            start, without it an operator sets it.
        base_url: the Bot API server up to and including "/bot": Telegram's own, a local one or a fake.
        inline: offer payments in any chat by "@bot 10 € name", where @BotFather has switched inline mode on.
        tenant: names this bot among several of one installation.
    """

    # A refused section must not print the token it came with.
    model_config = ConfigDict(hide_input_in_errors=True)

    token: SecretStr
    mode: Literal["polling", "webhook"] = "polling"
    webhook_secret: SecretStr | None = None
    webhook_path: str = "/telegram"
    public_url: str | None = None
    base_url: str = API
    inline: bool = True
    tenant: str = "main"

    @property
    def webhook_url(self) -> str | None:
        """Where Telegram is told to send updates, if we tell it."""
        return None if self.public_url is None else self.public_url.rstrip("/") + self.webhook_path


def faults_of(settings: TelegramSettings) -> Sequence[str]:
    """What can be seen to be wrong without asking Telegram, each as a sentence with its remedy."""
    faults = []
    if not settings.token.get_secret_value():
        faults.append("telegram.token is empty: set it to the token that @BotFather gave for this bot.")
    if not settings.webhook_path.startswith("/"):
        faults.append('telegram.webhook_path must begin with "/", as in "/telegram".')
    if settings.public_url is not None and not settings.public_url.startswith("https://"):
        faults.append("telegram.public_url must begin with https://, since Telegram calls no other address.")
    if settings.mode == "webhook":
        faults += _secret_faults(settings.webhook_secret)
    return faults


def _secret_faults(secret: SecretStr | None) -> list[str]:
    if secret is None:
        return ["telegram.webhook_secret is missing: without it anybody could post messages in other people's names."]
    if not _SECRET.fullmatch(secret.get_secret_value()):
        return ["telegram.webhook_secret must be 16 to 256 characters out of A-Z, a-z, 0-9, _ and -."]
    return []

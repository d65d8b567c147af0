"""What an operator sets for signed webhooks: a tenant for each client, with its secrets and its address."""

import base64
import binascii
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from botpay.adapters.base import AdapterSettings

PREFIX = "whsec_"
_FEWEST_BYTES, _MOST_BYTES = 24, 64  # as Standard Webhooks has it
_OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def key_of(secret: SecretStr) -> bytes:
    """The bytes that a secret stands for."""
    return base64.b64decode(secret.get_secret_value().removeprefix(PREFIX), validate=True)


def _is_secret(secret: SecretStr) -> SecretStr:
    try:
        length = len(key_of(secret)) if secret.get_secret_value().startswith(PREFIX) else 0
    except (binascii.Error, ValueError):
        length = 0
    if not _FEWEST_BYTES <= length <= _MOST_BYTES:
        raise ValueError('must be "whsec_" and 24 to 64 bytes in base64; `echo "whsec_$(openssl rand -base64 32)"`')
    return secret


def _is_safe(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _OWN_MACHINE):
        raise ValueError("must begin with https://, for it is told what people are told; http:// only on this machine")
    return url


Secret = Annotated[SecretStr, AfterValidator(_is_secret)]
TenantName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,64}$")]


class Tenant(AdapterSettings):
    """One client, which speaks for the people of its platform.

    Attributes:
        url: where what the bot says is posted.
        secrets: what both sides sign with; the client may use any, botpay signs with all. Two while one is replaced.
        me: the bot's names on that platform, without "@".
    """

    url: Annotated[str, AfterValidator(_is_safe)]
    secrets: tuple[Secret, ...] = Field(min_length=1, max_length=5)
    me: tuple[str, ...] = ("botpay",)

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The bytes of the secrets, in order."""
        return tuple(map(key_of, self.secrets))


class WebhookSettings(AdapterSettings):
    """The `[adapters.webhook]` section: a `[adapters.webhook.tenants.NAME]` for each client.

    Attributes:
        tenants: who signed decides which tenant speaks, so no two share a secret.
        timeout_seconds: how long a client may take to answer.
    """

    tenants: dict[TenantName, Tenant] = Field(min_length=1)
    timeout_seconds: float = Field(default=10, gt=0, le=60)

    @model_validator(mode="after")
    def _secrets_tell_who_speaks(self) -> "WebhookSettings":
        keys = list(self._all_keys())
        if len(set(keys)) < len(keys):
            raise ValueError("two secrets are the same; each tells which tenant speaks, so make new ones")
        return self

    def _all_keys(self) -> Iterator[bytes]:
        for tenant in self.tenants.values():
            yield from tenant.keys

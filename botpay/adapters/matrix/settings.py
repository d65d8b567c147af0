"""What an operator sets for Matrix."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from botpay.adapters.base import AdapterSettings

_OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def _is_safe(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _OWN_MACHINE):
        raise ValueError("must begin with https://, for the token goes there; http:// only on this machine")
    return url.rstrip("/")


class MatrixSettings(AdapterSettings):
    """The `[adapters.matrix]` section.

    Attributes:
        homeserver: its address for clients.
        access_token: of the bot's own account.
        tenant: names this bot among several of one installation.
        invited_by: whose invitations are accepted: people ("@ana:example.org") and whole servers ("example.org");
            anybody's, if empty.
        typed_pin: whether a PIN may be typed in a direct room. Servers keep what is typed there even when it is
            redacted; leave it off where the confirmation page is set up.
    """

    homeserver: Annotated[str, AfterValidator(_is_safe)]
    access_token: SecretStr
    tenant: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,64}$")] = "main"
    invited_by: tuple[str, ...] = ()
    typed_pin: bool = False
    timeout_seconds: float = Field(default=15, gt=0, le=60)

    def welcomes(self, user_id: str) -> bool:
        """Whether an invitation by somebody is accepted."""
        server = user_id.partition(":")[2]
        return not self.invited_by or user_id in self.invited_by or server in self.invited_by

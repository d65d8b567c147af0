"""The contract of an adapter: a translator that does not know it is about money.

docs/adapters.md teaches it; `botpay.testing.contract.AdapterContract` tests it.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import ClassVar, Protocol

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from botpay.errors import ConfigError
from botpay.message import Capabilities, Draft, Inbound, MenuItem, Outbound, Receipt, SecretText

CONTRACT = 1
"""The version of this contract. It is raised when an adapter written for the one before would no longer be right."""

Receive = Callable[[Inbound], Awaitable[None]]
"""Hands one inbound to the core. Returns when it is committed; raises `Busy` or `StorageUnavailable` when nothing
was done, and then the adapter lets its platform deliver again; `Conflict` if `contents` says that an id came before."""


class AdapterSettings(BaseModel):
    """The adapter's own section of botpay.toml, its secrets as pydantic's `SecretStr`.

    Unknown settings are refused; what was refused is never printed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Host(Protocol):
    """What the core does for adapters besides receiving. An adapter that needs none of it leaves `meet` alone."""

    async def alone(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` in one process of the installation at a time, as platforms demand that deliver to one caller.

        Returns when `work` does. While another process has its turn this waits; where the turn is lost, `work` is
        cancelled and run again at the next one, so that nothing it had not confirmed may be taken for done.

        Args:
            what: names the work, over all adapters and tenants.
        """
        ...

    async def kept(self, tenant: str, name: str) -> SecretText | None:
        """What this adapter kept for a tenant under a name, in this process or another; None if nothing is."""
        ...

    async def keep(self, tenant: str, name: str, secret: SecretText) -> None:
        """Keep a secret that the platform gave, sealed and audited, in the place of an earlier one.

        Returns once it is committed. Tenant and name are kept in the clear: they say what it is and are no secrets.
        """
        ...

    async def forget(self, tenant: str, name: str) -> bool:
        """Keep it no longer. Whether it was kept until now: of several who forget it at once, one is told so."""
        ...

    async def tenants(self, name: str) -> list[str]:
        """For whom this adapter keeps something under a name, in order."""
        ...

    def menus(self) -> Mapping[str, Sequence[MenuItem]]:
        """The commands to offer, by language ("fr"); under "" those for all other languages."""
        ...

    async def draft(self, typed: Inbound, most_bytes: int) -> Draft:
        """What a payment that its author is still typing would be; nothing is written, and nothing promised.

        Raises `StorageUnavailable` when that cannot be known now.

        Args:
            typed: the text so far, in a public chat; the verb and the "@" of a known name may be missing.
            most_bytes: the room for `Draft.words`, in UTF-8.
        """
        ...


class Adapter(ABC):
    """One platform.

    The core calls `start` once, then `send` for each outbound, at most one at a time per person or chat, and `stop`
    once. An adapter calls `receive` for each thing that a person did and acknowledges to its platform only
    after `receive` has returned.

    Attributes:
        contract: the `CONTRACT` that it was written for, as a number of its own: `contract = 1`.
        name: its section of botpay.toml, its entry point, and the first part of every identity; never changes.
        Settings: what its section may hold.
        capabilities: what the platform can do through it.
    """

    contract: ClassVar[int]
    name: ClassVar[str]
    Settings: ClassVar[type[AdapterSettings]] = AdapterSettings
    capabilities: ClassVar[Capabilities]

    def meet(self, host: Host) -> None:  # noqa: B027 - most adapters need nothing of it
        """Called once, before `start` and `check`, with what the core lends."""

    def link(self, payload: str) -> str | None:  # noqa: ARG002 - for those that have one
        """An address that opens the private chat and says "/start payload" there, if the platform has such.

        Args:
            payload: at most 64 of A-Z a-z 0-9 _ -, and nothing that could be guessed: links get passed on.
        """
        return None

    def routes(self) -> Sequence[web.RouteDef]:
        """The HTTP routes that the platform calls, if any."""
        return ()

    @property
    def invite_url(self) -> str | None:
        """An address that opens the private chat with the bot, for people to pass on; None if there is none yet."""
        return None

    @abstractmethod
    async def start(self, receive: Receive) -> None:
        """Connect and begin to receive. Returns once ready; raises `ConfigError` if the settings do not work."""

    @abstractmethod
    async def send(self, outbound: Outbound) -> Receipt:
        """Deliver one outbound. Raises a `DeliveryError` of the kind that says what to do next."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop receiving, let what is under way finish, disconnect."""

    async def check(self) -> Sequence[str]:
        """What an operator should mend, each as a sentence with its remedy; empty if all is well."""
        return ()


def require_contract(kind: type[Adapter]) -> None:
    """Raises `ConfigError` if an adapter was not written for this version of the contract."""
    written_for = getattr(kind, "contract", None)
    if written_for != CONTRACT:
        said = "does not say for which contract" if written_for is None else f"was written for contract {written_for}"
        raise ConfigError(
            f"{kind.__module__}:{kind.__name__} {said}, and this botpay keeps contract {CONTRACT} (botpay.adapters"
            f".base.CONTRACT): install the version of the adapter that goes with this botpay"
        )

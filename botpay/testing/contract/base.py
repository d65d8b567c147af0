"""What the parts of the contract share: the adapter on its platform with a core that only notes, and `cannot`."""

import asyncio
import functools
import json
import types
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
import pytest_asyncio
from aiohttp import web

from botpay.adapters.base import Adapter
from botpay.errors import DeliveryError
from botpay.message import Capabilities, Inbound, Outbound, Visibility
from botpay.testing.platform import Absent, Call, Platform

CAPABILITIES = [field.name for field in fields(Capabilities) if field.type in (bool, "bool")]
Test = TypeVar("Test", bound=Callable[..., Any])
WITHIN_SECONDS = 5.0


class Core:
    """Stands for the core: notes what it is handed, and fails as told.

    Attributes:
        received: what was taken, oldest first.
        faults: what `receive` raises next, one a call, before it takes anything again.
        tries: how often it was called.
    """

    def __init__(self) -> None:
        self.received: list[Inbound] = []
        self.faults: list[Exception] = []
        self.tries = 0
        self._open = asyncio.Event()
        self._open.set()
        self._entered = asyncio.Event()

    async def receive(self, inbound: Inbound) -> None:
        """Take an inbound, or refuse it as told."""
        self.tries += 1
        self._entered.set()
        await self._open.wait()
        if self.faults:
            raise self.faults.pop(0)
        self.received.append(inbound)

    def hold(self) -> None:
        """Commit nothing until `let_go`."""
        self._open.clear()
        self._entered.clear()

    def let_go(self) -> None:
        """Commit what waits."""
        self._open.set()

    async def entered(self) -> None:
        """Wait until something came in."""
        async with asyncio.timeout(WITHIN_SECONDS):
            await self._entered.wait()


@dataclass(slots=True)
class Rig:
    """The adapter, started, on its platform."""

    platform: Platform
    core: Core
    base_url: str

    @property
    def adapter(self) -> Adapter:
        """The adapter."""
        return self.platform.adapter

    def private(self, text: str = "Bonjour", **more: Any) -> Outbound:
        """An outbound to alice alone, or to whom `to` names."""
        alice = self.platform.actor("alice")
        given = {"id": "o1", "adapter": alice.adapter, "tenant": alice.tenant, "to": alice.id}
        return Outbound(text=text, visibility=Visibility.PRIVATE, **(given | more))

    def public(self, chat: str, text: str = "Bonjour", **more: Any) -> Outbound:
        """An outbound to a group."""
        alice = self.platform.actor("alice")
        given = {"id": "o2", "adapter": alice.adapter, "tenant": alice.tenant, "chat": chat}
        return Outbound(text=text, visibility=Visibility.PUBLIC, **(given | more))

    def texts(self, who: str | None) -> list[str]:
        """What the bot said to a person, or to the group (None), as it reads now."""
        return [shown.text for shown in self.platform.sees(who) if shown.by_bot]


def needs(ability: str) -> Callable[[Test], Test]:
    """Marks a test of something that not every platform has; `cannot` names the ability with the reason."""

    def mark(test: Test) -> Test:
        test.ability = ability  # type: ignore[attr-defined]
        return test

    return mark


def abilities_of(contract: type["ContractBase"]) -> dict[str, list[str]]:
    """The tests of a contract, by what `cannot` calls them: the ability they need, else their own name."""
    found: dict[str, list[str]] = {}
    for name in dir(contract):
        if name.startswith("test_"):
            ability = getattr(getattr(contract, name), "ability", name.removeprefix("test_"))
            found.setdefault(ability, []).append(name)
    return found


@pytest.mark.asyncio
class ContractBase:
    """To inherit from. See `AdapterContract`.

    Attributes:
        adapter: the class of the adapter.
        platform: makes a fake of the platform; it makes the adapter when it is started.
        payloads: a JSON file with an object of recorded payloads by name.
        cannot: what this platform lacks, with the reason. Its tests must fail: one that passes is a failure, since
            then the reason is no longer true.
    """

    adapter: ClassVar[type[Adapter]]
    platform: ClassVar[Callable[[], Platform]]
    payloads: ClassVar[Path]
    cannot: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        tests = abilities_of(cls)
        if unknown := set(cls.cannot) - set(tests) - set(CAPABILITIES):
            raise TypeError(f"{cls.__name__}.cannot: there is no {unknown.pop()!r}, but {', '.join(sorted(tests))}")
        for ability, names in tests.items():
            for name in names:
                test = _undeclared(getattr(cls, name))
                setattr(cls, name, _expected_to_fail(test, cls.cannot[ability]) if ability in cls.cannot else test)

    @pytest_asyncio.fixture
    async def rig(self) -> AsyncIterator[Rig]:
        """The adapter on its platform; whatever a test did, both are stopped."""
        platform, core = type(self).platform(), Core()
        await platform.start()
        app = web.Application(client_max_size=1024 * 1024)
        app.add_routes(platform.adapter.routes())
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        rig = Rig(platform, core, f"http://{host}:{port}")
        try:
            await platform.connect(rig.base_url)
            await platform.adapter.start(core.receive)
            yield rig
        finally:
            core.let_go()
            await platform.adapter.stop()
            await runner.cleanup()
            await platform.stop()

    @cached_property
    def recorded(self) -> Mapping[str, Any]:
        """The payloads by name."""
        recorded: dict[str, Any] = json.loads(self.payloads.read_text(encoding="utf-8"))
        return recorded

    def payload(self, name: str) -> Any:
        """A recorded payload. Raises `Absent` if there is none of that name."""
        if name not in self.recorded:
            raise Absent(f"no payload {name!r} was recorded")
        return self.recorded[name]

    async def received(self, rig: Rig, name: str) -> Inbound:
        """What a recorded payload becomes, which must be something."""
        inbound = await self.received_or_none(rig, name)
        assert inbound is not None, f"the payload {name!r} was not handed over"
        return inbound

    async def received_or_none(self, rig: Rig, name: str) -> Inbound | None:
        """What a recorded payload becomes, if it is handed over."""
        before = len(rig.core.received)
        await delivered(rig, self.payload(name))
        fresh = rig.core.received[before:]
        return fresh[-1] if fresh else None

    def genuine(self, rig: Rig, name: str, *, seconds_ago: float = 0) -> Call:
        """The request that brings a recorded payload."""
        return rig.platform.call(json.dumps(self.payload(name)).encode(), seconds_ago=seconds_ago)


async def delivered(rig: Rig, payload: Any) -> None:
    """Let the platform deliver; raises `AssertionError` if the adapter does not acknowledge in time."""
    try:
        async with asyncio.timeout(WITHIN_SECONDS):
            await rig.platform.deliver(payload)
    except TimeoutError:
        raise AssertionError("the adapter did not acknowledge") from None


def _undeclared(test: Callable[..., Any]) -> Callable[..., Any]:
    """The test itself, where a contract that this one is made from declared it absent."""
    itself: Callable[..., Any] = getattr(test, "undeclared", test)
    return itself


def _expected_to_fail(test: Callable[..., Any], reason: str) -> Callable[..., Any]:
    """A copy of a test that must fail, in the ways in which something that is not there fails."""
    copy = types.FunctionType(test.__code__, test.__globals__, test.__name__, test.__defaults__, test.__closure__)
    copy.__kwdefaults__ = test.__kwdefaults__
    functools.update_wrapper(copy, test)
    del copy.__wrapped__  # type: ignore[attr-defined]
    copy.undeclared = test  # type: ignore[attr-defined]
    expected = pytest.mark.xfail(
        reason=reason, strict=True, raises=(AssertionError, DeliveryError, pytest.fail.Exception)
    )
    copy.pytestmark = [*getattr(test, "pytestmark", ()), expected.mark]  # type: ignore[attr-defined]
    return copy

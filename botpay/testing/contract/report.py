"""Runs a contract and tells what holds, what does not, and what is declared absent."""

import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import CodeType, ModuleType

from botpay.adapters.base import Adapter
from botpay.errors import ConfigError
from botpay.testing.contract import AdapterContract, abilities_of

_TEST = """
import {module}
class TestContract({module}.{name}):
    '''The contract that is examined.'''
"""
_OPTIONS = """
[pytest]
asyncio_default_fixture_loop_scope = function
"""
_PLUGINS = ("pytest_asyncio.plugin", f"{__package__}.recorder", "no:cacheprovider")
_PARTS = [part.__module__ for part in AdapterContract.__mro__]


class Verdict(StrEnum):
    """How a rule of the contract stands."""

    HOLDS = "yes"
    ABSENT = "no"  # declared, with a reason
    FAILS = "FAILS"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule on one adapter.

    Attributes:
        reason: why it is absent, or how it fails; empty where it holds.
    """

    test: str
    rule: str
    verdict: Verdict
    reason: str


def find(name: str) -> type[AdapterContract]:
    """The contract called MODULE:CLASS, or that of the adapter called so.

    The contract of an adapter is looked for in its own module, in the module `contract` beside it, and for adapters
    that botpay ships in `botpay.testing`. Raises `ConfigError` if there is none.
    """
    module, _, attribute = name.partition(":")
    found = getattr(_imported(module), attribute, None)
    if isinstance(found, type) and issubclass(found, AdapterContract):
        return found
    if not (isinstance(found, type) and issubclass(found, Adapter)):
        raise ConfigError(f"{name} is neither an adapter nor a contract: name one as MODULE:CLASS")
    beside = found.__module__.rpartition(".")[0]
    for place in (found.__module__, f"{beside}.contract", f"botpay.testing.{found.name}.contract"):
        with contextlib.suppress(ConfigError):
            for thing in vars(_imported(place)).values():
                if isinstance(thing, type) and issubclass(thing, AdapterContract) and _adapter(thing) is found:
                    return thing
    raise ConfigError(f"{name} has no contract: write a class with `adapter = {found.__name__}` in {beside}.contract")


def examine(contract: type[AdapterContract]) -> list[Finding]:
    """Run all tests of a contract; one finding for each, in the order of the contract.

    They run in a process of their own, without the plugins that happen to be installed: those must not change what
    holds. Raises `ConfigError` if they could not run.
    """
    with tempfile.TemporaryDirectory(prefix="botpay-contract-") as folder:
        test, findings = Path(folder, "test_contract.py"), Path(folder, "findings.json")
        test.write_text(_TEST.format(module=contract.__module__, name=contract.__name__), encoding="utf-8")
        Path(folder, "pytest.ini").write_text(_OPTIONS, encoding="ascii")
        plugins = [word for plugin in _PLUGINS for word in ("-p", plugin)]
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "pytest", str(test), "--rootdir", folder, "--findings", str(findings), *plugins],
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if not findings.exists():
            raise ConfigError(f"the contract {contract.__name__} did not run:\n{done.stdout}{done.stderr}")
        return _findings(findings)


def declared(contract: type[AdapterContract]) -> list[Finding]:
    """What a contract would find if nothing failed."""
    found = {
        name.removeprefix("test_"): (getattr(contract, name), contract.cannot.get(ability))
        for ability, names in abilities_of(contract).items()
        for name in names
    }
    return [
        Finding(test, " ".join((call.__doc__ or "").split()), Verdict.ABSENT if reason else Verdict.HOLDS, reason or "")
        for test, (call, reason) in sorted(found.items(), key=lambda item: _place(item[1][0]))
    ]


def _place(test: Callable[..., object]) -> tuple[int, int]:
    code: CodeType = test.__code__
    return _rank(test.__module__, code.co_firstlineno)


def _rank(module: str, line: int) -> tuple[int, int]:
    return (_PARTS.index(module) if module in _PARTS else len(_PARTS)), line


def _findings(path: Path) -> list[Finding]:
    """In the order of the contract's parts and their tests; those that the author added come last."""
    noted = json.loads(path.read_text(encoding="utf-8"))
    return [
        Finding(test, noted[test]["rule"], Verdict(noted[test]["verdict"]), noted[test]["reason"])
        for test in sorted(noted, key=lambda test: _rank(*noted[test]["place"]))
    ]


def _adapter(contract: type[AdapterContract]) -> type[Adapter] | None:
    return getattr(contract, "adapter", None)


def _imported(module: str) -> ModuleType:
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(module)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"{module or 'the module'} cannot be imported: {error}") from None

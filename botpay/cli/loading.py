"""From the sections of botpay.toml to adapters: by entry point, and only those that have a section."""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import ValidationError

from botpay.adapters.base import Adapter, require_contract
from botpay.config import Settings, explain
from botpay.errors import ConfigError

GROUP = "botpay.adapters"
"""Under which a package names its adapters, in its pyproject.toml."""


def load_adapters(settings: Settings) -> list[Adapter]:
    """The adapters that have a section in botpay.toml, each with its settings checked by itself.

    Raises `ConfigError` for one that is not installed, lacks a library, keeps another contract or refuses its settings.
    """
    known = {point.name: point for point in entry_points(group=GROUP)}
    return [_adapter(known, name, section) for name, section in settings.adapters.items()]


def _adapter(known: dict[str, EntryPoint], name: str, section: dict[str, Any]) -> Adapter:
    if name not in known:
        raise ConfigError(f"[adapters.{name}]: no such adapter is installed; there are {', '.join(sorted(known))}")
    kind = _loaded(known[name])
    require_contract(kind)
    try:
        adapter: Adapter = kind(kind.Settings(**section))  # type: ignore[call-arg]  # each takes its own settings
    except ValidationError as error:
        raise ConfigError(explain(error, f"[adapters.{name}]")) from None
    return adapter


def _loaded(point: EntryPoint) -> type[Adapter]:
    try:
        kind: type[Adapter] = point.load()
    except ModuleNotFoundError as error:
        package = point.dist.name if point.dist else point.module.partition(".")[0]
        extras = (point.dist.metadata.get_all("Provides-Extra") if point.dist else None) or ()
        wanted = f"{package}[{point.name}]" if point.name in extras else str(error.name)
        raise ConfigError(f"[adapters.{point.name}] needs {error.name}: pip install '{wanted}'") from None
    return kind

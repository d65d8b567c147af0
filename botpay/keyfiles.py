"""Keys from files of their own, one a file, such as systemd's credentials: who may read them is looked at first."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_FILE, _FILES = "_file", "_files"
_OTHERS, _GROUP = 0o007, 0o070
_MOST_CHARACTERS = 1024


def filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """A section with the keys that its `NAME_file` and `NAMES_files` lead to, beside those that it holds itself.

    Raises `ValueError` if a file cannot be read, others on this machine may read it, or a key is set twice.
    """
    found = dict(values)
    for setting, where in values.items():
        if setting.endswith(_FILE) and where is not None:
            name = setting.removesuffix(_FILE)
            if name in values:
                raise ValueError(f"sets both {name} and {setting}: leave one of them out")
            found[name] = _read(setting, where)
        elif setting.endswith(_FILES) and isinstance(where, Mapping):
            name = setting.removesuffix(_FILES)
            written = values.get(name) or {}
            if twice := sorted(set(written) & set(where)):
                raise ValueError(f"sets {twice[0]} in both {name} and {setting}: leave one of them out")
            found[name] = {**written, **{key: _read(f"{setting}.{key}", path) for key, path in where.items()}}
    return found


def beside(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A section as written, its relative files found from a folder."""
    found = dict(values)
    for setting, where in values.items():
        if setting.endswith(_FILE) and isinstance(where, str):
            found[setting] = folder / where
        elif setting.endswith(_FILES) and isinstance(where, Mapping):
            found[setting] = {key: folder / str(path) for key, path in where.items()}
    return found


def troubles(files: Iterable[Path]) -> list[str]:
    """Files that more people may read than need to. What systemd lends lets its group read, by an ACL for one user."""
    lent = os.environ.get("CREDENTIALS_DIRECTORY")
    return [
        f"{path} holds a key and its group may read it: chmod 600 {path}"
        for path in files
        if path.stat().st_mode & _GROUP and not (lent and path.is_relative_to(lent))
    ]


def _read(setting: str, where: object) -> str:
    path = Path(str(where))
    try:
        if path.stat().st_mode & _OTHERS:
            raise ValueError(f"{setting}: everybody on this machine may read {path}: chmod 600 {path}")
        with path.open(encoding="ascii") as file:
            return file.read(_MOST_CHARACTERS).strip()
    except OSError as error:
        raise ValueError(f"{setting}: {path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError(f"{setting}: {path} does not hold hexadecimal digits") from None

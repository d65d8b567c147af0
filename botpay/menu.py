"""The commands that platforms can offer in a menu, in each language that botpay speaks."""

from collections.abc import Mapping, Sequence

from botpay.message import MenuItem
from botpay.parsing import command_words
from botpay.replies import LANGUAGES, best_language, sentence

_IN_GROUPS = frozenset(("send", "donate", "help"))
_OFFERED = ("send", "donate", "balance", "history", "cancel", "language", "help")


def menus(default: str) -> Mapping[str, Sequence[MenuItem]]:
    """The menu of each language; under "" that for everybody else.

    Args:
        default: the installation's language.
    """
    return {"": _menu(best_language([default], "en")), **{language: _menu(language) for language in LANGUAGES}}


def _menu(language: str) -> Sequence[MenuItem]:
    words = command_words(language)
    return tuple(
        MenuItem(words[name], sentence(f"menu.{name}", language), public=name in _IN_GROUPS) for name in _OFFERED
    )

"""Templates filled in, and the few files they load, each under a name that changes with its contents."""

import hashlib
import re
from collections.abc import Iterable
from functools import cache, partial
from importlib import resources
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from botpay.money import Money
from botpay.replies import best_language, money, sentence

_KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_FRENCH_MARKS = re.compile(r" (?=[;:!?»])|(?<=«) ")
_FOR_EVER = "public, max-age=31536000, immutable"


def language_of(request: web.Request, default: str) -> str:
    """The language that an address names ("?in=fr"), else the one that the browser asks for."""
    asked = [request.query.get("in", ""), *request.headers.get("Accept-Language", "").split(",")]
    return best_language((part.partition(";")[0].strip() for part in asked), default)


def render(template: str, language: str, **values: Any) -> str:
    """A page in a language. In templates `t` gives a sentence of "page.…", `money` writes an amount."""
    page = _templates().get_template(template)
    return page.render(
        values,
        language=language,
        t=partial(_sentence, language),
        bound=partial(_bound, language),
        money=partial(_money, language),
        asset=address_of_asset,
    )


def html(template: str, language: str, *, status: int = 200, **values: Any) -> web.Response:
    """An answer with a page."""
    return web.Response(text=render(template, language, **values), status=status, content_type="text/html")


def trouble(request: web.Request, status: int, key: str, default_language: str) -> web.Response:
    """The page that says why there is no other, and what became of the money. The one place that makes these."""
    language = language_of(request, default_language)
    response = html("trouble.html", language, status=status, key=key)
    if status in (429, 503):
        response.headers["Retry-After"] = "60" if status == 429 else "5"
    return response


def asset_routes() -> Iterable[web.RouteDef]:
    """The routes of style, script and icon."""
    return [web.get(address_of_asset(name), partial(_send, name)) for name in _assets()]


@cache
def address_of_asset(name: str) -> str:
    """Where a file of ours is found: "keypad.js" -> "/assets/keypad.0123456789abcdef.js"."""
    stem, _, ending = name.rpartition(".")
    return f"/assets/{stem}.{hashlib.sha256(_assets()[name]).hexdigest()[:16]}.{ending}"


async def _send(name: str, _: web.Request) -> web.Response:
    kind = _KINDS[name.rpartition(".")[2]]
    headers = {"Cache-Control": _FOR_EVER}
    return web.Response(body=_assets()[name], content_type=kind, charset="utf-8", headers=headers)


@cache
def _assets() -> dict[str, bytes]:
    folder = resources.files("botpay.web").joinpath("assets")
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name.rpartition(".")[2] in _KINDS}


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("botpay.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _sentence(language: str, key: str, **params: Any) -> str:
    return _bound(language, sentence(f"page.{key}", language, **params))


def _bound(language: str, text: str) -> str:
    """A sentence whose marks stay with their words: in French no line begins with one that has a space before it."""
    return _FRENCH_MARKS.sub("\u202f", text) if language == "fr" else text


def _money(language: str, amount: Money) -> str:
    return money(amount, language)

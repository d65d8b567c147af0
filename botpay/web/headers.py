"""What every answer of the web server tells a browser: load nothing from elsewhere, keep nothing, tell nobody."""

from collections.abc import Awaitable, Callable

from aiohttp import web

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
_FEATURES = ("camera", "clipboard-read", "display-capture", "geolocation", "microphone", "payment", "usb")
_ALWAYS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _FEATURES),
    "Referrer-Policy": "no-referrer",
    "Server": "botpay",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
_ENCRYPTED_ONLY = "max-age=31536000"

Prepare = Callable[[web.Request, web.StreamResponse], Awaitable[None]]


def put_on(public_url: str | None) -> Prepare:
    """What puts the headers on an answer before it goes out.

    Args:
        public_url: where browsers find us; if it is https, they shall never come otherwise.
    """
    headers = dict(_ALWAYS)
    if public_url is not None and public_url.startswith("https:"):
        headers["Strict-Transport-Security"] = _ENCRYPTED_ONLY

    async def prepare(_: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(headers)
        response.headers.setdefault("Cache-Control", "no-store")

    return prepare

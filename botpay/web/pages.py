"""The page of a payment: opened by its link, answered with the PIN, and left with what became of the money.

`GET /open/<token>` gives the browser a cookie and sends it on to `/pay/<transfer>`, so that the token stays neither in
the address bar nor in the history. Looking changes nothing, so neither does a preview that a platform fetches. The
link opens on any device of its person as long as the payment waits: having it is no proof of who one is, the PIN is;
and the tries are the payment's, wherever they are made.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from aiohttp import web
from sqlalchemy import Connection

from botpay.clock import Clock
from botpay.confirm.link import hash_of
from botpay.confirm.pin import is_pin
from botpay.database import Database
from botpay.errors import Busy, StorageUnavailable
from botpay.handlers.world import PageEntry
from botpay.message import SecretText
from botpay.sealing import Keyring
from botpay.showing import Shown, Standing, by_link, by_transfer
from botpay.web.rates import Rate, address_of
from botpay.web.rendering import asset_routes, html, language_of, trouble
from botpay.web.session import Session, session_of
from botpay.web.views import payment, whole_seconds

_A_MINUTE_FROM_ONE_ADDRESS = 240
_UNKNOWN_LINKS_A_MINUTE = 20
_A_MINUTE_OF_ONE_PAYMENT = 60
_SHOWN_AFTER_THE_END = timedelta(minutes=10)
_LARGEST_FORM = 4096
_SAME_SITE = ("same-origin", "none")

Enter = Callable[[PageEntry], Awaitable[None]]
"""The application's door for pages: returns once what was entered is committed and, if it was a PIN, judged."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger(__name__)


class _Trouble(Exception):
    """Why a page is not shown: a status and the key of its sentences."""

    def __init__(self, status: int, key: str) -> None:
        super().__init__(key)
        self.status, self.key = status, key


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """The pages of an installation.

    Args:
        enter: what a page lets in; `Busy` and `StorageUnavailable` say that nothing was done.
        secret: keys cookies and form tokens.
        secure: whether browsers come by https, so that a cookie can be bound to that.
        proxies: how many proxies of ours stand in front.
        language: for those whose language is not known.
    """

    database: Database
    keyring: Keyring
    clock: Clock
    enter: Enter
    secret: bytes = field(repr=False)
    secure: bool
    proxies: int
    language: str
    _of_address: Rate = field(default_factory=lambda: Rate(_A_MINUTE_FROM_ONE_ADDRESS))
    _unknown: Rate = field(default_factory=lambda: Rate(_UNKNOWN_LINKS_A_MINUTE))
    _of_payment: Rate = field(default_factory=lambda: Rate(_A_MINUTE_OF_ONE_PAYMENT))

    def routes(self) -> list[web.RouteDef]:
        """All routes, each behind the rates and with its troubles told."""
        return [
            *asset_routes(),
            web.get("/open/{token}", self._told(self._open)),
            web.get("/pay/{transfer}", self._told(self._show)),
            web.post("/pay/{transfer}", self._told(self._confirm)),
            web.post("/pay/{transfer}/cancel", self._told(self._cancel)),
        ]

    @web.middleware
    async def tell_strays(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A browser that asks for what is not there is told so on a page; programs get what they always got."""
        try:
            return await handler(request)
        except web.HTTPClientError as error:
            if "text/html" not in request.headers.get("Accept", ""):
                raise
            return trouble(request, error.status, "nothing_here", self.language)

    def _told(self, handler: Handler) -> Handler:
        async def tell(request: web.Request) -> web.StreamResponse:
            try:
                if not self._of_address.takes(address_of(request, self.proxies)):
                    raise _Trouble(429, "too_often")
                return await handler(request)
            except _Trouble as why:
                return trouble(request, why.status, why.key, self.language)
            except Busy as busy:
                return trouble(request, 503, busy.code.value, self.language)
            except StorageUnavailable:
                return trouble(request, 503, "busy", self.language)
            except web.HTTPException:
                raise
            except Exception as fault:  # noqa: BLE001 - its text may hold what was entered
                log.error("page_fault", fault=type(fault).__name__)
                return trouble(request, 500, "fault", self.language)

        return tell

    async def _open(self, request: web.Request) -> web.StreamResponse:
        """From the link to the payment's own address, with a cookie. Nothing is written: a preview may come first."""
        address, link = address_of(request, self.proxies), hash_of(request.match_info["token"])
        if self._unknown.is_over(address):
            raise _Trouble(429, "too_often")
        shown = await self._read(lambda connection, now: by_link(connection, self.keyring, link, now))
        if shown is None:
            self._unknown.takes(address)
            raise _Trouble(404, "no_link")
        if shown.standing not in (Standing.ASKED, Standing.CHECKING):
            raise _Trouble(410, "link_over")
        response = _onward(shown)
        self._give_cookie(response, shown)
        return response

    async def _show(self, request: web.Request) -> web.StreamResponse:
        if self._cookie(request) is None and "again" not in request.query:
            # Who comes from another site's link does not send a strict cookie; one step within our own site, they do.
            return html("onward.html", language_of(request, self.language), address=f"{request.path}?again")
        shown, session = await self._admit(request)
        return payment(shown, session.form_token)

    async def _confirm(self, request: web.Request) -> web.StreamResponse:
        shown, session, form = await self._filled_in(request)
        pin, number = str(form.get("pin", "")).strip(), str(form.get("number", ""))
        if shown.standing is Standing.ASKED:
            if not is_pin(pin):
                return payment(shown, session.form_token, malformed=True)
            await self._take(shown, int(number) if number in ("1", "2", "3") else 0, SecretText(pin))
        return _onward(shown)

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        shown, _, _ = await self._filled_in(request)
        if shown.standing in (Standing.ASKED, Standing.CHECKING):
            await self._take(shown, 0, None)
        return _onward(shown)

    async def _take(self, shown: Shown, number: int, pin: SecretText | None) -> None:
        await self.enter(
            PageEntry(transfer_id=shown.transfer_id, person_id=shown.person_id, link=shown.link, number=number, pin=pin)
        )

    async def _filled_in(self, request: web.Request) -> tuple[Shown, Session, Any]:
        """A form of ours, sent from our page in the same browser."""
        if request.headers.get("Sec-Fetch-Site", "none") not in _SAME_SITE:
            raise _Trouble(403, "not_ours")
        if (request.content_length or 0) > _LARGEST_FORM:
            raise _Trouble(413, "not_ours")
        shown, session = await self._admit(request)
        form = await request.post()
        if not session.has_made(str(form.get("token", ""))):
            raise _Trouble(403, "not_ours")
        return shown, session, form

    async def _admit(self, request: web.Request) -> tuple[Shown, Session]:
        """The payment that a browser came for, if it has the cookie of its newest link; else all look the same."""
        transfer_id, cookie = _transfer_named(request), self._cookie(request)
        if transfer_id is None or cookie is None:
            raise _Trouble(403, "not_opened")
        if not self._of_payment.takes(transfer_id):
            raise _Trouble(429, "too_often")
        shown = await self._read(lambda connection, now: by_transfer(connection, self.keyring, transfer_id, now))
        session = session_of(self.secret, transfer_id, shown.link if shown else b"")
        if shown is None or not session.is_shown_by(cookie):
            raise _Trouble(403, "not_opened")
        return shown, session

    async def _read(self, ask: Callable[[Connection, datetime], Shown | None]) -> Shown | None:
        def read() -> Shown | None:
            with self.database.read() as connection:
                now = self.database.now(connection, self.clock)
                found = ask(connection, now)
                return found if found and now < found.expires_at + _SHOWN_AFTER_THE_END else None

        return await asyncio.to_thread(read)

    def _give_cookie(self, response: web.Response, shown: Shown) -> None:
        response.set_cookie(
            self._cookie_name(shown.transfer_id),
            session_of(self.secret, shown.transfer_id, shown.link).cookie,
            max_age=whole_seconds(shown.time_left + _SHOWN_AFTER_THE_END),
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="Strict",
        )

    def _cookie(self, request: web.Request) -> str | None:
        transfer_id = _transfer_named(request)
        return request.cookies.get(self._cookie_name(transfer_id)) if transfer_id else None

    def _cookie_name(self, transfer_id: str) -> str:
        """One for each payment, so that two can be open at once; with the prefix, no other host can set it."""
        return ("__Host-" if self.secure else "") + f"pay-{transfer_id}"


def _onward(shown: Shown) -> web.Response:
    """What to look at after a form: the page anew, so that a reload sends nothing again."""
    return web.Response(status=303, headers={"Location": f"/pay/{shown.transfer_id}"})


def _transfer_named(request: web.Request) -> str | None:
    try:
        return str(uuid.UUID(request.match_info["transfer"]))
    except ValueError:
        return None

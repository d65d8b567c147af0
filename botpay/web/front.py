"""What all pages have in common: how often they may be asked for, who is let in, and why one is not shown."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiohttp import web

from botpay.errors import Busy, StorageUnavailable
from botpay.web.rates import Rate, address_of
from botpay.web.rendering import html, language_of, trouble
from botpay.web.session import Session, session_of

_A_MINUTE_FROM_ONE_ADDRESS = 240
_UNKNOWN_LINKS_A_MINUTE = 20
_A_MINUTE_OF_ONE_PAGE = 60
_LARGEST_FORM = 4096
_SAME_SITE = ("same-origin", "none")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger(__name__)


class Trouble(Exception):
    """Why a page is not shown: a status and the key of its sentences."""

    def __init__(self, status: int, key: str) -> None:
        super().__init__(key)
        self.status, self.key = status, key


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The door of the pages.

    Args:
        secret: keys cookies and form tokens.
        secure: whether browsers come by https, so that a cookie can be bound to that.
        proxies: how many proxies of ours stand in front.
        language: for those whose language is not known.
    """

    secret: bytes = field(repr=False)
    secure: bool
    proxies: int
    language: str
    _of_address: Rate = field(default_factory=lambda: Rate(_A_MINUTE_FROM_ONE_ADDRESS))
    _unknown: Rate = field(default_factory=lambda: Rate(_UNKNOWN_LINKS_A_MINUTE))
    _of_page: Rate = field(default_factory=lambda: Rate(_A_MINUTE_OF_ONE_PAGE))

    @web.middleware
    async def tell_strays(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A browser that asks for what is not there is told so on a page; programs get what they always got."""
        try:
            return await handler(request)
        except web.HTTPClientError as error:
            if "text/html" not in request.headers.get("Accept", ""):
                raise
            return trouble(request, error.status, "nothing_here", self.language)

    def told(self, handler: Handler) -> Handler:
        """A handler behind the rates, with its troubles told on a page."""

        async def tell(request: web.Request) -> web.StreamResponse:
            try:
                if not self._of_address.takes(address_of(request, self.proxies)):
                    raise Trouble(429, "too_often")
                return await handler(request)
            except Trouble as why:
                return trouble(request, why.status, why.key, self.language)
            except Busy as busy:
                return trouble(request, 503, busy.code.value, self.language)
            except StorageUnavailable:
                return trouble(request, 503, "away", self.language)
            except web.HTTPException:
                raise
            except Exception as fault:  # noqa: BLE001 - its text may hold what was entered
                log.error("page_fault", fault=type(fault).__name__)
                return trouble(request, 500, "fault", self.language)

        return tell

    def let_guess(self, request: web.Request) -> None:
        """Raise `Trouble` for an address that came with too many links that lead nowhere."""
        if self._unknown.is_over(address_of(request, self.proxies)):
            raise Trouble(429, "too_often")

    def leads_nowhere(self, request: web.Request) -> Trouble:
        """The trouble with a link that is none of ours, which is counted."""
        self._unknown.takes(address_of(request, self.proxies))
        return Trouble(404, "no_link")

    def begin(self, about: str, link: bytes, path: str, seconds: int) -> web.Response:
        """From a link to the page itself, with a cookie that says that the link was opened here."""
        response = web.Response(status=303, headers={"Location": path})
        response.set_cookie(
            self._cookie_name(about),
            session_of(self.secret, about, link).cookie,
            max_age=seconds,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="Strict",
        )
        return response

    def one_step(self, request: web.Request, about: str) -> web.Response | None:
        """What sends a browser without cookie on to the same page, once.

        Who comes from another site's link does not send a strict cookie; after one step within our own site, they do.
        """
        if self._cookie_name(about) in request.cookies or "again" in request.query:
            return None
        address = str(request.rel_url.update_query(again="1"))
        return html("onward.html", language_of(request, self.language), address=address)

    def admit(self, request: web.Request, about: str, link: bytes | None) -> Session:
        """The session of a browser that opened this link; raises `Trouble`, the same one whatever is missing."""
        session = session_of(self.secret, about, link or b"")
        if link is None or not session.is_shown_by(request.cookies.get(self._cookie_name(about), "")):
            raise Trouble(403, "not_opened")
        if not self._of_page.takes(about):  # strangers, who may know the id, are not counted: they would lock it
            raise Trouble(429, "too_often")
        return session

    async def form_of(self, request: web.Request, session: Session) -> Mapping[str, Any]:
        """What was sent from our page in the same browser; raises `Trouble` if it was not."""
        if request.headers.get("Sec-Fetch-Site", "none") not in _SAME_SITE:
            raise Trouble(403, "not_ours")
        if (request.content_length or 0) > _LARGEST_FORM:
            raise Trouble(413, "not_ours")
        form = await request.post()
        if not session.has_made(str(form.get("token", ""))):
            raise Trouble(403, "not_ours")
        return form

    def _cookie_name(self, about: str) -> str:
        """One for each page, so that two can be open at once; with the prefix, no other host can set it."""
        return ("__Host-" if self.secure else "") + f"pay-{about}"


def onward(path: str) -> web.Response:
    """What to look at after a form: the page anew, so that a reload sends nothing again."""
    return web.Response(status=303, headers={"Location": path})

"""The page of a payment: opened by its link, answered with the PIN, and left with what became of the money.

`GET /open/<token>` gives the browser a cookie and sends it on to `/pay/<transfer>`, so that the token stays neither in
the address bar nor in the history. Looking changes nothing, so neither does a preview that a platform fetches. The
link opens on any device of its person as long as the payment waits: having it is no proof of who one is, the PIN is;
and the tries are the payment's, wherever they are made.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from sqlalchemy import Connection

from botpay.clock import Clock
from botpay.confirm.link import hash_of
from botpay.confirm.pin import is_pin
from botpay.database import Database
from botpay.handlers.world import DialogueEntry, PageEntry
from botpay.message import SecretText
from botpay.replies import sentence
from botpay.sealing import Keyring
from botpay.showing import Shown, Standing, by_link, by_transfer
from botpay.web.front import Front, Trouble, onward
from botpay.web.session import Session
from botpay.web.views import path_of, payment, whole_seconds

_SHOWN_AFTER_THE_END = timedelta(minutes=10)

Enter = Callable[[PageEntry | DialogueEntry], Awaitable[None]]
"""The application's door for pages: returns once what was entered is committed and, if it was a PIN, judged or hashed.
Raises `Busy` or `StorageUnavailable` when nothing was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPages:
    """The pages of payments."""

    front: Front
    database: Database
    keyring: Keyring
    clock: Clock
    enter: Enter

    def routes(self) -> list[web.RouteDef]:
        """All routes, each behind the door of the pages."""
        told = self.front.told
        return [
            web.get("/open/{token}", told(self._open)),
            web.get("/pay/{transfer}", told(self._show)),
            web.post("/pay/{transfer}", told(self._confirm)),
            web.post("/pay/{transfer}/cancel", told(self._cancel)),
        ]

    async def _open(self, request: web.Request) -> web.StreamResponse:
        """From the link to the payment's own address, with a cookie. Nothing is written: a preview may come first."""
        self.front.let_guess(request)
        link = hash_of(request.match_info["token"])
        shown = await self._read(lambda connection, now: by_link(connection, self.keyring, link, now))
        if shown is None:
            raise self.front.leads_nowhere(request)
        if shown.standing not in (Standing.ASKED, Standing.CHECKING):
            raise Trouble(410, "link_over")
        seconds = whole_seconds(shown.time_left + _SHOWN_AFTER_THE_END)
        return self.front.begin(shown.transfer_id, link, path_of(shown), seconds)

    async def _show(self, request: web.Request) -> web.StreamResponse:
        step = self.front.one_step(request, named(request, "transfer"))
        if step is not None:
            return step
        shown, session = await self._admit(request)
        return payment(shown, session.form_token)

    async def _confirm(self, request: web.Request) -> web.StreamResponse:
        shown, session = await self._admit(request)
        pin, number = pin_and_number(await self.front.form_of(request, session))
        if shown.standing is not Standing.ASKED:
            return onward(path_of(shown))
        if pin is None:
            return payment(shown, session.form_token, refused=sentence("page.malformed", shown.language))
        await self._take(shown, number, pin)
        return onward(path_of(shown))

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        shown, session = await self._admit(request)
        await self.front.form_of(request, session)
        if shown.standing in (Standing.ASKED, Standing.CHECKING):
            await self._take(shown, 0, None)
        return onward(path_of(shown))

    async def _take(self, shown: Shown, number: int, pin: SecretText | None) -> None:
        await self.enter(
            PageEntry(transfer_id=shown.transfer_id, person_id=shown.person_id, link=shown.link, number=number, pin=pin)
        )

    async def _admit(self, request: web.Request) -> tuple[Shown, Session]:
        """The payment that a browser came for, if it has the cookie of its newest link; else all look the same."""
        transfer_id = named(request, "transfer")
        shown = await self._read(lambda connection, now: by_transfer(connection, self.keyring, transfer_id, now))
        session = self.front.admit(request, transfer_id, shown.link if shown else None)
        if shown is None:
            raise Trouble(403, "not_opened")
        return shown, session

    async def _read(self, ask: Callable[[Connection, datetime], Shown | None]) -> Shown | None:
        def read() -> Shown | None:
            with self.database.read() as connection:
                now = self.database.now(connection, self.clock)
                found = ask(connection, now)
                return found if found and now < found.expires_at + _SHOWN_AFTER_THE_END else None

        return await asyncio.to_thread(read)


def named(request: web.Request, part: str) -> str:
    """The id in an address; raises `Trouble` if it is none."""
    try:
        return str(uuid.UUID(request.match_info[part]))
    except ValueError:
        raise Trouble(404, "nothing_here") from None


def pin_and_number(form: Mapping[str, Any]) -> tuple[SecretText | None, int]:
    """What was entered, if it has the form of a PIN, and which try or question the page showed."""
    pin, number = str(form.get("pin", "")).strip(), str(form.get("number", ""))
    short = number.isascii() and number.isdigit() and len(number) < 10
    return SecretText(pin) if is_pin(pin) else None, int(number) if short else -1

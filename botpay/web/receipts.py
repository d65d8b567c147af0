"""The page on which donors say who they are and take their receipts: opened by a link that came after their PIN.

As with payments, the link leads to a clean address by a cookie, and looking changes nothing. Whoever is here entered
the PIN less than half an hour ago, so it is not asked again; what was entered moves no money.
"""

import asyncio
from dataclasses import dataclass

from aiohttp import web
from babel.dates import format_date

from botpay.confirm.link import hash_of
from botpay.errors import ConfigError
from botpay.receipt_book import Given, ReceiptBook
from botpay.receipts.model import LINK_LIFE, ReceiptLink, ReceiptState, checked_donor, day_in_france
from botpay.replies import sentence
from botpay.web.front import Front, Trouble, onward
from botpay.web.pages import named
from botpay.web.rendering import html
from botpay.web.session import Session
from botpay.web.views import whole_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptPages:
    """The pages of receipts."""

    front: Front
    book: ReceiptBook

    def routes(self) -> list[web.RouteDef]:
        """All routes, each behind the door of the pages."""
        told = self.front.told
        return [
            web.get("/receipts/open/{token}", told(self._open)),
            web.get("/receipts/{page}", told(self._show)),
            web.post("/receipts/{page}", told(self._save)),
            web.get("/receipts/{page}/{transfer}.pdf", told(self._paper)),
            web.get("/receipts/{page}/years/{year:20[0-9][0-9]}.pdf", told(self._statement)),
        ]

    async def _open(self, request: web.Request) -> web.StreamResponse:
        """From the link to the page's own address, with a cookie. Nothing is written: a preview may come first."""
        self.front.let_guess(request)
        link = hash_of(request.match_info["token"])
        way = await asyncio.to_thread(lambda: self.book.way(link=link))
        if way is None:
            raise self.front.leads_nowhere(request)
        return self.front.begin(way.id, link, _path(way), whole_seconds(LINK_LIFE))

    async def _show(self, request: web.Request) -> web.StreamResponse:
        step = self.front.one_step(request, named(request, "page"))
        if step is not None:
            return step
        way, session = await self._admit(request)
        return await asyncio.to_thread(self._page, way, session)

    async def _save(self, request: web.Request) -> web.StreamResponse:
        way, session = await self._admit(request)
        form = await self.front.form_of(request, session)
        name, address = str(form.get("name", "")), str(form.get("address", ""))
        try:
            donor = checked_donor(name, address)
        except ConfigError as wrong:
            return await asyncio.to_thread(self._page, way, session, (name, address), str(wrong))
        await asyncio.to_thread(self.book.tell_who, way.person_id, donor)
        return onward(_path(way))

    async def _paper(self, request: web.Request) -> web.StreamResponse:
        """The paper of one gift; of somebody else's there is none."""
        way, _ = await self._admit(request)
        transfer = named(request, "transfer")
        return _download(await asyncio.to_thread(self.book.pdf_of_gift, way.person_id, transfer), transfer)

    async def _statement(self, request: web.Request) -> web.StreamResponse:
        way, _ = await self._admit(request)
        year = request.match_info["year"]
        return _download(await asyncio.to_thread(self.book.statement, way.person_id, int(year)), year)

    async def _admit(self, request: web.Request) -> tuple[ReceiptLink, Session]:
        """Whose page it is, for the browser that opened its newest link; else all look the same."""
        page = named(request, "page")
        way = await asyncio.to_thread(lambda: self.book.way(id_=page))
        session = self.front.admit(request, page, way.link if way else None)
        if way is None:
            raise Trouble(403, "not_opened")
        return way, session

    def _page(
        self, way: ReceiptLink, session: Session, entered: tuple[str, str] | None = None, wrong: str | None = None
    ) -> web.Response:
        known, given = self.book.donor(way.person_id), self.book.given_by(way.person_id)
        name, address = entered or ((known.name.reveal(), known.address.reveal()) if known else ("", ""))
        return html(
            "receipts.html",
            way.language,
            status=422 if wrong else 200,
            path=_path(way),
            base=f"/receipts/{way.id}",
            form_token=session.form_token,
            name=name,
            address=address,
            wrong=wrong,
            alert=sentence(f"page.receipts.wrong.{wrong}", way.language) if wrong else None,
            rows=[_row(one, way.language) for one in reversed(given)],
            years=sorted({one.gift.year for one in given}, reverse=True) if known else [],
        )


def _row(given: Given, language: str) -> dict[str, object]:
    receipt, day = given.receipt, day_in_france(given.gift.at)
    kind = "attestation"
    if receipt is not None:
        kind = "receipt" if receipt.state is ReceiptState.ISSUED else "cancelled"
    return {
        "transfer": given.gift.transfer_id,
        "charity": given.gift.charity,
        "amount": given.gift.amount,
        "day": day,
        "on": format_date(day, locale=language),
        "kind": kind,
        "number": receipt.name if receipt else "",
    }


def _path(way: ReceiptLink) -> str:
    return f"/receipts/{way.id}?in={way.language}"


def _download(pdf: bytes | None, name: str) -> web.Response:
    if pdf is None:
        raise Trouble(404, "nothing_here")
    headers = {"Content-Disposition": f'attachment; filename="{name}.pdf"'}
    return web.Response(body=pdf, content_type="application/pdf", headers=headers)

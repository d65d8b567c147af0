"""The page of a dialogue's question for a PIN: choosing one, repeating it, proving who one is. The rest is the chat's.

As with payments, the link leads to a clean address by a cookie, and looking changes nothing. A form names the version
of the dialogue that its page showed, so that an answer is taken once and never for another question.
"""

import asyncio
import hmac
from dataclasses import dataclass

from aiohttp import web

from botpay.clock import Clock
from botpay.confirm.link import hash_of, token_of_dialogue
from botpay.database import Database
from botpay.handlers.world import DialogueEntry, Terms
from botpay.message import SecretText
from botpay.replies import sentence
from botpay.sealing import Keyring
from botpay.showing import Asked, asked_in
from botpay.web.front import Front, Trouble, onward
from botpay.web.pages import Enter, named, pin_and_number
from botpay.web.rendering import html, language_of
from botpay.web.session import Session
from botpay.web.views import path_of, question, whole_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class PinPages:
    """The pages on which PINs are chosen."""

    front: Front
    database: Database
    keyring: Keyring
    clock: Clock
    terms: Terms
    enter: Enter

    def routes(self) -> list[web.RouteDef]:
        """All routes, each behind the door of the pages."""
        told = self.front.told
        return [
            web.get("/open/{dialogue}/{token}", told(self._open)),
            web.get("/pin/{dialogue}", told(self._show)),
            web.post("/pin/{dialogue}", told(self._answer)),
            web.post("/pin/{dialogue}/cancel", told(self._cancel)),
        ]

    async def _open(self, request: web.Request) -> web.StreamResponse:
        """From the link to the dialogue's own address, with a cookie. Nothing is written."""
        self.front.let_guess(request)
        asked = await self._read(named(request, "dialogue"))
        if asked is None or not hmac.compare_digest(self._link(asked), hash_of(request.match_info["token"])):
            raise self.front.leads_nowhere(request)
        return self.front.begin(asked.dialogue_id, self._link(asked), path_of(asked), whole_seconds(asked.time_left))

    async def _show(self, request: web.Request) -> web.StreamResponse:
        dialogue_id = named(request, "dialogue")
        step = self.front.one_step(request, dialogue_id)
        if step is not None:
            return step
        asked = await self._read(dialogue_id)
        if asked is None:  # also to a stranger: it says nothing of anybody
            return html("dialogue_over.html", language_of(request, self.front.language))
        return question(asked, self._session(request, asked).form_token)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        asked, session = await self._admit(request)
        pin, number = pin_and_number(await self.front.form_of(request, session))
        if pin is None:
            return question(asked, session.form_token, refused=sentence("dialogue.six_digits", asked.language))
        await self._take(asked, number, pin)
        return onward(path_of(asked))

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        asked, session = await self._admit(request)
        await self.front.form_of(request, session)
        await self._take(asked, asked.number, None)
        return onward(path_of(asked))

    async def _take(self, asked: Asked, number: int, pin: SecretText | None) -> None:
        await self.enter(DialogueEntry(dialogue_id=asked.dialogue_id, number=number, pin=pin))

    async def _admit(self, request: web.Request) -> tuple[Asked, Session]:
        asked = await self._read(named(request, "dialogue"))
        if asked is None:
            raise Trouble(403, "not_opened")
        return asked, self._session(request, asked)

    def _session(self, request: web.Request, asked: Asked) -> Session:
        return self.front.admit(request, asked.dialogue_id, self._link(asked))

    def _link(self, asked: Asked) -> bytes:
        """The hash of the only token that opens a dialogue."""
        return hash_of(token_of_dialogue(self.terms.link_secret, asked.dialogue_id, asked.actor_id))

    async def _read(self, dialogue_id: str) -> Asked | None:
        def read() -> Asked | None:
            with self.database.read() as connection:
                now = self.database.now(connection, self.clock)
                return asked_in(connection, self.keyring, self.terms, dialogue_id, now)

        return await asyncio.to_thread(read)

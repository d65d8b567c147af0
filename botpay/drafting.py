"""What a payment that is still being typed would be: read, and looked up, but nothing is written or held."""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from botpay.charities.store import load_charities
from botpay.clock import Clock
from botpay.commands import Donate, SendMoney
from botpay.confirm.pin import is_pin
from botpay.database import Database
from botpay.directory.people import Identity, IdentityKey, Person, Sighting, bearer, fold, label
from botpay.directory.store import load_identities, load_people, load_sightings
from botpay.errors import Refusal
from botpay.loading import context_of
from botpay.message import Actor, Chat, Draft, Inbound, Visibility
from botpay.parsing import Context, names_in, normalise_tag, read, read_brief, render, tags_in
from botpay.policy import Caps
from botpay.replies import best_language, sentence

_MOST_NAMES = 20
_SAID_IN = "en"  # the language of the words that go with a card; people are spoken to in their own


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafts:
    """Reads drafts for one installation."""

    database: Database
    clock: Clock
    language: str
    caps: Caps

    def draft(self, typed: Inbound, most_bytes: int) -> Draft:
        """What to show to the author of an unfinished message. Nothing changes, and nothing is promised.

        Args:
            most_bytes: the room for `Draft.words`, in UTF-8.
        """
        with self.database.read() as connection:
            return _Desk(connection, self, typed).draft(most_bytes)


@dataclass(frozen=True, slots=True)
class _Known:
    """Who bears the names that a text holds, as far as we have seen."""

    sightings: list[Sighting]
    identities: dict[IdentityKey, Identity]

    def names(self) -> set[str]:
        """The names of those who have an account."""
        found = ((s.handle, self.identities.get((s.adapter, s.tenant, s.actor_id))) for s in self.sightings)
        return {handle for handle, identity in found if identity and identity.person_id}


class _Desk:
    """One draft with what is known around it."""

    def __init__(self, connection: Connection, drafts: Drafts, typed: Inbound) -> None:
        self._connection, self._drafts, self._typed = connection, drafts, typed
        self._language = drafts.language

    def draft(self, most_bytes: int) -> Draft:
        text, author = self._typed.text.reveal(), self._typed.author
        known = self._known(author, text)
        me = self._person(known.identities.get(author.key) if author else None)
        wanted = (me.language if me else None, author.language if author else None)
        self._language = best_language(wanted, self._drafts.language)
        if me is None:
            return self._none("stranger")
        command = self._command(text, known)
        if command is None:
            return self._none("example")
        payee = self._payee(command, known)
        if payee is None:
            return self._none("unknown_payee")
        words = render(command, _SAID_IN)
        if len(words.encode()) > most_bytes:
            return self._none("too_long")
        return self._ready(command, words, payee) if self._means(words, command) else self._none("example")

    def _known(self, author: Actor | None, text: str) -> _Known:
        names = sorted(names_in(text))[:_MOST_NAMES]
        seen = load_sightings(self._connection, [(self._typed.adapter, self._typed.tenant, name) for name in names])
        keys = {(s.adapter, s.tenant, s.actor_id) for s in seen} | ({author.key} if author else set())
        return _Known(seen, {i.key: i for i in load_identities(self._connection, keys=sorted(keys))})

    def _person(self, identity: Identity | None) -> Person | None:
        if identity is None or identity.person_id is None:
            return None
        return next(iter(load_people(self._connection, [identity.person_id])), None)

    def _command(self, text: str, known: _Known) -> SendMoney | Donate | None:
        if is_pin(text.strip()):
            return None
        alone = replace(self._typed, chat=Chat("", Visibility.PRIVATE))  # nobody but the bot can be spoken to
        meaning = read_brief(text, self._context(alone, text), known.names()).meaning
        return meaning if isinstance(meaning, SendMoney | Donate) else None

    def _charities(self, text: str) -> set[str]:
        tags = tags_in(text)
        return {charity.tag for charity in load_charities(self._connection, tags)} if tags else set()

    def _context(self, inbound: Inbound, text: str) -> Context:
        return context_of(inbound, self._charities(text), self._drafts.caps)

    def _payee(self, command: SendMoney | Donate, known: _Known) -> str | None:
        """The payee as the prompt will show them; None if it is not sure enough who that is."""
        if isinstance(command, Donate):
            (charity,) = load_charities(self._connection, [normalise_tag(command.tag)])
            return f"{charity.name} ({command.tag})"
        handle = fold(command.to.handle or command.to.written)
        sightings = [s for s in known.sightings if s.handle == handle]
        found = bearer(handle, sightings, known.identities, self._drafts.clock())
        person = None if isinstance(found, Refusal) else self._person(found)
        return None if person is None or isinstance(found, Refusal) else label(person.name, found.handle)

    def _means(self, words: str, command: SendMoney | Donate) -> bool:
        """Whether the words, said where others read along, mean this payment and no other."""
        return read(words, self._context(self._typed, words)).meaning == command

    def _ready(self, command: SendMoney | Donate, words: str, payee: str) -> Draft:
        kind = "charity" if isinstance(command, Donate) else "person"
        written = command.tag if isinstance(command, Donate) else command.to.written
        hint = "draft.hint.memo" if command.memo else "draft.hint"
        return Draft(
            words=words,
            title=sentence(f"draft.{kind}", self._language, amount=command.amount, payee=payee),
            hint=sentence(hint, self._language, memo=command.memo),
            card=sentence("card.waiting", self._language, amount=command.amount, payee=written),
            button=sentence("card.confirm", self._language),
        )

    def _none(self, why: str) -> Draft:
        return Draft(title=sentence(f"draft.{why}", self._language))

"""People, identities and handles, and the rule by which a handle finds somebody. Pure."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from botpay.errors import Code, Refusal
from botpay.message import Actor, SecretText

SETTLED_AFTER = timedelta(days=30)
"""A handle that moved between two ids less than this long ago pays nobody."""

IdentityKey = tuple[str, str, str]
HandleKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account holder of this installation. While frozen they neither pay nor are paid.

    Attributes:
        country: of residence (ISO 3166), if it was asked.
        contact: their address at the second channel, if it was asked; sealed at rest.
        contact_mark: the keyed digest by which the address is found: one person has it at most.
        terms: which version of the terms they accepted, and when.
        approved_at: since when the operator lets them pay, where that is asked.
        locked_at: since when the operator lets nothing be done in their name; money still comes in.
        forgotten_at: since when nothing is known of them but what moved.
    """

    id: str
    name: str
    language: str
    frozen_at: datetime | None = None
    country: str | None = None
    contact: SecretText = field(default_factory=SecretText)
    contact_mark: str | None = None
    terms: str | None = None
    terms_at: datetime | None = None
    approved_at: datetime | None = None
    locked_at: datetime | None = None
    forgotten_at: datetime | None = None

    @property
    def frozen(self) -> bool:
        """Whether the operator has stopped all payments from and to this person."""
        return self.frozen_at is not None


def erased(person: Person, name: str, now: datetime) -> Person:
    """What is left of a person who is forgotten: an id, and a name that is nobody's."""
    return Person(id=person.id, name=name, language=person.language, frozen_at=person.frozen_at, forgotten_at=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody on a platform, with the labels last seen; `person_id` is None for those without an account.

    Attributes:
        since: when it was linked to its person, or parted from one; None where neither was.
    """

    adapter: str
    tenant: str
    id: str
    person_id: str | None = None
    handle: str | None = None
    name: str | None = None
    since: datetime | None = None

    @property
    def key(self) -> IdentityKey:
        """What identifies: (adapter, tenant, id)."""
        return (self.adapter, self.tenant, self.id)

    def seen_as(self, actor: Actor) -> "Identity":
        """This identity with the labels that the platform shows now; what it does not tell stays."""
        return replace(self, handle=actor.handle or self.handle, name=actor.name or self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A handle and who bore it, when first and when last."""

    adapter: str
    tenant: str
    handle: str
    actor_id: str
    first_seen: datetime
    last_seen: datetime

    @property
    def key(self) -> tuple[str, str, str, str]:
        """One row a handle and bearer."""
        return (self.adapter, self.tenant, self.handle, self.actor_id)


def fold(handle: str) -> str:
    """A handle as it is compared: without "@", in one case."""
    return handle.removeprefix("@").casefold()


def identity_of(actor: Actor) -> Identity:
    """An identity as first seen."""
    return Identity(adapter=actor.adapter, tenant=actor.tenant, id=actor.id, handle=actor.handle, name=actor.name)


_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[ .'’\-]|[\u0300-\u036f])*")
_SHORTEST_NAME, _LONGEST_NAME = 2, 60
_WRITTEN_TOGETHER = frozenset({"HIRAGANA", "KATAKANA", "CJK", "KATAKANA-HIRAGANA"})


def chosen_name(text: str) -> str | None:
    """A name that somebody chose to be shown to payers, with single spaces; None if it could deceive them.

    Letters of one script, spaces, hyphens, dots and apostrophes, beginning with a letter: no digits, signs, control or
    bidirectional characters, and no more than two accents on a letter.
    """
    name = re.sub(" +", " ", unicodedata.normalize("NFC", text).strip(" "))
    if not _SHORTEST_NAME <= len(name) <= _LONGEST_NAME or _NAME.fullmatch(name) is None:
        return None
    scripts = {unicodedata.name(c, "?").split()[0] for c in unicodedata.normalize("NFKC", name) if c.isalpha()}
    accents = re.search("[\u0300-\u036f]{3}", unicodedata.normalize("NFD", name))
    return name if len(scripts - _WRITTEN_TOGETHER) <= 1 and not accents else None


def label(name: str, handle: str | None) -> str:
    """How a person is shown before a payment: "Bob Martin (@bob)"."""
    return f"{name} (@{handle})" if handle else name


def bearer(
    handle: str, sightings: Sequence[Sighting], identities: Mapping[IdentityKey, Identity], now: datetime
) -> Identity | Refusal:
    """Who bears a handle, or why that is not sure enough to pay.

    It is the last one seen with it, if they bear it still and nobody else did within `SETTLED_AFTER`. Who was silent
    that long keeps it too until the new one has borne it that long: silence does not show that a name was given up.

    Args:
        handle: as written, with or without "@".
        sightings: all that is known of this handle in its adapter and tenant.
    """
    if not sightings:
        return Refusal.because(Code.UNKNOWN_PAYEE, payee=f"@{handle.removeprefix('@')}")
    newest = max(sightings, key=lambda s: s.last_seen)
    is_new = now - newest.first_seen < SETTLED_AFTER
    moved_lately = any(
        now - s.last_seen < SETTLED_AFTER or (is_new and _bears(s, identities))
        for s in sightings
        if s.actor_id != newest.actor_id
    )
    identity = identities.get((newest.adapter, newest.tenant, newest.actor_id))
    if identity is None or moved_lately or not _bears(newest, identities):
        return Refusal.because(Code.UNSURE_PAYEE, payee=f"@{handle.removeprefix('@')}")
    return identity


def _bears(sighting: Sighting, identities: Mapping[IdentityKey, Identity]) -> bool:
    """Whether, as far as we know, somebody still has the handle that they were seen with."""
    identity = identities.get((sighting.adapter, sighting.tenant, sighting.actor_id))
    return identity is not None and identity.handle is not None and fold(identity.handle) == sighting.handle

"""Erasure: rows that tell something of a person are deleted or blanked, in the commit that says they are forgotten.

What moved stays, with an owner of whom nothing is known but an id (GDPR, article 17(3)(b): books are kept as long as
the law asks). The audit holds keyed digests alone, and the state that every row is left in. Who they are for the tax
office goes too; receipts that were issued stay as they are, sealed: charities keep them for six years (LPF, L102 E).
"""

import json
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from botpay.confirm.store import challenges
from botpay.dialogues.store import dialogues
from botpay.directory.link_codes import link_codes
from botpay.directory.people import IdentityKey, Person
from botpay.directory.store import handles, people
from botpay.errors import LedgerFault
from botpay.inbox import dead_letters
from botpay.outbox.model import Fate
from botpay.outbox.store import outbound
from botpay.receipts.store import donors, receipt_links
from botpay.sealing import Keyring, place

BLANK = ""


def erase(
    connection: Connection, keyring: Keyring, person: Person, keys: Collection[IdentityKey], now: datetime
) -> None:
    """Leave of a person what `person` says, and nothing of what was at their identities.

    Letters of this very commit stay until they are sent: they tell the person that it is done.
    """
    gone = ("country", "contact", "contact_mark", "terms", "terms_at", "approved_at", "locked_at")
    kept = {"name": person.name, "forgotten_at": person.forgotten_at}
    connection.execute(update(people).where(people.c.id == person.id).values(**dict.fromkeys(gone), **kept))
    connection.execute(delete(link_codes).where(link_codes.c.person_id == person.id))
    connection.execute(delete(receipt_links).where(receipt_links.c.person_id == person.id))
    connection.execute(delete(donors).where(donors.c.person_id == person.id))
    connection.execute(delete(dialogues).where(dialogues.c.person_id == person.id))
    for adapter, tenant, actor_id in keys:
        at = (handles.c.adapter == adapter, handles.c.tenant == tenant, handles.c.actor_id == actor_id)
        connection.execute(delete(handles).where(*at))
    _blank_payments(connection, person.id)
    _wipe_letters(connection, keyring, keys, now)
    _wipe_dead_letters(connection, keyring, keys)


def _blank_payments(connection: Connection, person_id: str) -> None:
    """Their own words and where they said them; and their name in what others were shown. All of it is over."""
    own = {"memo": None, "origin_actor": BLANK, "origin_chat": BLANK}
    connection.execute(update(challenges).where(challenges.c.person_id == person_id).values(**own))
    shown = (challenges.c.payee_owner == person_id, challenges.c.state != "open")
    connection.execute(update(challenges).where(*shown).values(payee=BLANK))


def _wipe_letters(connection: Connection, keyring: Keyring, keys: Collection[IdentityKey], now: datetime) -> None:
    """What waits for them is not sent any more, and where it stood is forgotten, but for what is replaced just now."""
    lanes = [keyring.digest("lane", f"{adapter}:{tenant}:private:{actor_id}") for adapter, tenant, actor_id in keys]
    replaced = select(outbound.c.replaces_letter).where(
        outbound.c.fate == Fate.QUEUED.value, outbound.c.created_at == now, outbound.c.replaces_letter.is_not(None)
    )
    theirs = (outbound.c.lane.in_(lanes), outbound.c.created_at < now)
    over = {"fate": Fate.SUPERSEDED.value, "body": None}
    kept = outbound.c.fate.in_([Fate.QUEUED.value, Fate.DEAD.value])
    connection.execute(update(outbound).where(*theirs, kept).values(**over))
    connection.execute(update(outbound).where(*theirs, outbound.c.id.not_in(replaced)).values(receipt=None))


def _wipe_dead_letters(connection: Connection, keyring: Keyring, keys: Collection[IdentityKey]) -> None:
    """Messages of theirs that a fault of ours kept; those that no key that is here opens tell nobody anything."""
    for row in connection.execute(select(dead_letters.c.id, dead_letters.c.payload)).all():
        try:
            kept = json.loads(keyring.unseal(place("dead_letters", row.id, "payload"), row.payload))
        except LedgerFault:
            continue
        source, author = str(kept.get("source", "")), kept.get("author")
        if any(author == key[2] and source.startswith(f"{key[0]}:{key[1]}:") for key in keys):
            connection.execute(delete(dead_letters).where(dead_letters.c.id == row.id))

"""The table of dialogues. Drafts are sealed on the way in and opened on the way out; what is over is deleted."""

import json
from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Integer,
    RowMapping,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from botpay.database import Instant, Sealed, metadata
from botpay.dialogues.model import Dialogue
from botpay.errors import LedgerFault
from botpay.sealing import Keyring, place

dialogues = Table(
    "dialogues",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("adapter", String, nullable=False),
    Column("tenant", String, nullable=False),
    Column("actor_id", String, nullable=False),
    Column("person_id", Uuid(as_uuid=False), ForeignKey("people.id")),
    Column("kind", String, nullable=False),
    Column("step", String, nullable=False),
    Column("language", String, nullable=False),
    Column("chat", String, nullable=False),
    Column("prompt_id", Uuid(as_uuid=False), nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("draft", Sealed("id"), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("working", BigInteger),
    Column("working_until", Instant),
    Column("version", BigInteger, nullable=False),
    UniqueConstraint("actor_id", "tenant", "adapter"),
)

Key = tuple[str, str, str]

_FIELDS = [dialogues.c[f.name] for f in fields(Dialogue) if f.name != "over"]
_one = select(*_FIELDS).where(dialogues.c.id == bindparam("id"))
_found = (
    select(*_FIELDS)
    .where(
        or_(
            dialogues.c.id.in_(bindparam("ids", expanding=True)),
            dialogues.c.actor_id.in_(bindparam("actors", expanding=True)),
        )
    )
    .order_by(dialogues.c.id)
    .with_for_update(key_share=True)
)
_due = (
    select(dialogues.c.id)
    .where(func.coalesce(dialogues.c.working_until, dialogues.c.expires_at) <= bindparam("now", type_=Instant))
    .order_by(dialogues.c.id)
    .limit(bindparam("most"))
)
_of_version = (dialogues.c.id == bindparam("_id"), dialogues.c.version == bindparam("_seen_version"))
_delete = delete(dialogues).where(*_of_version)
_update = update(dialogues).where(*_of_version)


def load_dialogues(
    connection: Connection, keyring: Keyring, *, ids: Collection[str] = (), keys: Collection[Key] = ()
) -> list[Dialogue]:
    """Dialogues by id, and those with some identities; locked until the commit."""
    actors = sorted({actor_id for _, _, actor_id in keys})
    rows = connection.execute(_found, {"ids": list(ids), "actors": actors}).mappings()
    found = [_dialogue_of(row, keyring) for row in rows]
    return [d for d in found if d.id in ids or d.key in keys]


def find_dialogue(connection: Connection, keyring: Keyring, dialogue_id: str) -> Dialogue | None:
    """A dialogue to look at: nothing is locked."""
    row = connection.execute(_one, {"id": dialogue_id}).mappings().one_or_none()
    return _dialogue_of(row, keyring) if row is not None else None


def due(connection: Connection, now: datetime, most: int) -> list[str]:
    """Dialogues whose time is over, or whose slow work never came to an end."""
    return list(connection.execute(_due, {"now": now, "most": most}).scalars())


def save_dialogues(
    connection: Connection, keyring: Keyring, before: Mapping[Key, Dialogue], after: Mapping[Key, Dialogue]
) -> None:
    """Delete what is over, add what began, write what changed; each only over the version that was read."""
    for name, dialogue in after.items():
        seen = before.get(name)
        if dialogue is seen:
            continue
        same = seen is not None and seen.id == dialogue.id
        if seen is not None and (dialogue.over or not same):
            _require_one(connection, _delete, seen, {})
        if not dialogue.over and not same:
            connection.execute(insert(dialogues).values(_values(dialogue, keyring)))
        if not dialogue.over and same and seen is not None:
            _require_one(connection, _update, seen, _values(dialogue, keyring))


def _require_one(connection: Connection, statement: Any, seen: Dialogue, values: dict[str, Any]) -> None:
    guarded = {"_id": seen.id, "_seen_version": seen.version}
    statement = statement.values(values) if values else statement
    if connection.execute(statement, guarded).rowcount != 1:
        raise LedgerFault("a dialogue changed under its lock")


def _values(dialogue: Dialogue, keyring: Keyring) -> dict[str, Any]:
    values = {column.name: getattr(dialogue, column.name) for column in _FIELDS}
    draft = json.dumps([_bound(dialogue), dict(dialogue.draft)], separators=(",", ":"))
    return {**values, "draft": keyring.seal(_place(dialogue.id), draft)}


def _bound(dialogue: Dialogue) -> list[str | int | None]:
    """What is sealed with a draft: with whom the dialogue is, about whom, and how far it came.

    Who can write to the table could otherwise go through a dialogue about themselves, up to the choice of a new PIN,
    and then have the row say that it is about somebody else.
    """
    about = (dialogue.person_id, *dialogue.key, dialogue.kind, dialogue.step)
    return [*about, dialogue.tries, dialogue.working, dialogue.version]


def _dialogue_of(row: RowMapping, keyring: Keyring) -> Dialogue:
    """A dialogue; one whose draft cannot be opened, or is of another row than this, is over.

    Its person begins anew, and it goes when its time comes.
    """
    dialogue = Dialogue(**{**row, "draft": {}})
    try:
        bound, draft = json.loads(keyring.unseal(_place(dialogue.id), row["draft"]))
    except (LedgerFault, ValueError):
        return replace(dialogue, over=True)
    return replace(dialogue, draft=draft) if bound == _bound(dialogue) else replace(dialogue, over=True)


def _place(dialogue_id: str) -> str:
    return place("dialogues", dialogue_id, "draft")

"""The tables of people, identities and handles."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    RowMapping,
    String,
    Table,
    Uuid,
    and_,
    bindparam,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from botpay.database import Instant, Sealed, metadata
from botpay.directory.people import HandleKey, Identity, IdentityKey, Person, Sighting
from botpay.errors import LedgerFault
from botpay.message import SecretText
from botpay.sealing import Keyring, place

people = Table(
    "people",
    metadata,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("name", String, nullable=False),
    Column("language", String, nullable=False),
    Column("frozen_at", Instant),
    Column("country", String(2)),
    Column("contact", Sealed("id")),
    Column("contact_mark", String, CheckConstraint("(contact is null) = (contact_mark is null)", name="contact")),
    Column("terms", String),
    Column("terms_at", Instant, CheckConstraint("(terms is null) = (terms_at is null)", name="terms")),
    Column("approved_at", Instant),
    Column("locked_at", Instant),
    Column("forgotten_at", Instant),
    Column("created_at", Instant, nullable=False),
    Index(None, "contact_mark", unique=True),
)
identities = Table(
    "identities",
    metadata,
    Column("adapter", String, primary_key=True),
    Column("tenant", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("person_id", Uuid(as_uuid=False), ForeignKey("people.id")),
    Column("handle", String),
    Column("name", String),
    Column("since", Instant),
    Index(None, "person_id"),
)
handles = Table(
    "handles",
    metadata,
    Column("adapter", String, primary_key=True),
    Column("tenant", String, primary_key=True),
    Column("handle", String, primary_key=True),
    Column("actor_id", String, primary_key=True),
    Column("first_seen", Instant, nullable=False),
    Column("last_seen", Instant, nullable=False),
)

_PERSON_FIELDS = [people.c[f.name] for f in fields(Person)]
_IDENTITY_FIELDS = [identities.c[f.name] for f in fields(Identity)]

_people_by_id = select(*_PERSON_FIELDS).where(people.c.id.in_(bindparam("ids", expanding=True)))
_people_by_name = select(*_PERSON_FIELDS).where(people.c.name == bindparam("name")).order_by(people.c.id)
_freeze = update(people).where(people.c.id == bindparam("_id")).values(frozen_at=bindparam("_frozen_at", type_=Instant))


def _among_keys(*columns: Column[str]) -> ColumnElement[bool]:
    """Whether a row's key is among some. Each column is asked as well: SQLite finds lists of tuples by no index."""
    each = (column.in_(bindparam(f"part_{number}", expanding=True)) for number, column in enumerate(columns))
    return and_(*each, tuple_(*columns).in_(bindparam("keys", expanding=True)))


_identities = select(*_IDENTITY_FIELDS).where(
    or_(
        _among_keys(identities.c.adapter, identities.c.tenant, identities.c.id),
        identities.c.person_id.in_(bindparam("people", expanding=True)),
    )
)
_speak = update(people).where(people.c.id == bindparam("_id")).values(language=bindparam("_language"))
_handles = select(*handles.c).where(_among_keys(handles.c.adapter, handles.c.tenant, handles.c.handle))


_marks = select(people.c.contact_mark).where(people.c.contact_mark.in_(bindparam("marks", expanding=True)))


def load_people(connection: Connection, ids: Collection[str], keyring: Keyring | None = None) -> list[Person]:
    """Some people by id; without a keyring, without their addresses."""
    return [_person_of(row, keyring) for row in connection.execute(_people_by_id, {"ids": list(ids)}).mappings()]


def load_taken(connection: Connection, marks: Collection[str]) -> set[str]:
    """Which of some marks are of addresses that are somebody's."""
    return {str(mark) for mark in connection.execute(_marks, {"marks": list(marks)}).scalars()}


def load_people_named(connection: Connection, name: str) -> list[Person]:
    """Everybody of just this name."""
    return [_person_of(row, None) for row in connection.execute(_people_by_name, {"name": name}).mappings()]


def load_identities(
    connection: Connection, *, keys: Collection[IdentityKey] = (), people_ids: Collection[str] = ()
) -> list[Identity]:
    """Identities by key, and all those of some people."""
    rows = connection.execute(_identities, {**_keys(keys), "people": list(people_ids)})
    return [Identity(**row) for row in rows.mappings()]


def load_sightings(connection: Connection, keys: Collection[HandleKey]) -> list[Sighting]:
    """All that is known of some (adapter, tenant, folded handle)."""
    return [Sighting(**row) for row in connection.execute(_handles, _keys(keys)).mappings()]


def save_person(connection: Connection, person: Person, created_at: object, keyring: Keyring | None = None) -> None:
    """Add a person; one with an address needs a keyring."""
    values = {f.name: getattr(person, f.name) for f in fields(person)}
    contact = person.contact.reveal()
    values["contact"] = keyring.seal(_place(person.id), contact) if contact and keyring else None
    connection.execute(insert(people).values(**values, created_at=created_at))


def save_languages(connection: Connection, changed: Iterable[Person]) -> None:
    """Write the languages that people chose."""
    if values := [{"_id": person.id, "_language": person.language} for person in changed]:
        connection.execute(_speak, values)


def save_frozen(connection: Connection, person: Person) -> None:
    """Write whether a person is frozen. Their account must be locked, so that no payment of theirs is under way."""
    connection.execute(_freeze, {"_id": person.id, "_frozen_at": person.frozen_at})


def save_standing(connection: Connection, person: Person) -> None:
    """Write what the operator settled of a person. Their account must be locked, as in `save_frozen`."""
    names = ("country", "approved_at", "locked_at")
    values = {name: getattr(person, name) for name in names}
    connection.execute(update(people).where(people.c.id == person.id).values(**values))


def add_identity(connection: Connection, identity: Identity, person_id: str) -> None:
    """Make an identity a person's. Raises `LedgerFault` if it is somebody's already."""
    save_identities(connection, [identity])
    key = [identities.c[name] == getattr(identity, name) for name in ("adapter", "tenant", "id")]
    free = update(identities).where(*key, identities.c.person_id.is_(None))
    if connection.execute(free.values(person_id=person_id, since=None)).rowcount != 1:
        raise LedgerFault("an identity was given away under its lock")


def save_owner(connection: Connection, before: Identity, after: Identity) -> None:
    """Write whose an identity is now, over whose it was. Raises `LedgerFault` if that changed meanwhile."""
    key = [identities.c[name] == getattr(after, name) for name in ("adapter", "tenant", "id")]
    owned = update(identities).where(*key, identities.c.person_id.is_not_distinct_from(before.person_id))
    if connection.execute(owned.values(person_id=after.person_id, since=after.since)).rowcount != 1:
        raise LedgerFault("an identity was given away under its lock")


def save_identities(connection: Connection, rows: Iterable[Identity]) -> None:
    """Add identities or renew their labels; whose they are is never changed here."""
    _upsert(connection, identities, [{**asdict(row), "person_id": None} for row in rows], ("handle", "name"))


def save_sightings(connection: Connection, rows: Iterable[Sighting]) -> None:
    """Add handles seen or renew when they were last."""
    _upsert(connection, handles, [asdict(row) for row in rows], ("last_seen",))


def _person_of(row: RowMapping, keyring: Keyring | None) -> Person:
    """A person; an address that no key that is here opens is as if it were not there."""
    return Person(**{**row, "contact": _opened(row["id"], row["contact"], keyring)})


def _opened(person_id: str, sealed: bytes | None, keyring: Keyring | None) -> SecretText:
    try:
        return SecretText(keyring.unseal(_place(person_id), sealed) if keyring and sealed else "")
    except LedgerFault:
        return SecretText()


def _place(person_id: str) -> str:
    return place("people", person_id, "contact")


def _keys(keys: Collection[tuple[str, str, str]]) -> dict[str, list[Any]]:
    return {"keys": list(keys), **{f"part_{n}": sorted({key[n] for key in keys}) for n in range(3)}}


def _upsert(connection: Connection, table: Table, values: list[dict[str, object]], renewed: tuple[str, ...]) -> None:
    if not values:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table)
    renew = {name: statement.excluded[name] for name in renewed}
    connection.execute(
        statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=renew),
        sorted(values, key=lambda row: [str(row[c.name]) for c in table.primary_key.columns]),
    )

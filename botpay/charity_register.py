"""The operator's register of charities: who they are, who reviewed them, which hashtags lead to them.

Each change is one audited commit. Unverified charities collect, and are not paid out; suspended ones take nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog
from sqlalchemy import Connection, text

from botpay import proof
from botpay.audit.chain import State
from botpay.audit.store import append
from botpay.charities.model import Document, Record, Tag
from botpay.charities.review import missing
from botpay.charities.store import (
    load_all,
    load_look_alike,
    load_named,
    load_record,
    save_record,
    save_tag,
)
from botpay.charities.tags import RESTS, WAITS, checked_tag
from botpay.clock import Clock
from botpay.database import Database
from botpay.errors import ConfigError
from botpay.parsing import normalise_tag
from botpay.sealing import Keyring

log = structlog.get_logger(__name__)

_ONE_CHANGE_AT_A_TIME = 1818326370
"""The key of the lock that changes of hashtags take on PostgreSQL, so that no two look-alikes come at once."""


_Work = Callable[[Record, datetime], Record]


@dataclass(frozen=True, slots=True)
class Entry:
    """A charity as the register shows it."""

    charity_id: str
    name: str
    tags: tuple[Tag, ...]
    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class CharityRegister:
    """Charities of one installation. Charities are named by one of their hashtags."""

    database: Database
    clock: Clock
    keyring: Keyring = field(repr=False)
    audit_key: bytes = field(repr=False)

    def entries(self) -> list[Entry]:
        """All charities, in the order in which they came."""
        with self.database.write() as connection:
            return [self._entry(connection, charity_id) for charity_id, *_ in load_all(connection)]

    def show(self, tag: str) -> Entry:
        """One charity. Raises `ConfigError` if the hashtag is nobody's."""
        with self.database.write() as connection:
            return self._entry(connection, self._whose(connection, tag))

    def describe(self, tag: str, changes: Mapping[str, object]) -> Entry:
        """Write what is known of a charity: fields of `Record`. What was reviewed must be reviewed again.

        Raises `ConfigError` if the hashtag is nobody's.
        """

        def work(record: Record, _: datetime) -> Record:
            return replace(record, **changes, reviewed_by=None, reviewed_at=None)  # type: ignore[arg-type]

        return self._change(tag, "described", work)

    def verify(self, tag: str, by: str, documents: Mapping[Document, str]) -> Entry:
        """Say that a charity was reviewed, by whom, and which documents were seen, where; its donations may go out.

        Raises `ConfigError` that lists what is missing.
        """

        def work(record: Record, now: datetime) -> Record:
            seen = tuple(sorted((dict(record.documents) | dict(documents)).items()))
            reviewed = replace(record, documents=seen, reviewed_by=by.strip(), reviewed_at=now)
            if lacks := list(missing(reviewed)):
                raise ConfigError(f"#{normalise_tag(tag)} cannot be verified yet, missing: {'; '.join(lacks)}")
            return reviewed

        if not by.strip():
            raise ConfigError("a review needs the name of who made it (--by)")
        return self._change(tag, "verified", work)

    def suspend(self, tag: str, reason: str) -> Entry:
        """Take no more donations for a charity. Those that wait for their PIN are given back within seconds."""
        return self._set_suspended(tag, reason, suspended=True)

    def resume(self, tag: str, reason: str) -> Entry:
        """Take donations for a charity again."""
        return self._set_suspended(tag, reason, suspended=False)

    def add_tag(self, tag: str, another: str) -> Tag:
        """Another hashtag for a charity; it leads there after `WAITS`, and whoever reads the log is told.

        Raises `ConfigError` if it cannot be registered, or looks like one that is there.
        """
        wanted = checked_tag(normalise_tag(another))

        def work(connection: Connection) -> Tag:
            alone(connection)
            now = self._now(connection)
            charity_id = self._whose(connection, tag)
            name, _ = load_named(connection, charity_id)
            require_room(connection, wanted, now)
            added = Tag(tag=wanted, charity_id=charity_id, active_from=now + WAITS)
            save_tag(connection, added)
            self._audit(connection, charity_id, "hashtag_added", [proof.state_of_tag(added, name)])
            return added

        added = self.database.transact(work)
        log.warning("hashtag_added", tag=added.tag, charity=added.charity_id, active_from=str(added.active_from))
        return added

    def release_tag(self, tag: str) -> Tag:
        """Give a hashtag up: it leads to nobody, and rests for `RESTS` before another charity may have it.

        Raises `ConfigError` if it is the last one.
        """

        def work(connection: Connection) -> Tag:
            alone(connection)
            charity_id = self._whose(connection, tag)
            name, tags = load_named(connection, charity_id)
            left = [other for other in tags if other.released_at is None]
            if len(left) == 1:
                raise ConfigError(f"#{normalise_tag(tag)} is the only hashtag of {name}: add another one first")
            (found,) = (other for other in left if other.tag == normalise_tag(tag))
            released = replace(found, released_at=self._now(connection))
            save_tag(connection, released)
            self._audit(connection, charity_id, "hashtag_released", [proof.state_of_tag(released, name)])
            return released

        released = self.database.transact(work)
        log.warning("hashtag_released", tag=released.tag, charity=released.charity_id)
        return released

    def _set_suspended(self, tag: str, reason: str, *, suspended: bool) -> Entry:
        if not reason.strip():
            raise ConfigError("it needs a reason: whoever reads the audit later will ask (--reason)")

        def work(record: Record, now: datetime) -> Record:
            return replace(record, suspended_at=now if suspended else None)

        return self._change(tag, "suspended" if suspended else "resumed", work, reason.strip())

    def _change(self, tag: str, outcome: str, work: _Work, reason: str = "") -> Entry:
        def commit(connection: Connection) -> Entry:
            charity_id = self._whose(connection, tag)
            load_named(connection, charity_id)  # the lock: donations come before or after
            before = load_record(connection, self.keyring, charity_id)
            record = before or Record(charity_id=charity_id)
            after = replace(work(record, self._now(connection)), version=record.version + 1)
            digest = save_record(connection, self.keyring, after, before)
            said = f"{outcome}: {reason}" if reason else outcome
            self._audit(connection, charity_id, said, [proof.state_of_record(after, digest)])
            return self._entry(connection, charity_id)

        return self.database.transact(commit)

    def _entry(self, connection: Connection, charity_id: str) -> Entry:
        name, tags = load_named(connection, charity_id)
        record = load_record(connection, self.keyring, charity_id) or Record(charity_id=charity_id)
        return Entry(charity_id, name, tuple(tags), record)

    def _whose(self, connection: Connection, tag: str) -> str:
        found = load_look_alike(connection, normalise_tag(tag))
        if found is None or found.tag != normalise_tag(tag) or found.released_at is not None:
            raise ConfigError(f"#{normalise_tag(tag)} is no charity's hashtag here: `botpay charity list` shows all")
        return found.charity_id

    def _now(self, connection: Connection) -> datetime:
        return self.database.now(connection, self.clock)

    def _audit(self, connection: Connection, charity_id: str, outcome: str, states: Iterable[State]) -> None:
        append(connection, self.audit_key, [(f"charity:{charity_id}", outcome)], [], self._now(connection), states)


def alone(connection: Connection) -> None:
    """Let no other process change hashtags until the commit; on SQLite nobody can anyhow."""
    if connection.dialect.name != "sqlite":
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _ONE_CHANGE_AT_A_TIME})


def require_room(connection: Connection, wanted: str, now: datetime) -> None:
    """Raise `ConfigError` if a hashtag is there already, looks like one that is or was, or was given up too lately."""
    there = load_look_alike(connection, wanted)
    if there is None:
        return
    if there.tag != wanted:
        raise ConfigError(f"#{wanted} looks like #{there.tag}, which leads or led to a charity: choose another")
    if there.released_at is None:
        raise ConfigError(f"#{wanted} leads to a charity already")
    if now - there.released_at < RESTS:
        raise ConfigError(f"#{wanted} was given up lately and rests until {there.released_at + RESTS:%Y-%m-%d}")

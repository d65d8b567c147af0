"""The ledger's statements on SQLite. The transaction holds the whole database, so nothing is locked row by row.

Ids are kept as 32 hexadecimal digits; what a row trigger looks up must stand in the table before it, so transfers are
written in the order in which they were booked.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from botpay.database import micros
from botpay.ledger.model import Transfer

Row = Sequence[Any]

_ACCOUNTS = """
select id, owner, kind, currency, debits_pending, debits_posted, credits_pending, credits_posted, version
from accounts where {} in (select value from json_each(?)) order by id
"""
_TRANSFERS = """
select t.id, t.kind, t.debit_id, t.credit_id, t.amount_minor, t.currency, t.created_at, t.pending_id, t.expires_at,
    t.reason
from json_each(?) as wanted cross join transfers t on t.{} = wanted.value
"""
_INSERT = """
insert into transfers (id, kind, pending_id, debit_id, credit_id, amount_minor, currency, created_at, expires_at,
    reason, batch)
values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_CHANGE = """
update accounts set debits_pending = debits_pending + ?4, debits_posted = debits_posted + ?5,
    credits_pending = credits_pending + ?6, credits_posted = credits_posted + ?7, version = version + ?8
where id = ?1 and version = coalesce(?2, version)
    and (kind = 'system' or credits_posted - debits_posted - debits_pending + ?3 >= 0)
"""
_REFUSED = "select r.id, r.code, r.contents from json_each(?) as wanted cross join refused r on r.id = wanted.value"


def lock_accounts(
    driver: Any,
    owners: Collection[str],
    ids: Collection[int],
    debited: Collection[int] | None,  # noqa: ARG001 - one writer: all are locked
) -> list[Row]:
    """Accounts by owner and by id."""
    return [
        row
        for name, keys in (("owner", owners), ("id", ids))
        if keys
        for row in driver.execute(_ACCOUNTS.format(name), (json.dumps(list(keys)),))
    ]


def transfers(driver: Any, ids: Collection[str], ending: Collection[str]) -> list[Row]:
    """Transfers by id, and those that end some reserves."""
    return [
        (_long(row[0]), *row[1:7], row[7] and _long(row[7]), *row[8:])
        for name, keys in (("id", ids), ("pending_id", ending))
        if keys
        for row in driver.execute(_TRANSFERS.format(name), (_listed(keys),))
    ]


def insert_transfers(driver: Any, rows: Iterable[Transfer], batch: int) -> None:
    """Append rows in the order in which they were booked."""
    values = [
        (
            _short(row.id),
            row.kind.value,
            row.pending_id and _short(row.pending_id),
            row.debit_id,
            row.credit_id,
            row.amount_minor,
            row.currency,
            micros(row.created_at),
            row.expires_at and micros(row.expires_at),
            row.reason,
            batch,
        )
        for row in rows
    ]
    driver.executemany(_INSERT, values)


def change_accounts(driver: Any, changes: Sequence[Row]) -> int:
    """Add to counters, each (id, version seen or None, lowest, four counters, version); how many were as expected."""
    count: int = driver.executemany(_CHANGE, changes).rowcount
    return count


def decided(driver: Any, ids: Collection[str], ending: Collection[str]) -> tuple[list[Row], list[Row], int | None]:
    """What `transfers` gives, (id, code, contents) of ids that were refused, and no time: SQLite has no clock."""
    found = driver.execute(_REFUSED, (_listed(ids),)).fetchall()
    return transfers(driver, ids, ending), [(_long(id_), code, contents) for id_, code, contents in found], None


def insert_refused(driver: Any, rows: Sequence[Row], at: int) -> None:
    """Keep (id, code, contents)."""
    values = [(_short(id_), code, contents, at) for id_, code, contents in rows]
    driver.executemany("insert into refused (id, code, contents, at) values (?, ?, ?, ?)", values)


def _listed(ids: Iterable[str]) -> str:
    return '["' + '","'.join([_short(id_) for id_ in ids]) + '"]' if ids else "[]"


def _short(id_: str) -> str:
    return id_.replace("-", "")


def _long(raw: str) -> str:
    return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"

"""The ledger's statements on PostgreSQL: arrays in, one statement for all rows of a kind.

Arrays are written out as PostgreSQL reads them ("{1,2,NULL}"), which costs less than having the driver convert every
element. Whatever is joined with an array is found by its primary key or a unique index: there is one plan only.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from botpay.database import micros
from botpay.ledger.model import Transfer

Row = Sequence[Any]

_ACCOUNT = "id, owner, kind, currency, debits_pending, debits_posted, credits_pending, credits_posted, version"
_TRANSFER = (
    "t.id::text, t.kind, t.debit_id, t.credit_id, t.amount_minor, t.currency, t.created_at, t.pending_id::text, "
    "t.expires_at, t.reason"
)
_MINE = (  # a charity or a system account that is only credited stays free for others until the end of the commit
    "(kind = 'person' or %(all)s or exists "
    "(select 1 from accounts where id = any(%(debited)s::bigint[]) and kind <> 'person'))"
)
_LOCK = (
    f"""select {_ACCOUNT} from accounts where {{which}} and {_MINE} order by kind <> 'person', id for no key update"""  # noqa: S608
)
_LOCK_IDS = _LOCK.format(which="id = any(%(keys)s::bigint[])")
_LOCK_OWNERS = _LOCK.format(which="owner = any(%(keys)s::text[])")
_READ_IDS = f"select {_ACCOUNT} from accounts where id = any(%(keys)s::bigint[])"  # noqa: S608
_READ_OWNERS = f"select {_ACCOUNT} from accounts where owner = any(%(keys)s::text[])"  # noqa: S608

_TRANSFERS = f"""
select {_TRANSFER} from unnest(%s::uuid[]) as wanted(id) join transfers t on t.id = wanted.id
union all
select {_TRANSFER} from unnest(%s::uuid[]) as wanted(id) join transfers t on t.pending_id = wanted.id
"""  # noqa: S608
_FRESH = """
select id, kind, pending_id, debit_id, credit_id, amount_minor, currency, created_at, expires_at, reason, {batch}
from unnest(%s::uuid[], %s::text[], %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[],
    %s::bigint[], %s::text[])
as row (id, kind, pending_id, debit_id, credit_id, amount_minor, currency, created_at, expires_at, reason)
"""
_INTO = """insert into transfers (id, kind, pending_id, debit_id, credit_id, amount_minor, currency, created_at,
    expires_at, reason, batch)"""
_INSERT = _INTO + _FRESH.format(batch="%s")
_CHANGE = """
with changed as (update accounts a set
    debits_pending = a.debits_pending + c.debits_pending, debits_posted = a.debits_posted + c.debits_posted,
    credits_pending = a.credits_pending + c.credits_pending, credits_posted = a.credits_posted + c.credits_posted,
    version = a.version + c.version
from unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
    %s::bigint[]) as c (id, seen, lowest, debits_pending, debits_posted, credits_pending, credits_posted, version)
where a.id = c.id and (c.seen is null or a.version = c.seen)
    and (a.kind = 'system' or a.credits_posted - a.debits_posted - a.debits_pending + c.lowest >= 0)
    and a.debits_pending + c.debits_pending >= 0 and a.credits_pending + c.credits_pending >= 0 returning 1)
"""
_COUNT = f"{_CHANGE} select count(*) from changed"  # noqa: S608
_BOOK = f"""{_CHANGE}, enough as (select botpay_all_or_none(count(*), %s) as yes from changed),
link as (insert into audit (seq, lane, place, at, body, mac)
    select %s, %s, %s, %s, %s, %s from enough where yes returning seq)
{_INTO} {_FRESH.format(batch="seq")} cross join link
"""  # noqa: S608
_DECIDED = f"""
select null, 'now', 0, 0, 0, null, floor(extract(epoch from clock_timestamp()) * 1000000)::bigint, null, null, null
union all
{_TRANSFERS}
union all
select r.id::text, 'refused', 0, 0, 0, r.code, 0, encode(r.contents, 'hex'), null, null
from unnest(%s::uuid[]) as wanted(id) join refused r on r.id = wanted.id
"""  # noqa: S608
_SEEN = f"""
{_DECIDED}
union all
select null, 'account', a.id, a.debits_pending, a.debits_posted, a.currency, a.credits_pending, a.kind,
    a.credits_posted, a.owner
from (
    select unnest(%s::bigint[])
    union
    select account from unnest(%s::uuid[]) as wanted(id) join transfers t on t.id = wanted.id
    cross join lateral (values (t.debit_id), (t.credit_id)) as of(account)
) as wanted(id) join accounts a on a.id = wanted.id
union all
select null, 'head', nextval('audit_seq'), ends.place, 0, null, 0, encode(ends.mac, 'hex'), null, null
from (select) as one left join
    (select place, mac from audit where lane = %s order by place desc limit 1) as ends on true
"""  # noqa: S608
_REFUSE = """
insert into refused (id, code, contents, at)
select id, code, contents, %s from unnest(%s::uuid[], %s::text[], %s::bytea[]) as row (id, code, contents)
"""


def lock_accounts(
    driver: Any, owners: Collection[str], ids: Collection[int], debited: Collection[int] | None
) -> list[Row]:
    """Accounts by owner and by id: people's locked in the order of their ids, then others as `load_accounts` says."""
    found: list[Row] = []
    for lock, read, keys, name in (
        (_LOCK_OWNERS, _READ_OWNERS, list(owners), 1),
        (_LOCK_IDS, _READ_IDS, _array(ids), 0),
    ):
        if not (owners if name else ids):
            continue
        bound = {"keys": keys, "all": debited is None, "debited": _array(debited or ())}
        locked = driver.execute(lock, bound, prepare=True).fetchall()
        rest = set(owners if name else ids).difference(row[name] for row in locked)
        found += locked
        if rest:
            found += driver.execute(read, {"keys": list(rest) if name else _array(rest)}, prepare=True).fetchall()
    return found


def transfers(driver: Any, ids: Collection[str], ending: Collection[str]) -> list[Row]:
    """Transfers by id, and those that end some reserves."""
    rows: list[Row] = driver.execute(_TRANSFERS, (_array(ids), _array(ending)), prepare=True).fetchall()
    return rows


def insert_transfers(driver: Any, rows: Iterable[Transfer], batch: int) -> None:
    """Append rows."""
    driver.execute(_INSERT, (batch, *_columns(rows)), prepare=True)


def book(driver: Any, changes: Sequence[Row], link: Row, rows: Iterable[Transfer]) -> None:
    """Change accounts, append a link and its transfers, in one statement that does all of it or nothing.

    Args:
        changes: as `change_accounts` takes them; all must be as expected.
        link: the audit's row.
    """
    values = (*_arrays(changes), len(changes), *link, *_columns(rows))
    driver.execute(_BOOK, values, prepare=True)


def _columns(rows: Iterable[Transfer]) -> tuple[Any, ...]:
    """Rows as arrays, in the order of their ids, so that two processes wait for each other in the same order."""
    ordered = sorted(rows, key=lambda row: row.id)
    reasons = [row.reason for row in ordered]
    return (
        _array([row.id for row in ordered]),
        _array([row.kind for row in ordered]),
        _array([row.pending_id for row in ordered]),
        _array([row.debit_id for row in ordered]),
        _array([row.credit_id for row in ordered]),
        _array([row.amount_minor for row in ordered]),
        _array([row.currency for row in ordered]),
        _array([micros(row.created_at) for row in ordered]),
        _array([row.expires_at and micros(row.expires_at) for row in ordered]),
        reasons if any(reasons) else "{}",
    )


def change_accounts(driver: Any, changes: Sequence[Row]) -> int:
    """Add to counters, each (id, version seen or None, lowest, four counters, version); how many were as expected."""
    count: int = driver.execute(_COUNT, _arrays(changes), prepare=True).fetchone()[0]
    return count


def _arrays(changes: Sequence[Row]) -> list[str]:
    return [_array(column) for column in zip(*changes, strict=True)]


def decided(driver: Any, ids: Collection[str], ending: Collection[str]) -> tuple[list[Row], list[Row], int | None]:
    """What `transfers` gives, (id, code, contents) of ids that were refused, and the server's time in microseconds."""
    wanted = _array(ids)
    found = driver.execute(_DECIDED, (wanted, _array(ending), wanted), prepare=True).fetchall()
    return _sorted_out(found)[:3]


def seen(
    driver: Any, accounts: Collection[int], ids: Collection[str], ending: Collection[str], lane: int
) -> tuple[list[Row], list[Row], int | None, list[Row], Row]:
    """All at one instant, without a lock: what `decided` gives, the reserves `ending`, all accounts of these, a head.

    The head is the number of the next link, and the place and MAC of the last one on a lane of the audit, if any.
    """
    wanted, ended = _array(ids), _array(ending)
    known = "{" + ",".join({*ids, *ending}) + "}"
    values = (known, ended, wanted, _array(accounts), ended, lane)
    return _sorted_out(driver.execute(_SEEN, values, prepare=True).fetchall())


def _sorted_out(rows: Sequence[Row]) -> tuple[list[Row], list[Row], int | None, list[Row], Row]:
    """Transfers, refused ids, the time, accounts and a head, from the rows of one statement."""
    transfers: list[Row] = []
    refused: list[Row] = []
    accounts: list[Row] = []
    now: int | None = None
    head: Row = ()
    for row in rows:
        what = row[1]
        if what == "account":
            accounts.append((row[2], row[9], row[7], row[5], row[3], row[4], row[6], row[8], 0))
        elif what == "refused":
            refused.append((row[0], row[5], bytes.fromhex(row[7])))
        elif what == "now":
            now = row[6]
        elif what == "head":
            head = (row[2], row[3], row[7] and bytes.fromhex(row[7]))
        else:
            transfers.append(row)
    return transfers, refused, now, accounts, head


def insert_refused(driver: Any, rows: Sequence[tuple[str, str, bytes]], at: int) -> None:
    """Keep (id, code, contents)."""
    ids, codes, contents = zip(*sorted(rows), strict=True)
    driver.execute(_REFUSE, (at, _array(ids), _array(codes), list(contents)), prepare=True)


def _array(values: Iterable[object]) -> str:
    """Ids, numbers and our own words as an array's text; none of them needs a quote."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"

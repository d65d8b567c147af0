"""Proves the chain, and that each link covers just the transfers of its commit."""

import hmac
from collections.abc import Iterator
from itertools import groupby

from sqlalchemy import Connection, func, select

from botpay.audit import chain
from botpay.audit.store import links
from botpay.ledger.schema import transfers
from botpay.ledger.store import transfer_of

_CHUNK = 1000


def problems(connection: Connection, key: bytes) -> Iterator[str]:
    """Every way in which the chain and the rows disagree, as a sentence that names the row."""
    digests = _digests(connection)
    waiting = next(digests, None)
    previous, expected = chain.FIRST, 1
    for row in connection.execute(select(links).order_by(links.c.seq).execution_options(yield_per=_CHUNK)):
        if row.seq != expected:
            yield f"audit: link {expected} is missing, link {row.seq} follows"
        if not hmac.compare_digest(chain.make(key, previous, row.seq, row.at, row.body).mac, row.mac):
            yield f"audit: link {row.seq} does not fit the one before it, or the key is not the one it was made with"
        while waiting and waiting[0] < row.seq:
            yield f"transfers: rows of batch {waiting[0]} have no link in the audit"
            waiting = next(digests, None)
        found = waiting[1] if waiting and waiting[0] == row.seq else chain.digest(())
        if chain.covered(row.body) != found:
            yield f"transfers: the rows of batch {row.seq} are not those that were committed"
        if waiting and waiting[0] == row.seq:
            waiting = next(digests, None)
        previous, expected = row.mac, row.seq + 1
    while waiting:
        yield f"transfers: rows of batch {waiting[0]} have no link in the audit"
        waiting = next(digests, None)


def count(connection: Connection) -> int:
    """How many links there are."""
    return connection.execute(select(func.count()).select_from(links)).scalar_one()


def _digests(connection: Connection) -> Iterator[tuple[int, str]]:
    """The digest of the transfers that stand in the table, batch by batch."""
    rows = connection.execute(select(transfers).order_by(transfers.c.batch).execution_options(yield_per=_CHUNK))
    for batch, of_batch in groupby(rows.mappings(), key=lambda row: row["batch"]):
        yield batch, chain.digest(transfer_of(row) for row in of_batch)

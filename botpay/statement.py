"""What people read of their own money: the rows of the ledger with the names that go with them."""

from sqlalchemy import Connection, and_, case, literal, or_, select

from botpay.confirm.store import challenges
from botpay.directory.store import people
from botpay.handlers.world import Entry
from botpay.ledger.schema import MOVED, accounts, transfers

_LINES = 10


def load_history(connection: Connection, person_id: str) -> list[Entry]:
    """A person's last payments and fundings, newest first."""
    own = connection.execute(select(accounts.c.id).where(accounts.c.owner == person_id)).scalars().all()
    sent = transfers.c.debit_id.in_(own)
    other = case((sent, challenges.c.payee), else_=people.c.name)
    found = (
        select(
            transfers.c.created_at,
            transfers.c.amount_minor,
            transfers.c.currency,
            case((sent, literal(1)), else_=literal(0)).label("sent"),
            case((other.is_(None), transfers.c.reason), else_=other).label("other"),
        )
        .outerjoin(challenges, challenges.c.transfer_id == transfers.c.pending_id)
        .outerjoin(people, people.c.id == challenges.c.person_id)
        .where(or_(and_(sent, MOVED), and_(transfers.c.credit_id.in_(own), MOVED)))  # so each side finds its index
        .order_by(transfers.c.created_at.desc(), transfers.c.id.desc())
        .limit(_LINES)
    )
    return [
        Entry(
            at=row.created_at,
            amount_minor=row.amount_minor,
            currency=row.currency,
            sent=bool(row.sent),
            other=row.other,
        )
        for row in connection.execute(found)
    ]

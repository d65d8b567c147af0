"""Everything that `botpay ledger verify` proves, and which rows beside the transfers the audit's links cover.

Transfers and links are never changed, and prove each other. Rows that live on are proven in one of two ways: those that
repeat what transfers say (counters, what was spent, challenges) are recomputed from the transfers; those that nothing
repeats (whose an identity is, a hashtag, an account; PINs; who is frozen) stand with their newest state in the chain.
Whoever writes one of these gives `audit.append` its state, by one of the functions here.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, func, literal_column, or_, select, type_coerce

from botpay.audit import verify as audit
from botpay.audit.chain import State, micros
from botpay.audit.head import Heads
from botpay.charities.model import Purpose, Record, Tag
from botpay.charities.store import charities, documents_of, hashtags, records
from botpay.confirm.challenge import Pin
from botpay.confirm.challenge import State as Stage
from botpay.confirm.store import challenges, pins
from botpay.directory.people import IdentityKey, Person
from botpay.directory.store import identities, people
from botpay.ledger import verify as ledger
from botpay.ledger.chart import SystemAccount
from botpay.ledger.model import Account, TransferKind
from botpay.ledger.schema import accounts, transfers
from botpay.ledger.spending import spending
from botpay.ledger.store import account_of
from botpay.payouts.model import ON_ITS_WAY, Item, ItemState, Run
from botpay.payouts.store import bank_statements, item_of_row, payout_items, payout_runs, run_of
from botpay.receipts.model import Receipt, Signer
from botpay.receipts.store import receipt_of, select_receipts, signers

_CHUNK = 1000
_MICROSECONDS_A_DAY = 24 * 60 * 60 * 1_000_000
_MAY_BE_UNCOVERED = frozenset({"accounts"})
"""An account that no link covers was opened by a use of the ledger alone; without transfers it holds nothing."""

_ENDED_BY = {
    Stage.PASSED: TransferKind.POST,
    Stage.EXPIRED: TransferKind.EXPIRE,
    Stage.CANCELLED: TransferKind.VOID,
    Stage.FAILED: TransferKind.VOID,
    Stage.LOCKED: TransferKind.VOID,
}


def steps(
    connection: Connection, key: bytes, heads: Heads | None = None, tick: audit.Tick = lambda: None
) -> Iterator[tuple[str, Iterator[str]]]:
    """The parts of the proof with their names, each the problems it finds, as sentences that name the rows.

    Args:
        connection: one consistent view for all of it.
        heads: an export of heads that the chain must still hold.
        tick: called after each link of the chain.
    """
    yield "balances", ledger.problems(connection)
    yield "challenges", _wrong_challenges(connection)
    yield "spending", _wrong_spending(connection)
    yield "payouts", _wrong_payouts(connection)
    living = _living(connection)
    yield (
        "audit",
        audit.problems(connection, key, heads=heads, living=living, may_be_uncovered=_MAY_BE_UNCOVERED, tick=tick),
    )


def state_of_pin(pin: Pin) -> State:
    """A PIN's hash, failures, lock and waits; of one that makes nobody wait, as it was before those were kept."""
    locked, again, reset = (None if at is None else micros(at) for at in (pin.locked_at, pin.again_at, pin.reset_at))
    waits = (pin.locks, again, pin.wrong_day, pin.wrong_today, reset)
    return State("pins", pin.person_id, (pin.hash, pin.failures, locked, pin.version, *(waits if any(waits) else ())))


def state_of_person(person: Person) -> State:
    """A person's name, as payers are shown it, since when they are frozen, and all that decides whether they may pay.

    What came to the table later stands behind only where it is set: the state of a row without it stays what it was.
    """
    since = (person.terms_at, person.approved_at, person.locked_at, person.forgotten_at)
    later = (person.country, person.contact_mark, person.terms, *map(_micros, since))
    return State("people", person.id, (person.name, _micros(person.frozen_at), *(later if any(later) else ())))


def state_of_identity(key: IdentityKey, person_id: str | None, since: datetime | None = None) -> State:
    """Whose an identity is, and since when if it was linked or parted; its labels change and are not covered."""
    return State("identities", ":".join(key), (person_id, *(() if since is None else (micros(since),))))


def state_of_tag(tag: Tag, name: str) -> State:
    """Where a hashtag leads, the name that givers are shown, and since or until when, if not for good."""
    times = (tag.active_from, tag.released_at)
    bounds = tuple(None if at is None else micros(at) for at in times) if any(times) else ()
    return State("hashtags", tag.tag, (tag.charity_id, name, *bounds))


def state_of_record(record: Record, iban_digest: str | None) -> State:
    """What is known of a charity, where it is paid, who reviewed it, and whether it is suspended."""
    times = (None if at is None else micros(at) for at in (record.reviewed_at, record.suspended_at))
    known = (record.address, record.object, record.purpose.value, record.rna, record.siren, iban_digest)
    documents = (f"{document}={where}" for document, where in record.documents)
    values = (*known, ";".join(documents), record.reviewed_by, *times, record.version)
    return State("charity_records", record.charity_id, values)


def state_of_run(run: Run) -> State:
    """How far a payout is, who signed it and what, and which file the bank was given."""
    times = map(_micros, (run.prepared_at, run.approved_at, run.exported_at))
    signed = (run.prepared_by, run.approved_by, run.approved_digest, run.debtor_digest, run.file_digest)
    return State("payout_runs", run.id, (run.state.value, *times, *signed, run.version))


def state_of_item(item: Item) -> State:
    """What a charity is paid, to which account, and where that money is."""
    paid = (item.run_id, item.charity_id, item.name, item.amount_minor, item.currency, item.iban_digest)
    return State("payout_items", item.id, (*paid, micros(item.reviewed_at), item.state.value))


def state_of_statement(statement_id: str, contents: str) -> State:
    """That a bank's statement was read, and what it said."""
    return State("bank_statements", statement_id, (contents,))


def state_of_receipt(receipt: Receipt) -> State:
    """A receipt's number, gift, amount, the digest of its PDF, and what became of it."""
    of = (receipt.charity_id, receipt.year, receipt.number, receipt.transfer_id, receipt.person_id)
    over = (receipt.state.value, receipt.replaced_by, _micros(receipt.cancelled_at), receipt.reason)
    values = (*of, receipt.amount_minor, micros(receipt.issued_at), receipt.digest, *over)
    return State("receipts", receipt.id, values)


def state_of_signer(signer: Signer) -> State:
    """Who signs a charity's receipts, as what, and the digest of the picture of their signature."""
    return State("signers", signer.charity_id, (signer.name, signer.capacity, signer.image, signer.version))


def state_of_account(account: Account) -> State:
    """Whose an account is, of what kind, in which currency."""
    return State("accounts", str(account.id), (account.owner, account.kind.value, account.currency))


def _micros(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


def _living(connection: Connection) -> Iterator[State]:
    """All rows that live on and that the chain covers, as they are."""
    for row in connection.execute(select(pins)).mappings():
        yield state_of_pin(Pin(**row))
    covered = [f.name for f in fields(Person) if f.name not in ("language", "contact")]
    for row in connection.execute(select(*(people.c[name] for name in covered))).mappings():
        yield state_of_person(Person(**row, language=""))
    names = ("adapter", "tenant", "id", "person_id", "since")
    owned = or_(identities.c.person_id.is_not(None), identities.c.since.is_not(None))
    for *key, person_id, since in connection.execute(select(*(identities.c[name] for name in names)).where(owned)):
        yield state_of_identity((key[0], key[1], key[2]), person_id, since)
    yield from _of_charities(connection)
    yield from _of_payouts(connection)
    for row in connection.execute(select_receipts()).mappings():
        yield state_of_receipt(receipt_of(row))
    for row in connection.execute(select(signers)).mappings():
        yield state_of_signer(Signer(**row))
    for row in connection.execute(select(accounts)).mappings():
        yield state_of_account(account_of(row))


def _of_charities(connection: Connection) -> Iterator[State]:
    for name, *values in connection.execute(select(charities.c.name, *_TAG).join(hashtags)):
        yield state_of_tag(Tag(**dict(zip(_TAG_NAMES, values, strict=True))), name)
    for row in connection.execute(select(records)).mappings():
        plain = {key: row[key] for key in row if key not in ("iban", "iban_digest", "purpose", "documents")}
        documents = documents_of(row["documents"])
        record = Record(**plain, purpose=Purpose(row["purpose"]), documents=documents)
        yield state_of_record(record, row["iban_digest"])


def _of_payouts(connection: Connection) -> Iterator[State]:
    yield from (state_of_run(run_of(row)) for row in connection.execute(select(payout_runs)).mappings())
    yield from (state_of_item(item_of_row(row)) for row in connection.execute(select(payout_items)).mappings())
    for row in connection.execute(select(bank_statements)):
        yield state_of_statement(row.id, row.contents)


_TAG_NAMES = ("tag", "charity_id", "active_from", "released_at")
_TAG = tuple(hashtags.c[name] for name in _TAG_NAMES)


def _wrong_challenges(connection: Connection) -> Iterator[str]:
    """Challenges that do not agree with the reserve they are about, or with what became of it."""
    for row in connection.execute(_challenges_beside_transfers()):
        of_challenge = (row.person_id, row.payee_owner, row.payee_kind, row.amount_minor, row.currency, row.expires_at)
        if of_challenge != (row.payer, row.payee, row.kind, row.held_minor, row.held_currency, row.until):
            yield f"challenges: {row.transfer_id} does not agree with the reserve that it is about"
        ended_by = _ENDED_BY.get(Stage(row.state))
        if row.ended_by != (ended_by.value if ended_by else None):
            yield f"challenges: {row.transfer_id} is {row.state}, but its reserve is {row.ended_by or 'not ended'}"


def _challenges_beside_transfers() -> Select[Any]:
    reserve, ending = transfers.alias("reserve"), transfers.alias("ending")
    debit, credit = accounts.alias("debit"), accounts.alias("credit")
    names = ("transfer_id", "person_id", "payee_owner", "payee_kind", "amount_minor", "currency", "expires_at", "state")
    return (
        select(
            *(challenges.c[name] for name in names),
            debit.c.owner.label("payer"),
            credit.c.owner.label("payee"),
            credit.c.kind,
            reserve.c.amount_minor.label("held_minor"),
            reserve.c.currency.label("held_currency"),
            reserve.c.expires_at.label("until"),
            ending.c.kind.label("ended_by"),
        )
        .outerjoin(reserve, reserve.c.id == challenges.c.transfer_id)
        .outerjoin(ending, ending.c.pending_id == challenges.c.transfer_id)
        .outerjoin(debit, debit.c.id == reserve.c.debit_id)
        .outerjoin(credit, credit.c.id == reserve.c.credit_id)
        .order_by(challenges.c.transfer_id)
        .execution_options(yield_per=_CHUNK)
    )


def _wrong_spending(connection: Connection) -> Iterator[str]:
    """Counters of what was spent on a day that are not what the challenged payments of that day add up to."""
    left = {(account_id, day): int(minor) for account_id, day, minor in connection.execute(_spent_again())}
    for row in connection.execute(select(spending).order_by(spending.c.account_id, spending.c.day)):
        right = left.pop((row.account_id, row.day), 0)
        if row.amount_minor != right:
            yield f"spending: account {row.account_id} on day {row.day} is {row.amount_minor}, its payments say {right}"
    yield from (
        f"spending: account {account_id} on day {day} is missing, its payments say {minor}"
        for (account_id, day), minor in left.items()
        if minor
    )


def _spent_again() -> Select[Any]:
    """What each account spent on each day, from the reserves of challenges that were not given back."""
    reserve, ending = transfers.alias("reserve"), transfers.alias("ending")
    day = type_coerce(reserve.c.created_at, BigInteger) // literal_column(str(_MICROSECONDS_A_DAY))
    given_back = (ending.c.pending_id == reserve.c.id) & ending.c.kind.in_(
        [TransferKind.VOID.value, TransferKind.EXPIRE.value]
    )
    return (
        select(reserve.c.debit_id, day.label("day"), func.sum(reserve.c.amount_minor))
        .join(challenges, challenges.c.transfer_id == reserve.c.id)
        .outerjoin(ending, given_back)
        .where(ending.c.id.is_(None))
        .group_by(reserve.c.debit_id, day)
    )


def _wrong_payouts(connection: Connection) -> Iterator[str]:
    """Items whose money is not where they say, and an account of payouts that holds what no item explains."""
    owed: Counter[str] = Counter()
    for row in connection.execute(_items_beside_transfers()):
        set_aside = (row.owner, row.credit, row.moved_minor, row.moved_currency)
        if set_aside != (row.charity_id, SystemAccount.PAYOUT, row.amount_minor, row.currency):
            yield f"payout_items: {row.id} does not agree with the transfer that set its money aside"
        if ItemState(row.state) in ON_ITS_WAY:
            owed[row.currency] += row.amount_minor
    of_payouts = select(accounts).where(accounts.c.owner == SystemAccount.PAYOUT.value)
    held = {row["currency"]: account_of(row).balance_minor for row in connection.execute(of_payouts).mappings()}
    for currency in sorted(owed.keys() | held):
        if held.get(currency, 0) != owed[currency]:
            yield f"payouts: {held.get(currency, 0)} {currency} are set aside, the items say {owed[currency]}"


def _items_beside_transfers() -> Select[Any]:
    debit, credit = accounts.alias("debit"), accounts.alias("credit")
    names = ("id", "charity_id", "amount_minor", "currency", "state")
    moved = (transfers.c.amount_minor.label("moved_minor"), transfers.c.currency.label("moved_currency"))
    return (
        select(*(payout_items.c[name] for name in names), debit.c.owner, credit.c.owner.label("credit"), *moved)
        .outerjoin(transfers, transfers.c.id == payout_items.c.id)
        .outerjoin(debit, debit.c.id == transfers.c.debit_id)
        .outerjoin(credit, credit.c.id == transfers.c.credit_id)
        .order_by(payout_items.c.id)
    )

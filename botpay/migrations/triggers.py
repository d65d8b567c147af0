"""Triggers for the steps: what the database refuses by itself, said once for SQLite and PostgreSQL."""

from collections.abc import Iterable
from typing import NamedTuple

from alembic import op


class Rule(NamedTuple):
    """A change that is refused: of which table, what kind of change, under which condition, and what is said."""

    table: str
    what: str
    when: str
    says: str


def prepare() -> None:
    """Make what the triggers of PostgreSQL call."""
    if not _is_sqlite():
        op.execute(
            "create function botpay_refuse() returns trigger language plpgsql as $$ begin "
            "raise exception '%', tg_argv[0] using errcode = 'integrity_constraint_violation'; end $$"
        )


def audit_head() -> None:
    """On PostgreSQL, a function that gives the last link once no other process is about to put one on it.

    The lock is held until the end of the transaction. A statement inside a function sees what was committed while it
    waited; one that took the lock by itself would not.
    """
    if not _is_sqlite():
        op.execute(
            "create function botpay_audit_head() returns table (seq bigint, mac bytea) language plpgsql as $$ begin "
            "perform pg_advisory_xact_lock(7810775121926972537); "
            "return query select a.seq, a.mac from audit a order by a.seq desc limit 1; end $$"
        )


def refuse(rules: Iterable[Rule], first: int = 1) -> None:
    """One trigger a rule, numbered from `first` for their names.

    On PostgreSQL a table whose rows are never removed is never emptied at once either.
    """
    for number, rule in enumerate(rules, start=first):
        name = f"{rule.table}_refuse_{number}"
        condition = f" when ({rule.when})" if rule.when else ""
        head = f"create trigger {name} before {rule.what} on {rule.table}"
        if _is_sqlite():
            op.execute(f"{head} for each row{condition} begin select raise(abort, '{rule.says}'); end")
            continue
        op.execute(f"{head} for each row{condition} execute function botpay_refuse('{rule.says}')")
        if rule.what == "delete" and not rule.when:
            op.execute(
                f"create trigger {name}_all before truncate on {rule.table} for each statement "
                f"execute function botpay_refuse('{rule.says}')"
            )


def changed(names: Iterable[str]) -> str:
    """The condition that one of some columns becomes another value."""
    differs = "is not" if _is_sqlite() else "is distinct from"
    return " or ".join(f"new.{name} {differs} old.{name}" for name in names)


_ACCOUNTS_FIT = "transfers: both accounts must exist and be in its currency"
_ENDING_FITS = "transfers: what ends a reserve must agree with it"


def transfers_fit() -> None:
    """New transfers fit their accounts and reserves: currencies never meet, nothing is ended otherwise than reserved.

    On SQLite each row is looked at before it comes in; on PostgreSQL all rows of a statement at once, after it.
    """
    if _is_sqlite():
        accounts = (
            "not exists (select 1 from accounts d join accounts c where d.id = new.debit_id and c.id = new.credit_id "
            "and d.currency = new.currency and c.currency = new.currency)"
        )
        ending = (
            "new.pending_id is not null and not exists (select 1 from transfers r where r.id = new.pending_id and "
            "r.kind = 'reserve' and r.debit_id = new.debit_id and r.credit_id = new.credit_id and "
            "r.amount_minor = new.amount_minor and r.currency = new.currency)"
        )
        for name, when, says in (("accounts", accounts, _ACCOUNTS_FIT), ("reserve", ending, _ENDING_FITS)):
            op.execute(
                f"create trigger transfers_fit_{name} before insert on transfers for each row when {when} "
                f"begin select raise(abort, '{says}'); end"
            )
        return
    op.execute(
        f"""create function botpay_transfers_fit() returns trigger language plpgsql as $$ declare says text; begin
        select case when d.currency is distinct from f.currency or c.currency is distinct from f.currency
            then '{_ACCOUNTS_FIT}' else '{_ENDING_FITS}' end into says
        from fresh f left join accounts d on d.id = f.debit_id left join accounts c on c.id = f.credit_id
            left join transfers r on r.id = f.pending_id
        where d.currency is distinct from f.currency or c.currency is distinct from f.currency
            or f.pending_id is not null
            and (r.kind is distinct from 'reserve' or r.debit_id <> f.debit_id or r.credit_id <> f.credit_id
            or r.amount_minor <> f.amount_minor or r.currency <> f.currency)
        limit 1;
        if says is not null then raise exception '%', says using errcode = 'integrity_constraint_violation'; end if;
        return null; end $$"""  # noqa: S608 - constants
    )
    op.execute(
        "create trigger transfers_fit after insert on transfers referencing new table as fresh "
        "for each statement execute function botpay_transfers_fit()"
    )


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"

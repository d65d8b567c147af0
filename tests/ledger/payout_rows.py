"""Rows of payouts with which the schema is tried; see `test_schema_refuses`."""

from typing import Any

Row = dict[str, Any]
WAITS, SENT, ENDED, NEW = (f"{n:032x}" for n in (41, 42, 43, 99))

_RUN: Row = {"id": NEW, "state": "prepared", "prepared_by": "Ana", "prepared_at": 0, "version": 0}
_SIGNED: Row = {**_RUN, "state": "approved", "approved_by": "Ben", "approved_at": 0, "approved_digest": "-"}
_SENT: Row = {
    **_SIGNED,
    "state": "exported",
    "exported_at": 0,
    "debtor_digest": "-",
    "file": b"-",
    "file_digest": "-",
}
_ITEM: Row = {
    **dict.fromkeys(("name", "iban_digest"), "-"),
    "id": NEW,
    "run_id": WAITS,
    "amount_minor": 1,
    "currency": "EUR",
    "reviewed_at": 0,
    "state": "waiting",
}


def there(charity_id: str) -> list[tuple[str, Row]]:
    """What is there before each try."""
    return [
        ("payout_runs", {**_RUN, "id": WAITS}),
        ("payout_runs", {**_SENT, "id": SENT}),
        ("payout_runs", {**_SENT, "id": ENDED, "state": "settled"}),
        ("payout_items", {**_ITEM, "id": WAITS, "charity_id": charity_id}),
        ("payout_items", {**_ITEM, "id": ENDED, "charity_id": charity_id, "state": "returned"}),
        ("bank_statements", {"id": "1", "contents": "-", "read_at": 0}),
    ]


def inserts(charity_id: str) -> list[tuple[str, Row, Row, str]]:
    """A table, a row that is taken, what is changed of it, and what the refusal says."""
    item = {**_ITEM, "charity_id": charity_id}
    return [
        ("payout_runs", _RUN, {"state": "paid"}, "ck_payout_runs_state"),
        ("payout_runs", _SIGNED, {"approved_by": "Ana"}, "ck_payout_runs_two_people"),
        ("payout_runs", _SIGNED, {"approved_digest": None}, "ck_payout_runs_approved"),
        ("payout_runs", _RUN, {"approved_at": 1}, "ck_payout_runs_approved"),
        ("payout_runs", _RUN, {"state": "approved"}, "ck_payout_runs_signed"),
        ("payout_runs", _SENT, {"file": None}, "ck_payout_runs_exported"),
        ("payout_runs", _SENT, {"state": "cancelled"}, "ck_payout_runs_exported"),
        ("payout_runs", _SENT, {"debtor_digest": None}, "ck_payout_runs_exported"),
        ("payout_items", item, {"amount_minor": 0}, "ck_payout_items_amount"),
        ("payout_items", item, {"state": "failed"}, "ck_payout_items_state"),
        ("payout_items", item, {"run_id": NEW}, "FOREIGN KEY constraint failed"),
        (
            "bank_statements",
            {"id": "2", "contents": "-", "read_at": 0},
            {"id": "1"},
            "UNIQUE constraint failed: bank_statements.id",
        ),
    ]


CHANGES: list[tuple[str, str, str]] = [
    *(
        (f"delete from {table}", f"{table}: rows are never removed", f"select 1 from {table}")
        for table in ("payout_runs", "payout_items", "bank_statements")
    ),
    ("update bank_statements set contents = 'x'", "bank_statements: rows are never changed", "select 1"),
    *(
        (f"update payout_items set {change}", "payout_items: only the state changes", "select 1")
        for change in ("amount_minor = 2", "iban_digest = 'x'", "name = 'x'", f"run_id = '{SENT}'")
    ),
    (
        f"update payout_items set state = 'waiting' where id = '{ENDED}'",
        "payout_items: what is back stays so",
        f"update payout_items set state = 'in_doubt' where id = '{WAITS}'",
    ),
    (
        f"update payout_runs set file_digest = 'x' where id = '{SENT}'",
        "payout_runs: what was exported stays so",
        f"update payout_runs set file = x'00' where id = '{SENT}'",  # sealed with another key
    ),
    (
        f"update payout_runs set state = 'exported' where id = '{ENDED}'",
        "payout_runs: what ended stays so",
        f"update payout_runs set state = 'settled' where id = '{SENT}'",
    ),
]
"""A statement that is refused, what the refusal says, and its twin that is allowed."""

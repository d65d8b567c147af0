"""What somebody who can write to the database makes of a dialogue of their own: nothing that concerns anybody else."""

import pytest

from botpay.confirm.checker import OwnerCheck
from tests.conftest import PINS, Town
from tests.unit.test_own_account import verdict_of

PIN = "571946"


@pytest.mark.parametrize(
    "change",
    [
        "person_id = (select id from people where name = 'Alice')",
        "person_id = null",
        "actor_id = 'carol'",
        "tries = -100",
        "kind = 'forget', step = 'pin'",
        "step = 'old'",
    ],
)
def test_a_row_that_was_bent_is_over(town: Town, change: str) -> None:
    """Bob proves who he is and makes the row say something else: no PIN is hashed, and Alice's stays what it is."""
    (kept,) = town.rows("select hash from pins p join people o on o.id = p.person_id where o.name = 'Alice'")
    town.do(town.says("bob", "#pin", private=True))
    (work,) = town.do(town.says("bob", PINS["bob"], private=True)).works
    assert isinstance(work, OwnerCheck)
    assert town.do(verdict_of(work, True)).outcome == "pin_new"
    with town.database.write() as connection:
        connection.exec_driver_sql(f"update dialogues set {change}")
    for who in ("bob", "carol"):
        for _ in range(2):
            assert not town.do(town.says(who, PIN, private=True)).works
    assert town.rows("select hash from pins p join people o on o.id = p.person_id where o.name = 'Alice'") == [kept]

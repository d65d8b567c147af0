"""Verify proves the ledger: whatever is bent behind its back is found, and the row is named."""

import contextlib
import sqlite3

import pytest

from botpay.audit import verify as audit
from botpay.audit.store import links
from botpay.handlers.world import Deadline
from tests.conftest import Town


@pytest.fixture
def lively(town: Town) -> Town:
    """A town in which a transfer was funded, posted, given, voided, expired, and one is still reserved."""
    assert town.pays("alice", "#send 10 euros @bob") == "posted"
    assert town.pays("bob", "#donate 20 euros #eaupourtous") == "posted"
    town.do(town.says("carol", "#send 5 euros @bob"))
    assert town.do(town.says("carol", "#cancel")).outcome == "cancelled"
    town.do(town.says("alice", "#send 7 euros @carol"))
    town.clock.move(town.pipeline.terms.caps.confirm_within)
    (late,) = town.rows("select transfer_id from challenges where state = 'open'")
    assert town.do(Deadline(transfer_id=str(late.transfer_id))).outcome == "ignored"  # raw: not a dashed id
    assert town.do(Deadline(transfer_id=dashed(late.transfer_id))).outcome == "expired"
    town.do(town.says("bob", "#send 1 euro @alice"))
    return town


def dashed(raw: str) -> str:
    """An id as Python writes it, from the column's own form."""
    return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"


def tamper(town: Town, *statements: str) -> None:
    """Change rows as somebody who can write to the file would: triggers dropped, keys and checks off."""
    with contextlib.closing(sqlite3.connect(str(town.database.engine.url.database), isolation_level=None)) as raw:
        raw.execute("pragma ignore_check_constraints = on")
        for (name,) in raw.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            raw.execute(f"drop trigger {name}")
        for statement in statements:
            assert raw.execute(statement).rowcount == 1, statement


def batch_of(town: Town, kind: str) -> int:
    """The audit's number of the first transfer of a kind."""
    return int(town.rows("select min(batch) from transfers where kind = :kind", kind=kind)[0][0])


def id_of(town: Town, kind: str) -> str:
    """The first transfer of a kind, as the column has it."""
    return str(town.rows("select id from transfers where kind = :kind order by batch", kind=kind)[0][0])


def test_a_ledger_that_nobody_bent_verifies(lively: Town) -> None:
    """A ledger with every sort of transfer verifies, and its balances are those of what was paid."""
    assert lively.problems() == []
    assert [lively.counters(who) for who in ("alice", "bob", "carol", "charity")] == [
        (290_00, 0),
        (290_00, 1_00),
        (300_00, 0),
        (20_00, 0),
    ]
    kinds = dict(map(tuple, lively.rows("select kind, count(*) from transfers group by kind")))
    assert kinds == {"direct": 3, "reserve": 5, "post": 2, "void": 1, "expire": 1}


@pytest.mark.parametrize("kind", ["direct", "reserve", "post", "void", "expire"])
def test_an_edited_amount_is_found(lively: Town, kind: str) -> None:
    """A cent added to any transfer is found by the audit, which names its batch, and by the accounts' counters."""
    batch = batch_of(lively, kind)
    tamper(lively, f"update transfers set amount_minor = amount_minor + 1 where id = '{id_of(lively, kind)}'")
    found = lively.problems()
    assert f"transfers: the rows of batch {batch} are not those that were committed" in found
    assert any(problem.startswith("accounts: ") and "its transfers say" in problem for problem in found)


@pytest.mark.parametrize("change", ["credit_id = 3", "created_at = created_at + 1", "currency = 'CHF'", "reason = 'x'"])
def test_any_edited_field_is_found(lively: Town, change: str) -> None:
    """The audit covers every field of a transfer, not its amount alone."""
    batch = batch_of(lively, "reserve")
    tamper(lively, f"update transfers set {change} where id = '{id_of(lively, 'reserve')}'")
    assert f"transfers: the rows of batch {batch} are not those that were committed" in lively.problems()


def test_a_row_moved_to_another_batch_is_found(lively: Town) -> None:
    """A transfer stands under the link of its own commit."""
    batch = batch_of(lively, "void")
    tamper(lively, f"update transfers set batch = batch + 1 where id = '{id_of(lively, 'void')}'")
    found = lively.problems()
    for wrong in (batch, batch + 1):
        assert f"transfers: the rows of batch {wrong} are not those that were committed" in found


def test_a_deleted_row_is_found(lively: Town) -> None:
    """A transfer that was removed is found, even if the counters were set to fit."""
    batch = batch_of(lively, "post")
    account = lively.rows("select debit_id, credit_id from transfers where kind = 'post' order by batch")[0]
    tamper(
        lively,
        f"delete from transfers where id = '{id_of(lively, 'post')}'",
        f"update accounts set debits_posted = 0, debits_pending = 1000 where id = {account.debit_id}",
        f"update accounts set credits_posted = 30000, credits_pending = 1000 where id = {account.credit_id}",
    )
    assert lively.problems() == [f"transfers: the rows of batch {batch} are not those that were committed"]


def test_an_inserted_row_is_found(lively: Town) -> None:
    """A transfer that was slipped in is found, whether under a link that exists or behind the last one."""
    last = lively.rows("select max(seq) from audit")[0][0]
    slipped = (
        "insert into transfers (id, kind, debit_id, credit_id, amount_minor, currency, created_at, reason, batch) "
        "values ('{0:032x}', 'direct', 1, 2, 100, 'EUR', 0, 'gift', {1})"
    )
    tamper(lively, slipped.format(1, 2), slipped.format(2, last + 1))
    found = lively.problems()
    assert "transfers: the rows of batch 2 are not those that were committed" in found
    assert f"transfers: rows of batch {last + 1} have no link in the audit" in found


@pytest.mark.parametrize("counter", ["debits_pending", "debits_posted", "credits_pending", "credits_posted"])
def test_a_counter_changed_by_hand_is_found(lively: Town, counter: str) -> None:
    """A counter that its transfers do not add up to is named with its account, with what it is and should be."""
    ((account, kept),) = lively.rows(f"select id, {counter} from accounts where id = 1")
    tamper(lively, f"update accounts set {counter} = {counter} + 5 where id = 1")
    found = lively.problems()
    assert f"accounts: {counter} of account {account} is {kept + 5}, its transfers say {kept}" in found


def test_money_from_nowhere_does_not_add_up(lively: Town) -> None:
    """A balance raised on one account alone is found a second time: all balances no longer add up to nothing."""
    tamper(lively, "update accounts set credits_posted = credits_posted + 5 where id = 1")
    assert "accounts: all balances in EUR add up to 5, not to 0" in lively.problems()


def test_an_overdrawn_account_is_found(lively: Town) -> None:
    """An account below zero is named."""
    tamper(lively, "update accounts set debits_posted = credits_posted + 1 where id = 1")
    assert "accounts: account 1 is overdrawn" in lively.problems()


def test_an_ending_that_does_not_fit_its_reserve_is_found(lively: Town) -> None:
    """A post that pays another account or amount than was reserved is named by its id."""
    post = id_of(lively, "post")
    tamper(lively, f"update transfers set credit_id = 3 where id = '{post}'")
    assert f"transfers: {dashed(post)} does not agree with the reserve that it ends" in lively.problems()


def test_a_deleted_link_is_found(lively: Town) -> None:
    """A link that was removed from the middle is named, and so are the rows that it covered."""
    seq = batch_of(lively, "post")
    tamper(lively, f"delete from audit where seq = {seq}")
    found = lively.problems()
    assert f"audit: link {seq} is missing, link {seq + 1} follows" in found
    assert any(problem.startswith(f"audit: link {seq + 1} does not fit the one before it") for problem in found)
    assert f"transfers: rows of batch {seq} have no link in the audit" in found


def test_the_first_link_is_not_missing_unseen(lively: Town) -> None:
    """The chain has a beginning: without its first link it does not verify."""
    tamper(lively, "delete from audit where seq = 1")
    assert "audit: link 1 is missing, link 2 follows" in lively.problems()


def test_a_last_link_is_not_removed_from_under_its_rows(lively: Town) -> None:
    """Rows behind the last link have none."""
    last = lively.rows("select max(seq) from audit")[0][0]
    tamper(lively, f"delete from audit where seq = {last}")
    assert f"transfers: rows of batch {last} have no link in the audit" in lively.problems()


@pytest.mark.parametrize(
    "change", ["body = replace(body, 'posted', 'locked')", "at = at + 1", "mac = x'00'", "body = 'no json'"]
)
def test_an_edited_link_is_found(lively: Town, change: str) -> None:
    """A link of which outcome, time, MAC or body was changed is named."""
    seq = batch_of(lively, "post")
    tamper(lively, f"update audit set {change} where seq = {seq}")
    wrong = f"audit: link {seq} does not fit the one before it, or the key is not the one it was made with"
    assert wrong in lively.problems()


def test_links_cannot_change_places(lively: Town) -> None:
    """A link is bound to its number."""
    tamper(
        lively,
        "update audit set seq = 1000 where seq = 5",
        "update audit set seq = 5 where seq = 6",
        "update audit set seq = 6 where seq = 1000",
    )
    assert any(problem.startswith("audit: link 5 does not fit") for problem in lively.problems())


def test_the_chain_needs_its_key(lively: Town) -> None:
    """With another key no link fits: who can write to the database alone cannot make one."""
    with lively.database.read() as connection:
        found = [problem for problem in audit.problems(connection, b"x" * 32) if problem.startswith("audit: ")]
        assert len(found) == audit.count(connection)


def test_the_chain_holds_no_name_and_no_text(lively: Town) -> None:
    """What happened is kept as digests and outcomes: nobody's words, name or handle stand in the chain."""
    with lively.database.read() as connection:
        bodies = " ".join(connection.execute(links.select().with_only_columns(links.c.body)).scalars())
    assert "posted" in bodies
    for word in ("alice", "bob", "console", "euros", "person:"):
        assert word not in bodies.casefold()


def test_every_batch_with_an_effect_has_one_link(lively: Town) -> None:
    """Each transfer's batch is a link's number, and the numbers have no gaps."""
    seqs = [seq for (seq,) in lively.rows("select seq from audit order by seq")]
    assert seqs == list(range(1, len(seqs) + 1))
    batches = {batch for (batch,) in lively.rows("select batch from transfers")}
    assert batches <= set(seqs)


def test_a_town_without_transfers_verifies(town: Town) -> None:
    """Nothing paid yet is a ledger too."""
    assert town.rows("select count(*) from challenges") == [(0,)]
    assert town.problems() == []

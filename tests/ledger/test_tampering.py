"""`botpay ledger verify` on a tampered database: each tampering is caught, its row is named, the exit code is 1."""

from pathlib import Path

import pytest

from botpay import proof
from botpay.errors import ConfigError
from tests.conftest import AUDIT_KEY, Town
from tests.ledger.books import printed, run, tamper


@pytest.fixture
def busy(town: Town) -> Town:
    """A town in which money was paid, given, called off, and one payment waits; bob typed a wrong PIN once."""
    assert town.pays("alice", "#send 10 euros @bob") == "posted"
    assert town.pays("bob", "#donate 20 euros #eaupourtous") == "posted"
    town.do(town.says("carol", "#send 5 euros @bob"))
    assert town.do(town.says("carol", "#cancel")).outcome == "cancelled"
    town.do(town.says("bob", "#send 1 euro @alice"))
    assert town.do(town.verdict(town.types_pin("bob", "000001"))).outcome == "wrong_pin"
    return town


def found(town: Town, *words: str) -> list[str]:
    """The problems that verify prints; it must exit with 1 and say how many there are."""
    result = run(town, "ledger", "verify", *words)
    assert result.exit_code == 1, result.output
    *problems, last = result.stdout.splitlines()
    assert last == f"NOT verified: {len(problems)} problem(s)"
    return problems


def exported(town: Town, tmp_path: Path) -> Path:
    """The head of the chain, exported now."""
    path = tmp_path / "head.json"
    printed(town, "ledger", "head", "--out", str(path))
    return path


def test_what_nobody_bent_verifies(busy: Town, tmp_path: Path) -> None:
    """An honest ledger verifies with exit code 0, against its exported head too, and shows no progress to a pipe."""
    head = exported(busy, tmp_path)
    for words in ((), ("--head", str(head))):
        result = run(busy, "ledger", "verify", *words)
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.startswith("verified: 10 transfer rows and ")


def test_an_edited_amount_is_caught(busy: Town) -> None:
    """A cent more in one transfer: the batch and the counters are named."""
    ((batch,),) = busy.rows("select min(batch) from transfers where kind = 'post'")
    tamper(busy, f"update transfers set amount_minor = amount_minor + 1 where kind = 'post' and batch = {batch}")
    problems = found(busy)
    assert f"transfers: the rows of batch {batch} are not those that were committed" in problems
    assert any("debits_posted of account" in problem for problem in problems)


def test_a_deleted_row_is_caught(busy: Town) -> None:
    """A transfer that is gone: the batch is named."""
    ((batch,),) = busy.rows("select batch from transfers where kind = 'void'")
    tamper(busy, "delete from transfers where kind = 'void'")
    assert f"transfers: the rows of batch {batch} are not those that were committed" in found(busy)


def test_an_inserted_row_is_caught(busy: Town) -> None:
    """Money that was written into the table: the batch is named, though the counters were set to fit."""
    tamper(
        busy,
        "insert into transfers (id, kind, debit_id, credit_id, amount_minor, currency, created_at, reason, batch) "
        "select '00000000000070008000000000000001', 'direct', debit_id, credit_id, 500, currency, 0, 'gift', 5 "
        "from transfers where kind = 'direct' limit 1",
        "update accounts set debits_posted = debits_posted + 500 where kind = 'system'",
        "update accounts set credits_posted = credits_posted + 500 "
        "where id = (select credit_id from transfers where amount_minor = 500 and kind = 'direct')",
    )
    assert found(busy) == ["transfers: the rows of batch 5 are not those that were committed"]


def test_a_truncated_tail_is_caught_by_an_exported_head(busy: Town, tmp_path: Path) -> None:
    """The last commit, undone without a trace, is seen by whoever kept the head, and only by them."""
    ((last,),) = busy.rows("select max(seq) from audit")
    printed(busy, "ledger", "fund", "Alice", "7", "--reason", "cash")
    ((account,),) = busy.rows("select credit_id from transfers where reason = 'cash'")
    head = exported(busy, tmp_path)
    tamper(
        busy,
        "delete from transfers where reason = 'cash'",
        f"delete from audit where seq > {last}",
        f"update accounts set credits_posted = credits_posted - 700 where id = {account}",
        "update accounts set debits_posted = debits_posted - 700 where owner = 'cash in'",
    )
    assert run(busy, "ledger", "verify").exit_code == 0
    assert found(busy, "--head", str(head)) == [
        f"audit: the chain ends at link {last}, but link {last + 1} was exported: its tail was cut off"
    ]
    printed(busy, "ledger", "fund", "Alice", "1", "--reason", "another history")
    assert found(busy, "--head", str(head)) == [f"audit: link {last + 1} is not the one that was exported"]


@pytest.mark.parametrize("counter", ["debits_pending", "debits_posted", "credits_pending", "credits_posted"])
def test_a_counter_changed_by_hand_is_caught(busy: Town, counter: str) -> None:
    """A balance raised by hand: the account is named, with what is there and what its transfers say."""
    ((account, kept),) = busy.rows(f"select id, {counter} from accounts where kind = 'charity'")
    tamper(busy, f"update accounts set {counter} = {counter} + 5 where id = {account}")
    assert f"accounts: {counter} of account {account} is {kept + 5}, its transfers say {kept}" in found(busy)


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("pins", "update pins set failures = 0 where failures = 1"),
        ("pins", "update pins set hash = 'x' where failures = 1"),
        ("pins", "update pins set locked_at = 1 where failures = 1"),
        ("pins", "delete from pins where failures = 1"),
        ("people", "update people set name = 'Alice' where name = 'Bob'"),
        ("people", "update people set frozen_at = 1 where name = 'Bob'"),
        (
            "identities",
            "update identities set person_id = (select id from people where name = 'Bob') where id = 'carol'",
        ),
        (
            "identities",
            "insert into identities (adapter, tenant, id, person_id) "
            "select adapter, tenant, 'eve', person_id from identities",
        ),
        ("identities", "delete from identities where id = 'bob'"),
        ("hashtags", "update hashtags set tag = 'eau'"),
        ("hashtags", "update charities set name = 'Eve'"),
        ("hashtags", "update hashtags set active_from = 1"),
        (
            "charity_records",
            "insert into charity_records select id, '', '', 'other', null, null, null, null, '[]', "
            "null, null, null, 1 from charities",
        ),
        (
            "signers",
            "insert into signers select id, 'Eve', 'treasurer', null, 1 from charities",
        ),
        ("accounts", "update accounts set kind = 'system' where kind = 'charity'"),
    ],
)
def test_a_row_that_lives_on_is_as_the_audit_left_it(busy: Town, table: str, change: str) -> None:
    """PINs and their counts, names, freezes, whose an identity is, where a hashtag leads: a change by hand is named."""
    if "'eve'" in change:
        change += " where id = 'bob'"
    tamper(busy, change)
    assert any(problem.startswith(f"{table}: ") for problem in found(busy))


def test_a_count_of_failures_that_is_set_back_is_caught(busy: Town) -> None:
    """The very row of before, put back to gain more guesses, is not the newest that the audit knows."""
    before = busy.rows("select person_id, failures, version from pins where failures = 1")[0]
    assert busy.do(busy.verdict(busy.types_pin("bob", "000002"))).outcome == "wrong_pin"
    tamper(busy, f"update pins set failures = 1, version = {before.version} where person_id = '{before.person_id}'")
    (problem,) = found(busy)
    assert problem.startswith(f"pins: {dashed(before.person_id)} is not as link ")


def test_accounts_whose_owners_were_exchanged_are_caught(busy: Town) -> None:
    """Two people's accounts, exchanged without touching a counter, are both named."""
    alice, bob = (busy.people[who].id for who in ("alice", "bob"))
    tamper(
        busy,
        f"update accounts set owner = 'x' where owner = '{alice}'",
        f"update accounts set owner = '{alice}' where owner = '{bob}'",
        f"update accounts set owner = '{bob}' where owner = 'x'",
    )
    assert sum(problem.startswith("accounts: ") for problem in found(busy)) == 2


@pytest.mark.parametrize(
    "change",
    [
        "amount_minor = 2",
        "expires_at = expires_at + 1",
        "state = 'passed'",
        "payee_kind = 'charity'",
        "payee_owner = person_id",
        "person_id = payee_owner",
    ],
)
def test_a_challenge_agrees_with_its_transfers(busy: Town, change: str) -> None:
    """What a sender is asked to confirm, and what became of it, is what the transfers say; else it is named."""
    ((waits,),) = busy.rows("select transfer_id from challenges where state = 'open'")
    tamper(busy, f"update challenges set {change} where state = 'open'")
    assert any(problem.startswith(f"challenges: {dashed(waits)} ") for problem in found(busy))


@pytest.mark.parametrize(
    "change", ["update spending set amount_minor = 0", "delete from spending", "update spending set day = day - 40"]
)
def test_what_was_spent_is_what_the_payments_say(busy: Town, change: str) -> None:
    """A count of what was spent that is lowered or removed, to get round a limit, is named with its account."""
    tamper(busy, change)
    assert all(problem.startswith("spending: account ") for problem in found(busy))


def test_an_exported_head_that_is_none_is_refused(busy: Town, tmp_path: Path) -> None:
    """A file that is no head proves nothing: the command says so instead of passing."""
    path = tmp_path / "head.json"
    for content in ("", "[]", '{"seq": 1}', '{"seq": 1, "mac": "xy", "at": "2026-01-05"}'):
        path.write_text(content, encoding="ascii")
        result = run(busy, "ledger", "verify", "--head", str(path))
        assert isinstance(result.exception, ConfigError), content
    missing = run(busy, "ledger", "verify", "--head", str(tmp_path / "none.json"))
    assert isinstance(missing.exception, ConfigError)


def test_verify_sees_one_moment_while_the_bot_goes_on(busy: Town) -> None:
    """Payments that are made while the proof is under way neither wait for it nor disturb it."""
    with busy.database.read() as connection:
        problems = []
        for name, step in proof.steps(connection, AUDIT_KEY):
            assert busy.pays("alice", "#send 1 euro @carol") == "posted", name
            problems += list(step)
            assert busy.pays("carol", "#send 1 euro @alice") == "posted", name
    assert problems == []
    assert run(busy, "ledger", "verify").exit_code == 0


def dashed(raw: str) -> str:
    """An id as Python writes it, from the column's own form."""
    return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"

"""Payouts by several at the same time on PostgreSQL, and by processes that are killed: never paid twice, never lost."""

import signal
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from botpay import migrations, proof
from botpay.database import Database
from botpay.errors import ConfigError
from botpay.payouts.model import ItemState, RunState
from botpay.testing.clocks import FixedClock
from botpay.testing.postgres import migrated_database
from tests.conftest import AUDIT_KEY, DATA_KEY, PEPPER, Town
from tests.ledger.bank import DEBTOR, OURS, Bank, Said, statement

TIMES = 5


@pytest.fixture
def bank(clock: FixedClock) -> Iterator[Bank]:
    """The town and its bank on PostgreSQL; all of it must verify afterwards."""
    with migrated_database() as url:
        town = Town.settled(Database(url), clock)
        yield Bank.of(town)
        require_sound(town)
        town.database.close()


def require_sound(town: Town) -> None:
    """What `botpay ledger verify` proves, holds."""
    with town.database.read() as connection:
        assert [problem for _, step in proof.steps(connection, AUDIT_KEY) for problem in step] == []


def at_once(*work: Callable[[], Any]) -> list[Any]:
    """What some functions return or are refused with, begun at the same time on threads of their own."""
    start = threading.Barrier(len(work))

    def one(what: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return what()
        except ConfigError as refused:
            return refused

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(one, work))


def told(answers: list[Any]) -> int:
    """How many were refused."""
    return sum(isinstance(answer, ConfigError) for answer in answers)


def test_five_who_prepare_at_once_promise_the_money_once(bank: Bank) -> None:
    """One gets all of it, four are told that there is nothing."""
    bank.give(bank.town.charity.id, 10_00)
    answers = at_once(*[lambda: bank.desk.prepare("Ana")] * TIMES)
    assert (told(answers), bank.where()) == (TIMES - 1, (0, 10_00, 0))


def test_gifts_that_come_while_it_is_prepared_are_not_lost(bank: Bank) -> None:
    """They are in this payout or in the next, to the cent."""
    bank.give(bank.town.charity.id, 10_00)
    gifts = [lambda: bank.give(bank.town.charity.id, 1)] * TIMES
    at_once(lambda: bank.desk.prepare("Ana"), *gifts)
    has, aside, _ = bank.where()
    assert (has + aside, aside >= 10_00) == (10_00 + TIMES, True)


def test_of_an_export_and_a_cancelling_at_once_one_holds(bank: Bank) -> None:
    """Either it went to the bank and the money is in doubt, or it is back and no file was made; never both."""
    for _ in range(TIMES):
        bank.give(bank.town.charity.id, 1_00)
        sheet = bank.desk.prepare("Ana")
        which, (item,) = sheet.run.id, sheet.items
        bank.desk.approve(which, "Ben")
        before = bank.has("payout")
        answers = at_once(partial(bank.desk.export, which, DEBTOR), partial(bank.desk.cancel, which, "Ana", "no"))
        state = bank.desk.show(which).run.state
        assert (told(answers), state in (RunState.EXPORTED, RunState.CANCELLED)) == (1, True)
        assert bank.has("payout") == (before if state is RunState.EXPORTED else before - item.amount_minor)


def test_five_who_export_at_once_get_one_file(bank: Bank) -> None:
    """All the same bytes; one made it, four were given it again."""
    bank.give(bank.town.charity.id, 10_00)
    run = bank.desk.prepare("Ana").run
    bank.desk.approve(run.id, "Ben")
    made = at_once(*[lambda: bank.desk.export(run.id, DEBTOR)[1:]] * TIMES)
    assert len({file for file, _ in made}) == 1
    assert sorted(again for _, again in made) == [False] + [True] * (TIMES - 1)


def test_five_who_read_one_statement_at_once_confirm_once(bank: Bank) -> None:
    """One confirms, four are told that it was read before; so it is with statements that tell the same by other ids."""
    paid = Said.paid(bank.sent(10_00).items[0])
    answers = at_once(*[lambda: bank.settle(paid)] * TIMES)
    assert sorted((len(a.confirmed), a.again) for a in answers) == [(0, 1)] * (TIMES - 1) + [(1, 0)]
    paid = Said.paid(bank.sent(10_00).items[0])
    answers = at_once(*[partial(bank.settle, paid, id_=f"x{number}") for number in range(TIMES)])
    assert sorted(len(a.confirmed) for a in answers) == [0] * (TIMES - 1) + [1]
    assert bank.where() == (0, 0, 20_00)


def test_a_payment_and_its_return_at_once_end_as_one_after_the_other(bank: Bank) -> None:
    """Whichever is read first, the money is the charity's again, once."""
    for number in range(TIMES):
        (item,) = bank.sent(10_00).items
        at_once(
            partial(bank.settle, Said.paid(item), id_=f"p{number}"),
            partial(bank.settle, Said.returned(item), id_=f"r{number}"),
        )
        assert bank.where() == (item.amount_minor, 0, 0)
        assert bank.desk.show(item.run_id).items[0].state is ItemState.RETURNED


@pytest.fixture(params=[pytest.param("sqlite", marks=pytest.mark.long), "postgresql"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """The botpay.toml of an installation on each database."""
    if request.param == "postgresql":
        with migrated_database() as url:
            yield _written(tmp_path, url)
    else:
        url = f"sqlite:///{tmp_path / 'town.sqlite'}"
        database = Database(url)
        migrations.upgrade(database)
        database.close()
        yield _written(tmp_path, url)


def _written(folder: Path, url: str) -> Path:
    keys = {"pepper": PEPPER, "audit": AUDIT_KEY, "data": DATA_KEY}
    lines = "".join(f'{name} = "{key.hex()}"\n' for name, key in keys.items())
    path = folder / "botpay.toml"
    path.write_text(
        f'database = "{url}"\n[payout]\nname = "Botpay SAS"\niban = "{OURS}"\n[keys]\n{lines}', encoding="utf-8"
    )
    return path


def payout(config: Path, *words: str, dies_in: str | None = None) -> str:
    """`botpay charity payout ...` in a process of its own, which kills itself where it comes to a function."""
    dies = f"import {dies_in.rpartition('.')[0]} as m; m.{dies_in.rpartition('.')[2]} = die\n" if dies_in else ""
    code = (
        "import os, signal\ndef die(*a, **k): os.kill(os.getpid(), signal.SIGKILL)\n"
        f"{dies}from botpay.cli import main\nmain()"
    )
    command = [sys.executable, "-c", code, "charity", "payout", *words, "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == (-signal.SIGKILL if dies_in else 0), done.stderr
    return done.stdout


def test_killed_at_every_step_it_goes_on_where_it_was(config: Path, clock: FixedClock, tmp_path: Path) -> None:
    """Killed before a commit nothing was done, after it all was; the same command again ends it, paid once."""
    town = Town.settled(Database(tomllib.loads(config.read_text(encoding="utf-8"))["database"]), clock)
    bank = Bank.of(town)
    bank.give(town.charity.id, 10_00)
    out, told_ = tmp_path / "payout.xml", tmp_path / "statement.xml"

    payout(config, "prepare", "--by", "Ana", dies_in="botpay.paying_out.desk.append")
    assert (bank.where(), bank.desk.sheets()) == ((10_00, 0, 0), [])
    payout(config, "prepare", "--by", "Ana", dies_in="botpay.cli.payout._tell")
    (sheet,) = bank.desk.sheets()
    which = sheet.run.id
    assert bank.where() == (0, 10_00, 0)
    payout(config, "approve", which, "--by", "Ben", dies_in="botpay.paying_out.desk.append")
    payout(config, "approve", which, "--by", "Ben")
    payout(config, "export", which, "--out", str(out), dies_in="botpay.paying_out.desk.append")
    assert (bank.desk.show(which).run.state, out.exists()) == (RunState.APPROVED, False)
    payout(config, "export", which, "--out", str(out), dies_in="botpay.cli.payout._write")
    assert (bank.desk.show(which).run.state, out.exists()) == (RunState.EXPORTED, False)
    payout(config, "export", which, "--out", str(out))
    assert out.read_text(encoding="utf-8") == bank.desk.export(which, None)[1]

    told_.write_bytes(statement(Said.paid(sheet.items[0])))
    payout(config, "settle", str(told_), dies_in="botpay.paying_out.settling.append")
    assert bank.where() == (0, 10_00, 0)
    payout(config, "settle", str(told_), dies_in="botpay.cli.payout._report")
    assert bank.where() == (0, 0, 10_00)
    assert "were read before" in payout(config, "settle", str(told_))
    assert (bank.where(), bank.desk.show(which).run.state) == ((0, 0, 10_00), RunState.SETTLED)
    require_sound(town)
    town.database.close()

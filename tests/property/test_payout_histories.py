"""Whatever happens to payouts: what was given is what charities have, what is on its way, and what left."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botpay import proof
from botpay.errors import ConfigError
from botpay.ledger.trial import trial_balance
from botpay.message import SecretText
from botpay.payouts.model import ON_ITS_WAY, Item, ItemState, RunState
from botpay.testing.clocks import FixedClock
from tests.conftest import AUDIT_KEY, Town
from tests.ledger.bank import DEBTOR, OTHER_IBAN, Bank, Said

WHICH = st.integers(min_value=0, max_value=3)
STEPS = st.one_of(
    st.tuples(st.just("give"), WHICH, st.integers(min_value=1, max_value=500_00)),
    st.tuples(st.sampled_from(["prepare", "suspend", "resume", "move", "verify"]), WHICH, st.just(0)),
    st.tuples(st.sampled_from(["approve", "export", "cancel"]), WHICH, st.just(0)),
    st.tuples(st.just("advance"), st.just(0) | WHICH, WHICH),
    st.tuples(st.sampled_from(["paid", "paid", "returned", "again", "wrong"]), WHICH, WHICH),
)
TAGS = ("eaupourtous", "fire", "food")


@dataclass(slots=True)
class History:
    """What happened so far, and what must hold of it."""

    bank: Bank
    charities: list[str]
    given: int = 0
    told: list[tuple[Said, str]] = field(default_factory=list)

    def step(self, what: str, which: int, more: int) -> None:
        """One thing happens; what is refused changes nothing."""
        tag = TAGS[which % len(TAGS)]
        with suppress(ConfigError):
            match what:
                case "give":
                    self.bank.give(self.charities[which % len(TAGS)], more)
                    self.given += more
                case "prepare":
                    self.bank.desk.prepare("Ana")
                case "suspend" | "resume":
                    getattr(self.bank.register, what)(tag, "a hint")
                case "move":
                    self.bank.register.describe(tag, {"iban": SecretText(OTHER_IBAN)})
                case "verify":
                    self.bank.verify(tag)
                case "advance":
                    self.advance(which, more)
                case "approve":
                    self.bank.desk.approve(self.run(which), "Ben")
                case "export":
                    self.bank.desk.export(self.run(which), DEBTOR)
                case "cancel":
                    self.bank.desk.cancel(self.run(which), "Ben", "because")
                case _:
                    self.tell(what, which, more)

    def advance(self, which: int, more: int) -> None:
        """The next step of one of the runs, as it should be."""
        states = {sheet.run.id: sheet.run.state for sheet in self.bank.desk.sheets()}
        match states.get(self.run(which)):
            case RunState.PREPARED:
                self.step("approve", which, more)
            case RunState.APPROVED:
                self.step("export", which, more)
            case RunState.EXPORTED:
                self.step("paid", more, which)
            case _:
                self.step("give", more, 1_00)
                self.step("prepare", which, more)

    def run(self, which: int) -> str:
        """One of the runs, the newest first."""
        runs = [sheet.run.id for sheet in self.bank.desk.sheets()]
        return runs[-1 - which % len(runs)] if runs else "none"

    def tell(self, what: str, which: int, more: int) -> None:
        """The bank says something of one or two items, true or not, or says it again."""
        items = [item for sheet in self.bank.desk.sheets() for item in sheet.items][::-1]
        if what == "again" and self.told:
            said, id_ = self.told[which % len(self.told)]
        elif items:
            said, id_ = self.said(what, items[which % len(items)]), f"{len(self.told)}"
            self.told.append((said, id_))
        else:
            return
        self.bank.settle(said, id_=id_, kind=("camt.053", "camt.054")[more % 2])

    @staticmethod
    def said(what: str, item: Item) -> Said:
        """An entry about an item."""
        if what == "returned":
            return Said.returned(item)
        return replace(Said.paid(item), amount="0.01", in_details=None) if what == "wrong" else Said.paid(item)

    def require_sound(self) -> None:
        """Every cent is somewhere, once; the books balance and verify."""
        sheets = self.bank.desk.sheets()
        items = [item for sheet in sheets for item in sheet.items]
        aside = sum(item.amount_minor for item in items if item.state in ON_ITS_WAY)
        arrived = sum(item.amount_minor for item in items if item.state is ItemState.CONFIRMED)
        balances = sum(self.bank.has(charity) for charity in self.charities)
        assert (aside, arrived) == (self.bank.has("payout"), self.bank.has("cash out"))
        assert balances + aside + arrived == self.given
        for sheet in sheets:
            ended = all(item.state in (ItemState.CONFIRMED, ItemState.RETURNED) for item in sheet.items)
            assert ended is (sheet.run.state is RunState.SETTLED)
        with self.bank.town.database.read() as connection:
            lines = trial_balance(connection)
            assert sum(line.debit_minor for line in lines) == sum(line.credit_minor for line in lines)
            assert [problem for _, step in proof.steps(connection, AUDIT_KEY) for problem in step] == []


@contextmanager
def begun(founded: Town) -> Iterator[History]:
    """A copy of the town with three verified charities."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "town.sqlite"
        shutil.copy(str(founded.database.engine.url.database), path)
        copy = founded.moved_to(path, FixedClock())
        bank = Bank.of(copy)
        charities = [copy.charity.id]
        for tag in TAGS[1:]:
            charities.append(copy.enrolment.add_charity(tag.title(), tag).id)
            bank.verify(tag)
        yield History(bank, charities)
        copy.database.close()


@pytest.mark.parametrize("examples", [15, pytest.param(100, marks=pytest.mark.long)])
def test_every_cent_that_was_given_is_somewhere_once(founded: Town, examples: int) -> None:
    """In a hundred random histories of gifts, payouts and statements, everyday in fifteen, books balance and verify."""
    settings(max_examples=examples, deadline=None)(_walks)(founded)


@given(steps=st.lists(STEPS, min_size=10, max_size=40))
def _walks(founded: Town, steps: list[tuple[str, int, int]]) -> None:
    with begun(founded) as history:
        for what, which, more in steps:
            history.step(what, which, more)
        history.require_sound()

"""Whatever was wrong with a PIN, the answer says the same after the same work: it tells no thief what to try next."""

import statistics
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from argon2 import extract_parameters

from botpay.confirm.challenge import NO_PIN
from botpay.confirm.checker import PinCheck
from botpay.confirm.pin import PinHasher
from botpay.message import SecretText
from tests.conftest import PINS, Town

WRONG = SecretText("111213")
ROUNDS = 15
NOISE = 0.15


class Counting(PinHasher):
    """A hasher that notes what each check costs."""

    def _matches(self, kept: str, peppered: bytes) -> bool:
        self.paid.append(extract_parameters(kept))
        return super()._matches(kept, peppered)

    def __init__(self) -> None:
        super().__init__(b"p" * 32, memory_kib=19456, passes=2)
        self.paid: list[object] = []


def of_wrong_pin(town: Town) -> PinCheck:
    """Alice has a PIN, and enters another one."""
    town.do(town.says("alice", "#send 1 euro @bob"))
    return town.types_pin("alice", WRONG.reveal())


def of_locked(town: Town) -> PinCheck:
    """Bob is locked by what he entered for other payments, and enters the right one for this."""
    for _ in range(3):
        town.do(town.says("bob", "#send 1 euro @alice"))
    for _ in range(5):
        town.do(town.verdict(town.types_pin("bob", WRONG.reveal())))
        town.clock.move(timedelta(seconds=30))
    return town.types_pin("bob")


def of_nobody(town: Town) -> PinCheck:
    """Carol's PIN is gone by the time that she enters it."""
    town.do(town.says("carol", "#send 1 euro @alice"))
    with town.database.write() as connection:
        connection.exec_driver_sql("delete from pins where person_id = replace(?, '-', '')", (town.people["carol"].id,))
    return town.types_pin("carol")


CASES = {"wrong": of_wrong_pin, "locked": of_locked, "no PIN": of_nobody}


def test_each_is_checked_with_the_same_work(town: Town) -> None:
    """A wrong PIN, a locked person and none cost one Argon2id of the same memory and passes, and none is let in."""
    hasher = Counting()
    real = hasher.hash(town.people["alice"].id, SecretText(PINS["alice"]))
    for name, tried in CASES.items():
        check = tried(town)
        hasher.paid.clear()
        kept = NO_PIN if check.hash == NO_PIN else real
        assert not hasher.verify(kept, check.person_id, check.pin), name
        assert hasher.paid == [extract_parameters(real[8:])], name
        assert (check.hash == NO_PIN) is (name != "wrong")


def test_each_takes_the_same_time() -> None:
    """Measured in turns, in time of the processor, the medians of the three differ by no more than their noise."""
    hasher = PinHasher(b"p" * 32, memory_kib=19456, passes=2)
    kept = {"wrong": hasher.hash("alice", SecretText(PINS["alice"])), "locked": NO_PIN, "no PIN": NO_PIN}
    taken: dict[str, list[float]] = {name: [] for name in kept}
    for _ in range(ROUNDS):
        for name, hash_ in kept.items():
            begun = time.thread_time()
            hasher.verify(hash_, "alice", WRONG)
            taken[name].append(time.thread_time() - begun)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    assert max(medians.values()) <= (1 + NOISE) * min(medians.values()), medians


@pytest.mark.parametrize("left", [2, 1, 0])
def test_each_is_answered_in_the_same_words(town: Town, left: int) -> None:
    """Whoever enters a PIN that is wrong, does not count or is not there reads the same; the account is not named."""
    read = {name: _answered(town, tried(town), left) for name, tried in CASES.items()}
    assert len(set(read.values())) == 1, read
    expected = "Too many tries" if not left else f"PIN not accepted. Nothing was sent. {left} tr"
    assert read["wrong"].startswith(expected)


def _answered(town: Town, check: PinCheck, left: int) -> str:
    """What is answered to the try that leaves so many; names and sums, which everybody's own, are left out."""
    who = next(name for name, person in town.people.items() if person.id == check.person_id)
    for _ in range(2 - left):
        town.do(replace(town.verdict(check), right=False))
        town.clock.move(timedelta(seconds=5))
        check = town.types_pin(who, WRONG.reveal())
    town.do(replace(town.verdict(check), right=False))
    text = town.letters()[-1].outbound.text
    for name in PINS:
        text = text.replace(f"{name.title()} (@{name})", "…")
    return " ".join(word for word in text.splitlines()[0].split() if "€" not in word)


def test_a_stranger_and_somebody_without_payments_read_the_same(town: Town) -> None:
    """Six digits out of nowhere are answered alike, whether there is an account or not."""
    for who in ("alice", "mallory"):
        assert town.do(town.says(who, WRONG.reveal(), private=True)).outcome == "nothing_open"
    one, other = (letter.outbound.text for letter in town.letters()[-2:])
    assert one == other

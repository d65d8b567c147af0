"""Challenges: three tries for a payment, five failures for a person, and every end is final."""

from datetime import UTC, datetime, timedelta

import pytest

from botpay.confirm.challenge import (
    CHECK_WITHIN,
    ENDED_AS,
    FAILURES_BEFORE_LOCK,
    TRIES_PER_TRANSFER,
    Challenge,
    Pin,
    State,
    count_try,
    may_try,
    right,
    wrong,
)
from botpay.errors import Code
from botpay.message import SecretText

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


def challenge() -> Challenge:
    """An open challenge of five minutes."""
    return Challenge(
        transfer_id="t",
        person_id="alice",
        amount_minor=10_00,
        currency="EUR",
        payee_owner="bob",
        payee_kind="person",
        payee="Bob (@bob)",
        memo=None,
        language="en",
        origin_adapter="console",
        origin_tenant="local",
        origin_actor="alice",
        origin_chat="group",
        origin_public=True,
        prompt_id="p",
        created_at=NOW,
        asked_at=NOW,
        expires_at=NOW + timedelta(minutes=5),
    )


def pin(failures: int = 0, locked_at: datetime | None = None) -> Pin:
    """A PIN with a row of failures."""
    return Pin(person_id="alice", hash="-", failures=failures, locked_at=locked_at)


def refused(of: Challenge, kept: Pin, now: datetime = NOW) -> Code | None:
    """The code of the refusal of a try."""
    refusal = may_try(of, kept, now)
    return refusal.code if refusal else None


def after_wrong(of: Challenge, kept: Pin, times: int) -> tuple[Challenge, Pin]:
    """Both after some wrong tries, each counted, then checked."""
    for _ in range(times):
        assert refused(of, kept) is None
        of, kept = wrong(*count_try(of, kept, NOW), NOW)
    return of, kept


def test_an_open_challenge_may_be_tried() -> None:
    """A PIN may be tried until the last instant before the end, and not at it."""
    of = challenge()
    assert refused(of, pin()) is None
    assert refused(of, pin(), of.expires_at - MOMENT) is None
    assert refused(of, pin(), of.expires_at) is Code.ALREADY_EXPIRED


@pytest.mark.parametrize("state", [state for state in State if state is not State.OPEN])
def test_a_challenge_that_ended_takes_no_pin(state: State) -> None:
    """Whoever comes after the end is told how it ended, even if they are locked and it is too late as well."""
    of = challenge().ended(state)
    assert refused(of, pin(5, NOW), of.expires_at) is ENDED_AS[state]


def test_every_end_says_what_became_of_the_money() -> None:
    """Posted, voided or expired: each end has its code, and open has none."""
    assert set(ENDED_AS) == set(State) - {State.OPEN}
    assert {ENDED_AS[s] for s in (State.FAILED, State.LOCKED, State.CANCELLED)} == {Code.ALREADY_VOIDED}


def test_a_try_is_counted_before_it_is_checked() -> None:
    """Counting a try takes one from the payment and adds one to the person's failures, and forgets what was entered."""
    of, kept = count_try(challenge().changed(entry=SecretText("48291")), pin(), NOW)
    assert (of.tries, of.tries_left, kept.failures, of.entry) == (1, TRIES_PER_TRANSFER - 1, 1, SecretText(""))
    assert (of.version, kept.version) == (2, 1)


def test_while_a_try_is_checked_no_other_is_taken() -> None:
    """A second try waits for the verdict, or for the time after which the check is taken for lost."""
    of, kept = count_try(challenge(), pin(), NOW)
    assert refused(of, kept, NOW + CHECK_WITHIN - MOMENT) is Code.STILL_CHECKING
    assert refused(of, kept, NOW + CHECK_WITHIN) is None
    of, kept = wrong(of, kept, NOW)
    assert refused(of, kept) is None


def test_while_the_last_try_before_the_lock_is_checked_nothing_is_decided() -> None:
    """A double tap during the fifth try is told to wait, not that the person is locked: the PIN may be right."""
    of, kept = count_try(challenge(), pin(FAILURES_BEFORE_LOCK - 1), NOW)
    assert refused(of, kept) is Code.STILL_CHECKING
    assert refused(of, kept, NOW + CHECK_WITHIN) is Code.PERSON_LOCKED


def test_three_wrong_tries_end_a_payment() -> None:
    """After two wrong PINs there is one try left, after the third the payment failed; the person is not locked."""
    of, kept = after_wrong(challenge(), pin(), TRIES_PER_TRANSFER - 1)
    assert (of.state, of.tries_left) == (State.OPEN, 1)
    of, kept = after_wrong(of, kept, 1)
    assert (of.state, of.tries_left, kept.locked) == (State.FAILED, 0, False)
    assert refused(of, kept) is Code.ALREADY_VOIDED


def test_a_third_try_whose_check_was_lost_leaves_no_fourth() -> None:
    """Tries that were counted are spent, even if the process died before the verdict."""
    of, kept = after_wrong(challenge(), pin(), TRIES_PER_TRANSFER - 1)
    of, kept = count_try(of, kept, NOW)
    assert refused(of, kept, NOW + CHECK_WITHIN) is Code.ALREADY_VOIDED


def test_five_wrong_tries_in_a_row_lock_the_person() -> None:
    """Failures add up over payments; the fifth locks (Delegated Regulation (EU) 2018/389, article 4(3)(b))."""
    of, kept = after_wrong(challenge(), pin(), 3)
    of, kept = after_wrong(challenge(), kept, 1)
    assert not kept.locked
    of, kept = after_wrong(of, kept, 1)
    assert (of.state, kept.failures, kept.locked_at) == (State.LOCKED, FAILURES_BEFORE_LOCK, NOW)
    assert refused(challenge(), kept) is Code.PERSON_LOCKED


def test_five_failures_lock_even_without_a_verdict() -> None:
    """A fifth try whose check was lost locks as well: a crash gives no extra guess."""
    assert refused(challenge(), pin(FAILURES_BEFORE_LOCK)) is Code.PERSON_LOCKED
    assert refused(challenge(), pin(FAILURES_BEFORE_LOCK - 1)) is None


def test_a_right_pin_begins_the_row_of_failures_anew() -> None:
    """A right PIN resets the person's failures."""
    assert right(pin(4)).failures == 0
    assert right(pin(4)).version == 1


def test_a_right_pin_does_not_unlock() -> None:
    """Who is locked stays locked, whatever verdict comes late: only an operator unlocks."""
    assert right(pin(5, NOW)).locked


def test_an_ended_challenge_keeps_no_digits() -> None:
    """At its end a challenge forgets what was entered and what was being checked."""
    of, _ = count_try(challenge(), pin(), NOW)
    over = of.changed(entry=SecretText("48")).ended(State.CANCELLED)
    assert (over.entry, over.checking_until) == (SecretText(""), None)
    assert over.tries == 1

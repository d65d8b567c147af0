"""Challenges: three tries for a payment, five failures for a person, and every end is final."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from botpay.confirm.challenge import (
    CHECK_WITHIN,
    ENDED_AS,
    FAILURES_BEFORE_LOCK,
    NO_PIN,
    TRIES_PER_TRANSFER,
    Challenge,
    Pin,
    State,
    count_failure,
    count_try,
    may_enter,
    may_try,
    right,
    to_check,
    too_many_today,
    wrong,
)
from botpay.errors import Code
from botpay.message import SecretText

PER_DAY = 10
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


def refused(of: Challenge, kept: Pin | None, now: datetime = NOW) -> Code | None:
    """The code of the refusal of a try."""
    refusal = may_try(of, now) or may_enter(kept, now, PER_DAY)
    return refusal.code if refusal else None


def tried(of: Challenge, kept: Pin, now: datetime = NOW) -> tuple[Challenge, Pin]:
    """Both after one more try, not yet checked."""
    return count_try(of, now), count_failure(kept, now)


def after_wrong(of: Challenge, kept: Pin, times: int, now: datetime = NOW) -> tuple[Challenge, Pin]:
    """Both after some wrong tries, each counted, then checked; each is made as soon as it may be."""
    for _ in range(times):
        now = max(now, kept.again_at or now)
        assert refused(of, kept, now) is None
        of, kept = tried(of, kept, now)
        of, after = wrong(of, kept, now)
        kept = after or kept
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
    of, kept = tried(challenge().changed(entry=SecretText("48291")), pin())
    assert (of.tries, of.tries_left, kept.failures, of.entry) == (1, TRIES_PER_TRANSFER - 1, 1, SecretText(""))
    assert (of.version, kept.version) == (2, 1)


def test_while_a_try_is_checked_no_other_is_taken() -> None:
    """A second try waits for the verdict, or for the time after which the check is taken for lost."""
    of, kept = tried(challenge(), pin())
    assert refused(of, kept, NOW + CHECK_WITHIN - MOMENT) is Code.STILL_CHECKING
    assert refused(of, kept, NOW + CHECK_WITHIN) is None
    of, _ = wrong(of, kept, NOW)
    assert refused(of, kept) is None


def test_while_the_last_try_before_the_lock_is_checked_nothing_is_decided() -> None:
    """A double tap during the fifth try is told to wait, not that the person is locked: the PIN may be right."""
    of, kept = tried(challenge(), pin(FAILURES_BEFORE_LOCK - 1))
    assert refused(of, kept) is Code.STILL_CHECKING
    assert (kept.locked, to_check(kept)) == (True, NO_PIN)


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
    of, kept = tried(of, kept)
    assert refused(of, kept, NOW + CHECK_WITHIN) is Code.ALREADY_VOIDED


def test_five_wrong_tries_in_a_row_lock_the_person() -> None:
    """Failures add up over payments; the fifth locks (Delegated Regulation (EU) 2018/389, article 4(3)(b))."""
    of, kept = after_wrong(challenge(), pin(), 3)
    of, kept = after_wrong(challenge(), kept, 1)
    assert not kept.locked
    assert kept.again_at is not None
    of, kept = after_wrong(of, kept, 1)
    assert (of.state, kept.failures) == (State.LOCKED, FAILURES_BEFORE_LOCK)
    assert kept.locked_at is not None
    assert to_check(kept) == NO_PIN


def test_five_failures_lock_even_without_a_verdict() -> None:
    """A fifth try whose check was lost locks as well: a crash gives no extra guess."""
    assert to_check(pin(FAILURES_BEFORE_LOCK)) == NO_PIN
    assert to_check(pin(FAILURES_BEFORE_LOCK - 1)) == "-"


def test_who_is_locked_or_has_no_pin_tries_in_vain_like_anybody() -> None:
    """Without a PIN that counts, tries are taken and used up as ever, and nothing but their payment remembers them."""
    for kept in (None, pin(5, NOW)):
        of = challenge()
        for left in (2, 1, 0):
            assert refused(of, kept) is None
            assert to_check(kept) == NO_PIN
            of, after = wrong(count_try(of, NOW), count_failure(kept, NOW) if kept else None, NOW)
            assert (of.tries_left, after) == (left, kept)
        assert of.state is State.FAILED


def test_failures_make_wait() -> None:
    """Two wrong PINs may be slips; after the third the next waits 5 seconds, after the fourth 30."""
    waits, kept, now = [], pin(), NOW
    for _ in range(FAILURES_BEFORE_LOCK - 1):
        kept = count_failure(kept, now)
        waits.append(((kept.again_at or now) - now).total_seconds())
        if kept.again_at:
            assert refused(challenge(), kept, kept.again_at - MOMENT) is Code.TOO_SOON
            now = kept.again_at
        assert refused(challenge(), kept, now) is None
    assert waits == [0, 0, 5, 30]


@pytest.mark.parametrize(("locks", "first"), [(1, 30), (2, 120), (3, 480), (4, 960), (40, 960)])
def test_after_a_lock_each_failure_makes_wait_longer(locks: int, first: int) -> None:
    """Being unlocked does not begin anew: after the n-th lock in a row even the first failure makes wait, ever more."""
    kept = count_failure(replace(pin(5, NOW), locks=locks - 1).unlocked(), NOW)
    assert (kept.failures, kept.locks) == (1, locks)
    assert kept.again_at == NOW + timedelta(seconds=first)
    assert right(kept, NOW).locks == 0, "until it was right"


def test_a_day_bears_so_many_wrong_pins_whatever_was_right_between() -> None:
    """A right PIN resets the row of failures and not the day's count, which ends with the day (UTC)."""
    kept = pin()
    for number in range(PER_DAY):
        assert refused(challenge(), kept) is None, number
        kept = right(count_failure(count_failure(kept, NOW), NOW), NOW)
    assert (kept.failures, kept.wrong_today) == (0, PER_DAY)
    assert refused(challenge(), kept) is Code.TOO_MANY_TODAY
    tomorrow = NOW + timedelta(hours=12)
    assert too_many_today(kept, tomorrow - MOMENT, PER_DAY)
    assert too_many_today(kept, tomorrow, PER_DAY) is None
    assert count_failure(kept, tomorrow).wrong_today == 1


def test_a_right_pin_of_yesterday_takes_nothing_from_today() -> None:
    """A verdict that comes after midnight leaves the new day's count as it is."""
    kept = count_failure(pin(), NOW + timedelta(days=1))
    assert right(kept, NOW).wrong_today == 1


def test_a_right_pin_begins_the_row_of_failures_anew() -> None:
    """A right PIN resets the person's failures."""
    assert right(pin(4), NOW).failures == 0
    assert right(pin(4), NOW).version == 1


def test_a_right_pin_does_not_unlock() -> None:
    """Who is locked stays locked, whatever verdict comes late: only an operator unlocks."""
    assert right(pin(5, NOW), NOW).locked


def test_an_ended_challenge_keeps_no_digits() -> None:
    """At its end a challenge forgets what was entered and what was being checked."""
    of, _ = tried(challenge(), pin())
    over = of.changed(entry=SecretText("48")).ended(State.CANCELLED)
    assert (over.entry, over.checking_until) == (SecretText(""), None)
    assert over.tries == 1

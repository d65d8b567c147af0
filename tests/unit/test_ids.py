"""Ids: the same for the same message, sorted by time, laid out as UUID version 7."""

import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from botpay import ids

AT = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(INSTANTS, st.text())
def test_the_same_message_gives_the_same_id(at: datetime, name: str) -> None:
    """An id derived from the same instant and name is the same, in any process and at any time."""
    assert ids.derived(at, name) == ids.derived(at, name)


def test_a_derived_id_does_not_depend_on_the_process() -> None:
    """A derived id is fixed for good: after an update a retry must find the transfer of the first try."""
    assert ids.derived(AT, "console:local:1") == "019b8e07-4600-7e2c-a140-5dedaeb76664"


@given(INSTANTS, st.text(), st.text())
def test_other_messages_give_other_ids(at: datetime, one: str, other: str) -> None:
    """Two names never share an id."""
    assert (ids.derived(at, one) == ids.derived(at, other)) == (one == other)


@given(INSTANTS, st.text())
def test_ids_are_of_version_seven(at: datetime, name: str) -> None:
    """Every id has version 7 and the variant of RFC 9562, whether derived or fresh."""
    for found in (uuid.UUID(ids.derived(at, name)), uuid.UUID(ids.fresh(at))):
        assert (found.version, found.variant) == (7, uuid.RFC_4122)


@given(INSTANTS, st.integers(1, 10**9), st.text(), st.text())
def test_ids_sort_by_time(at: datetime, later_ms: int, one: str, other: str) -> None:
    """What is a millisecond younger sorts behind, whatever the names; instants are never rounded across."""
    assert ids.derived(at, one) < ids.derived(at + timedelta(milliseconds=later_ms), other)


def test_fresh_ids_differ() -> None:
    """No two fresh ids are the same, even of one instant."""
    assert len({ids.fresh(AT) for _ in range(1000)}) == 1000


def test_a_reference_can_be_read_out() -> None:
    """What people quote is the end of the id, where ids of one instant differ, in capitals."""
    assert ids.reference("019b8e10-1000-7c1f-bdf8-e8a4ce99b7c5") == "CE99B7C5"

"""Who bears a handle: the id decides, and a name that changed hands lately pays nobody."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from botpay.directory.people import SETTLED_AFTER, Identity, Sighting, bearer, fold, identity_of, label
from botpay.errors import Code, Refusal
from botpay.message import Actor

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


def seen(actor_id: str, ago: timedelta, handle: str = "bob") -> Sighting:
    """Somebody who was seen under a handle for the last time a while ago."""
    return Sighting(
        adapter="a", tenant="t", handle=handle, actor_id=actor_id, first_seen=NOW - 2 * ago, last_seen=NOW - ago
    )


def known(actor_id: str, handle: str | None = "bob") -> Identity:
    """An identity under the handle that it bears now."""
    return Identity(adapter="a", tenant="t", id=actor_id, person_id=f"person {actor_id}", handle=handle)


def found(sightings: list[Sighting], *identities: Identity, handle: str = "@bob") -> Identity | Refusal:
    """What the rule says."""
    return bearer(handle, sightings, {i.key: i for i in identities}, NOW)


def code(result: Identity | Refusal) -> Code:
    """The code of a refusal."""
    assert isinstance(result, Refusal)
    return result.code


def test_a_handle_never_seen_is_unknown() -> None:
    """A handle that nobody was seen with pays nobody; the refusal repeats it with one @."""
    refusal = found([], handle="@bob")
    assert code(refusal) is Code.UNKNOWN_PAYEE
    assert isinstance(refusal, Refusal)
    assert refusal.details["payee"] == "@bob"


@pytest.mark.parametrize("written", ["@bob", "bob", "@BOB", "Bob"])
def test_a_handle_that_one_person_bears_is_sure(written: str) -> None:
    """The one who bears a handle is found by it, with or without @, in any case."""
    assert found([seen("1", timedelta(days=400))], known("1", "Bob"), handle=written) == known("1", "Bob")


def test_a_handle_that_moved_lately_is_unsure() -> None:
    """A handle that another id bore less than thirty days ago pays neither of the two."""
    sightings = [seen("1", SETTLED_AFTER - MOMENT), seen("2", timedelta(hours=1))]
    assert code(found(sightings, known("1", "robert"), known("2"))) is Code.UNSURE_PAYEE


def test_a_handle_that_moved_longer_ago_is_its_new_bearers() -> None:
    """A handle that no other id bore for thirty days is its last bearer's, in whatever order sightings come."""
    sightings = [seen("1", SETTLED_AFTER), seen("2", timedelta(hours=1))]
    assert found(sightings, known("1", "robert"), known("2")) == known("2")
    assert found(sightings[::-1], known("1", "robert"), known("2")) == known("2")


def test_who_was_silent_keeps_the_handle_until_another_has_long_borne_it() -> None:
    """Silence does not show that a handle was given up: a newcomer under it is paid only after thirty days with it."""
    silent = seen("1", timedelta(days=400))
    for first_seen, sure in ((SETTLED_AFTER - MOMENT, False), (SETTLED_AFTER, True)):
        newcomer = replace(seen("2", timedelta(hours=1)), first_seen=NOW - first_seen)
        result = found([silent, newcomer], known("1"), known("2"))
        assert (result == known("2")) == sure
        assert sure or code(result) is Code.UNSURE_PAYEE
    newcomer = replace(seen("2", timedelta(hours=1)), first_seen=NOW - timedelta(hours=1))
    assert found([silent, newcomer], known("1", "robert"), known("2")) == known("2")


def test_who_was_renamed_is_not_paid_by_the_old_handle() -> None:
    """A handle that its last bearer gave up pays nobody, even while nobody else bears it."""
    assert code(found([seen("1", timedelta(days=90))], known("1", "robert"))) is Code.UNSURE_PAYEE
    assert code(found([seen("1", timedelta(days=90))], known("1", None))) is Code.UNSURE_PAYEE


def test_a_bearer_that_is_not_known_is_not_paid() -> None:
    """A sighting without an identity behind it pays nobody."""
    assert code(found([seen("1", timedelta(days=90))])) is Code.UNSURE_PAYEE


def test_seeing_an_actor_renews_labels_only() -> None:
    """What a platform shows renews labels; whose an identity is stays, and what the platform does not tell too."""
    renamed = known("1").seen_as(Actor("a", "t", "1", handle="robert", name="Robert"))
    assert (renamed.person_id, renamed.handle, renamed.name) == ("person 1", "robert", "Robert")
    silent = renamed.seen_as(Actor("a", "t", "1"))
    assert (silent.person_id, silent.handle, silent.name) == ("person 1", "robert", "Robert")


def test_an_actor_seen_for_the_first_time_is_nobodys() -> None:
    """An identity begins without a person."""
    assert identity_of(Actor("a", "t", "1", handle="bob")).person_id is None


def test_a_person_is_shown_by_name_and_handle() -> None:
    """Before a payment a person is shown with their name, and the handle where there is one."""
    assert (label("Bob Martin", "bob"), label("Bob Martin", None)) == ("Bob Martin (@bob)", "Bob Martin")


def test_handles_are_compared_in_one_case() -> None:
    """Handles that differ in case alone are one."""
    assert fold("@STRASSE") == fold("straße")

"""An event id that a client chose means one thing: again with other contents it is refused aloud."""

from dataclasses import replace

from botpay.message import SecretText
from botpay.pipeline import CONFLICT, DUPLICATE
from tests.conftest import Town


def test_the_same_id_with_the_same_contents_is_a_duplicate(town: Town) -> None:
    """A repeat changes nothing and is no error, alone or in one batch with the first."""
    said = replace(town.says("alice", "#send 10 euros @bob"), contents=SecretText("body"))
    assert [result.outcome for result in town.process(said, replace(said))] == ["reserved", "duplicate"]
    assert town.do(replace(said)) is DUPLICATE
    assert len(town.rows("select * from transfers where kind = 'reserve'")) == 1


def test_the_same_id_with_other_contents_is_a_conflict(town: Town) -> None:
    """A repeat that says something else changes nothing and is told so, alone or in one batch with the first."""
    said = replace(town.says("alice", "#send 10 euros @bob"), contents=SecretText("body"))
    other = replace(said, text=SecretText("#send 20 euros @carol"), contents=SecretText("other"))
    assert town.process(said, other)[1] is CONFLICT
    assert town.do(other) is CONFLICT
    assert len(town.rows("select * from transfers where kind = 'reserve'")) == 1


def test_where_the_platform_chooses_ids_nothing_is_compared(town: Town) -> None:
    """Without `contents` a repeat is a duplicate, as a platform may bring it with newer labels."""
    said = town.says("alice", "#send 10 euros @bob")
    town.do(said)
    assert town.do(replace(said, text=SecretText("#send 20 euros @bob"))) is DUPLICATE


def test_what_was_done_before_contents_were_known_is_a_duplicate(town: Town) -> None:
    """A mark of an older version has no contents, so nothing can differ from it."""
    said = town.says("alice", "#send 10 euros @bob")
    town.do(said)
    assert town.do(replace(said, contents=SecretText("body"))) is DUPLICATE


def test_contents_are_kept_as_a_keyed_digest(town: Town) -> None:
    """The mark gives away nothing of a body, not even by guessing: the digest needs the audit's key."""
    town.do(replace(town.says("alice", "#send 10 euros @bob"), contents=SecretText("482915")))
    [mark] = town.rows("select contents from marks where contents is not null")
    assert len(mark.contents) == 64
    assert "482915" not in mark.contents


def test_half_a_character_is_kept_too(town: Town) -> None:
    """Contents with half a surrogate pair, as JSON can bring it, are told apart like any others."""
    said = replace(town.says("alice", "#send 10 euros @bob"), contents=SecretText("\ud800"))
    town.do(said)
    assert town.do(replace(said, contents=SecretText("\udc00"))) is CONFLICT

"""Hashtags that nobody can take for another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botpay.charities.tags import checked_tag, skeleton
from botpay.errors import ConfigError
from botpay.parsing import normalise_tag


@pytest.mark.parametrize(
    ("tag", "like"),
    [
        ("eaupourtous", "éaupourtous"),
        ("eaupourtous", "eaup0urtous"),
        ("eaupourtous", "eau_pour_tous"),
        ("faim", "fairn"),
        ("wwf", "vvwf"),
        ("lille", "1il1e"),
        ("clown", "down"),
        ("straße", "strasse"),
        ("œuvre", "ouvre"),
        ("hello", "hel1o"),
    ],
)
def test_look_alikes_have_one_skeleton(tag: str, like: str) -> None:
    """Accents, digits drawn like letters, "_" and pairs that run into one make no difference to the eye."""
    assert skeleton(normalise_tag(tag)) == skeleton(normalise_tag(like))


@pytest.mark.parametrize(("one", "other"), [("eaupourtous", "eaupourtoutes"), ("faim", "fin"), ("chats", "chiens")])
def test_other_words_have_other_skeletons(one: str, other: str) -> None:
    """Words that differ to the eye do not stand in each other's way."""
    assert skeleton(one) != skeleton(other)


@pytest.mark.parametrize(
    "tag", ["еau", "αqua", "水", "eau\u200bpour", "eau-pour", "eau pour", "", "a" * 51, "2026", "٣eau"]
)
def test_what_could_be_taken_for_something_else_is_no_tag(tag: str) -> None:
    """Other scripts, invisible characters, other digits, none or too many characters, and numbers are refused."""
    with pytest.raises(ConfigError):
        checked_tag(normalise_tag(tag))


@pytest.mark.parametrize("tag", ["#EauPourTous", "été2026", "resto_du_cœur", "ＥＡＵ"])
def test_latin_letters_digits_and_underscores_are_a_tag(tag: str) -> None:
    """What people can type on a French keyboard is registered, in its one normal form."""
    assert checked_tag(normalise_tag(tag)) == normalise_tag(tag)


@given(st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzéèêàçôîœ0123456789_"), min_size=1, max_size=30))
def test_a_skeleton_is_its_own(tag: str) -> None:
    """Looking at a skeleton again changes nothing: being a look-alike goes both ways, and through a third."""
    assert skeleton(skeleton(tag)) == skeleton(tag)

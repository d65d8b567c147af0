"""PINs: six ASCII digits, not among the first that anybody would try, kept with a pepper and bound to their person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botpay.confirm.challenge import NO_PIN
from botpay.confirm.pin import PinHasher, is_pin, is_weak, pepper_id, without_pin
from botpay.errors import ConfigError
from botpay.message import SecretText

PIN = SecretText("482915")


def hasher(pepper: bytes = b"p" * 32, *old: bytes, passes: int = 1) -> PinHasher:
    """A cheap one: what a hash costs is not what is tested."""
    return PinHasher(pepper, memory_kib=8, passes=passes, old_peppers=old)


@given(st.from_regex(r"[0-9]{6}", fullmatch=True).filter(str.isascii))
def test_six_ascii_digits_are_a_pin(text: str) -> None:
    """Any six ASCII digits have the form of a PIN."""
    assert is_pin(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "48291",
        "4829150",
        "48291a",
        " 482915",
        "482915\n",
        "48 29 15",
        "-82915",
        "48291.",
        "\u0664\u0668\u0662\u0669\u0661\u0665",
        "\uff14\uff18\uff12\uff19\uff11\uff15",
        "48291\u00b2",
    ],
)
def test_anything_else_is_no_pin(text: str) -> None:
    """Too few or too many digits, spaces, signs, and digits of other scripts are no PIN."""
    assert not is_pin(text)


@pytest.mark.parametrize(
    "pin",
    [
        *("000000", "777777", "121212", "123123", "989898"),  # repeats
        *("012345", "123456", "456789", "567890", "654321", "987654", "098765", "543210"),  # sequences
        *("311299", "010100", "123199", "991231", "000101", "150690"),  # dates, in the three usual orders
        *("123321", "112233", "159753", "147258"),  # patterns on a keypad
    ],
)
def test_what_anybody_would_try_first_is_weak(pin: str) -> None:
    """Repeats, sequences, dates and the usual patterns are weak."""
    assert is_weak(pin)


@pytest.mark.parametrize("pin", ["482915", "739164", "571936", "901847", "135792", "864197"])
def test_other_pins_are_not_weak(pin: str) -> None:
    """A PIN that is none of these is taken, so that enough are left."""
    assert not is_weak(pin)


def test_most_pins_are_not_weak() -> None:
    """Being weak is the exception: at least 85 in 100 of all PINs can be chosen."""
    assert sum(is_weak(f"{n:06}") for n in range(0, 1_000_000, 97)) / (1_000_000 / 97) < 0.15


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("482915", "••••••"),
        ("482 915 !", "••••••"),
        ("pour 482915", "pour ••••••"),
        ("my pin: 482915.", "my pin: ••••••"),
        ("facture 202611", "facture 202611"),
        ("48291", "48291"),
        ("4829150", "4829150"),
        ("for the pizza", "for the pizza"),
        ("", ""),
    ],
)
def test_a_memo_that_is_a_pin_is_dotted_out(text: str, shown: str) -> None:
    """A memo that is nothing but six digits is told to nobody; among other words a number stays as written."""
    assert without_pin(text) == shown


def test_the_right_pin_is_verified() -> None:
    """A PIN is right for its own hash and person; any other PIN is wrong."""
    kept = hasher().hash("alice", PIN)
    assert hasher().verify(kept, "alice", PIN)
    assert not hasher().verify(kept, "alice", SecretText("482916"))


def test_a_hash_is_its_persons() -> None:
    """A hash copied to another person's row does not let the PIN's owner in there."""
    assert not hasher().verify(hasher().hash("alice", PIN), "bob", PIN)


def test_a_hash_needs_the_pepper() -> None:
    """Without its pepper, which is not in the database, a hash is of no use; it is told apart from a wrong PIN."""
    kept = hasher().hash("alice", PIN)
    with pytest.raises(ConfigError, match=rf"pepper {pepper_id(b'p' * 32)}, which is none of \[keys\]"):
        hasher(b"q" * 32).verify(kept, "alice", PIN)
    renamed = pepper_id(b"q" * 32) + kept[len(pepper_id(b"q" * 32)) :]
    assert not hasher(b"q" * 32).verify(renamed, "alice", PIN)


def test_a_hash_of_an_old_pepper_is_renewed() -> None:
    """A PIN that was hashed with an earlier pepper or for less still fits, and is hashed anew when it was right."""
    first = hasher().hash("alice", PIN)
    later = hasher(b"q" * 32, b"p" * 32, passes=2)
    assert later.verify(first, "alice", PIN)
    assert not later.verify(first, "alice", SecretText("482916"))
    renewed = later.renewed(first, "alice", PIN)
    assert renewed is not None
    assert renewed.startswith(pepper_id(b"q" * 32))
    assert hasher(b"q" * 32, passes=2).verify(renewed, "alice", PIN), "the old pepper is not needed any more"
    assert later.renewed(renewed, "alice", PIN) is None
    assert hasher(passes=2).renewed(first, "alice", PIN), "one that cost less"


def test_the_name_of_a_pepper_does_not_tell_it() -> None:
    """What is kept with a hash names its pepper by a MAC, not by any part of it."""
    assert pepper_id(b"p" * 32) not in (b"p" * 32).hex()
    assert pepper_id(b"p" * 32) != pepper_id(b"q" * 32)


def test_the_same_pin_is_kept_in_different_ways() -> None:
    """Two hashes of one PIN differ, so a copy of the table does not show who shares one."""
    assert hasher().hash("alice", PIN) != hasher().hash("alice", PIN)


def test_a_hash_that_is_none_lets_nobody_in() -> None:
    """A damaged or empty hash is a wrong PIN, not a fault."""
    assert not hasher().verify(NO_PIN, "alice", PIN)
    assert not hasher().verify("$argon2id$broken", "alice", PIN)


def test_hashes_are_argon2id_with_the_cost_asked_for() -> None:
    """The hash is Argon2id (RFC 9106) with the memory and passes of the settings, so that the floor of them holds."""
    assert PinHasher(b"p" * 32, memory_kib=64, passes=3).hash("alice", PIN)[8:36] == "$argon2id$v=19$m=64,t=3,p=1$"

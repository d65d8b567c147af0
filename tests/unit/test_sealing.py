"""Sealing: what is sealed is not readable, and opens only unchanged, in its place, with a key that is known."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import LargeBinary

from botpay.database import Sealed
from botpay.errors import LedgerFault
from botpay.sealing import ID_BYTES, Keyring, key_id, place
from botpay.tables import metadata

RING = Keyring(data=b"k" * 32, index=b"i" * 32)
OTHER = Keyring(data=b"o" * 32, index=b"i" * 32)
PLACE = place("challenges", "1", "entry")
READABLE = {
    *("audit.mac", "challenges.link", "link_codes.mac", "receipt_links.link", "refused.contents"),
    "signatures.image",
}
"""Bytes that are digests already; and signatures, which stand on every receipt."""


@given(st.text())
def test_what_is_sealed_opens_in_its_place(text: str) -> None:
    """A sealed text opens again with its key in its place."""
    assert RING.unseal(PLACE, RING.seal(PLACE, text)) == text


def test_a_sealed_text_cannot_be_read() -> None:
    """The text does not stand in its sealed form, and sealing it twice does not show that it is the same."""
    first, second = RING.seal(PLACE, "482915"), RING.seal(PLACE, "482915")
    assert b"482915" not in first
    assert first[ID_BYTES:] != second[ID_BYTES:]


def test_a_moved_value_does_not_open() -> None:
    """A value moved to another row or column is refused."""
    sealed = RING.seal(PLACE, "4829")
    for elsewhere in ("challenges|2|entry", "challenges|1|memo", ""):
        with pytest.raises(LedgerFault, match="cannot be opened"):
            RING.unseal(elsewhere, sealed)


@given(st.integers(0, ID_BYTES + 12 + 4 + 16 - 1), st.integers(1, 255))
def test_a_changed_value_does_not_open(at: int, flip: int) -> None:
    """A value of which any byte was changed is refused: the key's id, nonce, ciphertext or tag."""
    sealed = bytearray(RING.seal(PLACE, "4829"))
    sealed[at] ^= flip
    with pytest.raises(LedgerFault):
        RING.unseal(PLACE, bytes(sealed))


@pytest.mark.parametrize("length", [0, 1, 4, 15, 16, 31, 35])
def test_a_truncated_value_does_not_open(length: int) -> None:
    """A value cut short is refused as a changed one, not with another exception."""
    with pytest.raises(LedgerFault):
        RING.unseal(PLACE, RING.seal(PLACE, "4829")[:length])


def test_another_key_does_not_open() -> None:
    """A value sealed with another key is refused, and the refusal names the place but not the text."""
    with pytest.raises(LedgerFault) as refused:
        OTHER.unseal(PLACE, RING.seal(PLACE, "4829"))
    assert PLACE in str(refused.value)
    assert "4829" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_key_under_the_id_of_another_does_not_open() -> None:
    """The id beside a value says which key to try, and nothing more: under a false one it does not open."""
    ring = replace(RING, old=(OTHER.data,))
    sealed = RING.seal(PLACE, "4829")
    with pytest.raises(LedgerFault):
        ring.unseal(PLACE, key_id(OTHER.data) + sealed[ID_BYTES:])


def test_an_old_key_opens_and_the_current_one_seals() -> None:
    """After a change of keys what was sealed before still opens, and what is sealed from now on needs the new one."""
    before = RING.seal(PLACE, "4829")
    changed = replace(OTHER, old=(RING.data,))
    assert changed.unseal(PLACE, before) == "4829"
    assert changed.seal(PLACE, "4829").startswith(key_id(OTHER.data))
    assert OTHER.unseal(PLACE, changed.seal(PLACE, "4829")) == "4829"


def test_digests_outlive_a_change_of_keys() -> None:
    """What is found by its digest is found after a change of keys; not in another use, nor in another installation."""
    digest = RING.digest("lane", "alice")
    assert replace(OTHER, old=(RING.data,)).digest("lane", "alice") == digest
    others = [RING.digest("email", "alice"), RING.digest("lane", "bob")]
    others.append(replace(RING, index=b"j" * 32).digest("lane", "alice"))
    assert digest not in others
    assert "alice" not in digest


def test_no_key_is_printed() -> None:
    """A keyring shows none of its keys, however it is printed."""
    ring = replace(RING, old=(OTHER.data,))
    _ = ring.current, ring.seal(PLACE, "4829")
    printed = f"{ring!r} {ring}"
    assert not any(key in printed for key in ("kkk", "ooo", "iii", RING.data.hex()))


@given(st.lists(st.text(), min_size=2, max_size=3), st.lists(st.text(), min_size=2, max_size=3))
def test_two_rows_never_have_one_place(one: list[str], other: list[str]) -> None:
    """Rows that differ in any part of their name have different places, whatever characters it holds."""
    assert (place("vault", tuple(one), "value") == place("vault", tuple(other), "value")) == (one == other)


def test_all_bytes_in_the_tables_are_sealed_or_digests() -> None:
    """A column of bytes is of the sealed type, so that a change of keys finds it, or is named here as readable."""
    columns = [column for table in metadata.tables.values() for column in table.columns]
    plain = {str(c) for c in columns if isinstance(c.type, LargeBinary)}
    assert plain == READABLE
    sealed = [c for c in columns if isinstance(c.type, Sealed)]
    assert {str(c) for c in sealed} >= {"outbound.body", "challenges.memo", "challenges.entry", "dead_letters.payload"}
    for column in sealed:
        assert isinstance(column.type, Sealed)
        assert all(name in column.table.columns for name in column.type.row)

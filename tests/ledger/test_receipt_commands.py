"""`botpay charity receipts`: what a treasurer's operator types, and what they are told."""

import io
import json
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.conftest import Town
from tests.ledger.books import printed, run
from tests.ledger.test_receipts import DONOR, TAG, book_of, gives

# A picture of a signature: one white pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c63f80f00010101001bb6ee560000000049454e44ae426082"
)


def receipts(town: Town, *words: str) -> str:
    """What `charity receipts` prints."""
    return printed(town, "charity", "receipts", *words)


def test_a_year_of_receipts(town: Town, tmp_path: Path) -> None:
    """Signed, issued, replaced, listed, declared and exported by the command line alone."""
    book = book_of(town)
    gives(town, "alice", "12.50")
    gives(town, "bob", "20")
    picture = tmp_path / "signature.png"
    picture.write_bytes(PIXEL)
    words = ("sign", TAG, "--name", "Amélie Dupont", "--capacity", "trésorière", "--image", str(picture))
    assert "signed by Amélie Dupont, trésorière" in receipts(town, *words)
    assert "issued 0; 2 gifts wait" in receipts(town, "issue", TAG, "--year", "2026")
    assert book.tell_who(town.people["alice"].id, DONOR) == 1
    told = receipts(town, "replace", TAG, "2026-000001", "--reason", "moved")
    assert told == "replaced 2026-000001 by 2026-000002\n"
    listed = [json.loads(line) for line in receipts(town, "list", TAG, "--year", "2026", "--json").splitlines()]
    assert [(row["number"], row["state"], row["amount"]) for row in listed] == [
        ("2026-000001", "cancelled", "12.50"),
        ("2026-000002", "issued", "12.50"),
    ]
    assert receipts(town, "list", TAG, "--year", "2026", "--csv").startswith("number,gift,amount,issued_at,state")
    assert "cancelled: moved" in receipts(town, "list", TAG, "--year", "2026")
    declared = json.loads(receipts(town, "totals", TAG, "--year", "2026", "--json"))
    assert (declared["receipts"], declared["sum"], declared["cancelled"]) == (1, "12.50", 1)
    assert "1,1,1,12.50" in receipts(town, "totals", TAG, "--year", "2026", "--csv").replace("2026,", "")
    folder = tmp_path / "copies"
    assert "wrote 2 receipts" in receipts(town, "export", TAG, "--year", "2026", "--folder", str(folder))
    files = sorted(path.name for path in folder.iterdir())
    assert files == ["2026-000001.pdf", "2026-000002.pdf"]
    page = PdfReader(io.BytesIO((folder / files[1]).read_bytes())).pages[0]
    assert len(page.images) == 1, "the signature"
    assert printed(town, "ledger", "verify")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["issue", "nobody", "--year", "2026"], "#nobody is no charity's hashtag here"),
        (["issue", TAG, "--year", "2026"], "gives no tax receipts: it was not verified"),
        (["cancel", TAG, "17", "--reason", "x"], "no number of a receipt: they look like 2026-000017"),
        (["cancel", TAG, "2026-000017", "--reason", "x"], "issued no receipt 2026-000017"),
        (["cancel", TAG, "2026-000017", "--reason", " "], "it needs a reason"),
        (["replace", TAG, "2026-000017", "--reason", " "], "it needs a reason"),
        (["sign", TAG, "--name", " ", "--capacity", "x"], "signed by somebody, as something"),
        (["sign", TAG, "--name", "x", "--capacity", "x", "--image", __file__], "a PNG or JPEG picture"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(town: Town, words: list[str], says: str) -> None:
    """A wrong number, reason or picture is told with what to do, and changes nothing."""
    before = town.rows("select count(*) from audit")
    assert says in str(run(town, "charity", "receipts", *words).exception)
    assert town.rows("select count(*) from audit") == before

"""The corpus is the specification: every row of it is played through `botpay parse`."""

import json
from typing import Any

import pytest

from botpay.errors import Code
from botpay.jsonl import parse_line
from tests.language.corpus import OPTIONS, Row, rows

ROWS = rows()
KEYS = {"id", "outcome", "amount", "currency", "recipient", "charity", "memo", "error"}


def played(row: Row) -> dict[str, Any]:
    """The answer of `botpay parse` to a row."""
    answer: dict[str, Any] = json.loads(parse_line(json.dumps(row.asked), OPTIONS))
    return answer


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.place)
def test_a_row_means_what_its_table_says(row: Row) -> None:
    """Every message of the corpus is understood, refused or passed over exactly as its table says."""
    answer = played(row)
    assert set(answer) <= KEYS
    assert answer.pop("id") == row.asked["id"]
    if answer["outcome"] == "error":
        assert answer["error"]["message"]
        answer = {"outcome": answer["error"]["code"]}
    assert answer == row.expected, row.asked["text"]


def test_the_corpus_is_large_and_says_nothing_twice() -> None:
    """The published corpus has more than 1,000 rows, and no two of them ask the same."""
    asked = [json.dumps(row.asked, sort_keys=True) for row in ROWS]
    assert len(asked) > 1000
    assert len(set(asked)) == len(asked)


def test_every_code_that_a_message_can_be_refused_for_is_in_the_corpus() -> None:
    """Each reason for a "no" that a message alone can give is shown by some row, but for a broken line."""
    order = list(Code)
    codes = {code.value for code in order[order.index(Code.UNKNOWN_COMMAND) : order.index(Code.LIMIT_EXCEEDED) + 1]}
    assert codes <= {row.expected["outcome"] for row in ROWS}

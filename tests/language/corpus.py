"""The corpus: tables of what people write and what it means, one file per language and per way to go wrong.

Each `.tsv` in `corpus/` has a row a message and these columns:

- `text`: what was typed; ``\\n``, ``\\t`` and ``\\uXXXX`` stand for characters that a table cannot show;
- `outcome`: an outcome of `botpay parse --jsonl`, or the code of a refusal;
- `amount`, `to`, `memo`: of a payment, as `botpay parse` prints them ("10.50", "@bob", "#eaupourtous") or empty;
- `where`: words out of `private`, a platform ("slack"), `author=alice`; empty for a public chat on the console.

The bot is @PayBot (U0BOT on Slack, @SmoneyBot on Telegram too) and the only charity is #eaupourtous. To add a language,
copy a file, translate its rows, and add the words that fail to `botpay/words`.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botpay.jsonl import ParseOptions

OPTIONS = ParseOptions(bots=("PayBot", "slack:U0BOT", "telegram:SmoneyBot"), charities=("#EauPourTous",))
_FILES = Path(__file__).parent / "corpus"
_ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|([nt]))")


@dataclass(frozen=True, slots=True)
class Row:
    """One message of the corpus: what goes in, and what must come out."""

    place: str
    asked: dict[str, Any]
    expected: dict[str, Any]


def rows() -> list[Row]:
    """All rows of all files."""
    return [row for file in sorted(_FILES.glob("*.tsv")) for row in _rows(file)]


def _rows(file: Path) -> list[Row]:
    head, *lines = file.read_text(encoding="utf-8").splitlines()
    names = head.split("\t")
    found = []
    for number, line in enumerate(lines, 2):
        cells = dict(zip(names, line.split("\t"), strict=True))
        found.append(Row(f"{file.name}:{number}", _asked(cells), _expected(cells)))
    return found


def _asked(cells: dict[str, str]) -> dict[str, Any]:
    asked: dict[str, Any] = {"id": 1, "text": unescaped(cells["text"])}
    for word in cells["where"].split():
        name, _, value = word.partition("=")
        asked |= {"private": True} if word == "private" else {name: value} if value else {"platform": word}
    return asked


def _expected(cells: dict[str, str]) -> dict[str, Any]:
    outcome, amount, to, memo = (cells[name] for name in ("outcome", "amount", "to", "memo"))
    if not amount:
        return {"outcome": outcome}
    expected = {"outcome": outcome, "amount": amount, "currency": "EUR"}
    expected["charity" if outcome == "donation" else "recipient"] = to
    return expected | ({"memo": unescaped(memo)} if memo else {})


def unescaped(text: str) -> str:
    """A cell with its escapes undone."""
    return _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else {"n": "\n", "t": "\t"}[m[2]], text)

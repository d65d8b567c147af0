"""The worked example of docs/ledger.md is what a run gives."""

import csv
import io
import json
import re
from pathlib import Path

from typer.testing import CliRunner

from botpay.cli import app

DOC = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")


def table(head: str) -> list[list[str]]:
    """The rows of the first table whose head begins with these words."""
    lines = DOC[DOC.index(f"\n| {head} ") :].lstrip("\n").partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def test_the_worked_example_is_what_a_run_gives(tmp_path: Path) -> None:
    """The conversation and the commands of the document leave just the rows, statement and balances that it shows."""
    database = str(tmp_path / "example.sqlite")

    def run(*words: str, given: str | None = None) -> str:
        result = CliRunner().invoke(app, [*words, "--database", database], input=given)
        assert result.exit_code == 0, result.output
        return result.stdout

    (script,) = re.findall(r"```text\n(alice> .*?)```", DOC, re.DOTALL)
    run("demo", "--script", "-", given=script)
    run("ledger", "withdraw", "Bob Martin", "100", "--reason", "transfer to his bank", "--id", "2026-03")
    run("ledger", "adjust", "Alice Durand", "-1.00", "--reason", "card fee", "--against", "fees")

    lines = csv.DictReader(io.StringIO(run("ledger", "statement", "Alice Durand", "--format", "csv")))
    names = ("other_party", "memo", "amount", "balance")
    assert [[line[name] for name in names] for line in lines] == table("other party")

    trial = json.loads(run("ledger", "trial-balance", "--json"))["lines"]
    shown = [[str(line[name]) for name in ("kind", "name", "accounts", "debit", "credit")] for line in trial]
    assert shown == table("kind | account")[:-1]

    said = run("ledger", "verify")
    assert said == f"verified: {len(table('reference'))} transfer rows and 18 audit links agree\n"
    assert said in DOC


def test_the_example_adds_up() -> None:
    """In the document, too, the balances of all accounts come to nothing, and balance is credits less debits posted."""
    cents = [[int(cell.replace(".", "")) for cell in row[1:]] for row in table("account | debits")]
    assert sum(row[-1] for row in cents) == 0
    assert all(posted_in - posted_out == balance for _, posted_out, _, posted_in, balance in cents)

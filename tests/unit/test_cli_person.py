"""`botpay person`: what an operator reads and does on the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from botpay.cli import app
from botpay.cli.common import keys_beside
from botpay.testing.play import embedded

PIN = "571946"


class Desk:
    """An installation of one file, and its command line."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "here.sqlite"
        embedded(self._file, keys_beside(self._file))

    def __call__(self, *words: str, code: int = 0, typed: str = "") -> str:
        """What a command prints, or says that is wrong."""
        result = CliRunner().invoke(app, [*words, "--database", str(self._file)], input=typed)
        assert result.exit_code == code, result.output
        return result.output + str(result.exception or "")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """With bob in it."""
    made = Desk(tmp_path)
    made("person", "add", "Bob Martin", "--identity", "console:local:bob", "--handle", "bob", typed=f"{PIN}\n")
    return made


def people(desk: Desk, *options: str) -> list[dict[str, object]]:
    """Everybody, as a script reads them."""
    return [json.loads(line) for line in desk("person", "list", "--json", *options).splitlines()]


def test_a_list_shows_who_is_there_in_which_state(desk: Desk) -> None:
    """As a table and as JSON lines; without addresses and balances."""
    assert "Bob Martin" in desk("person", "list")
    [bob] = people(desk)
    assert (bob["name"], bob["standing"], bob["country"]) == ("Bob Martin", "active", "FR")
    assert bob["places"] == ["Console (@bob) console:local:bob"]
    assert people(desk, "--state", "locked") == []
    assert json.loads(desk("person", "show", "Bob Martin")) == bob


def test_a_lock_needs_a_reason_and_is_undone(desk: Desk) -> None:
    """Both are audited, and the books verify."""
    desk("person", "lock", "Bob Martin", code=2)
    assert "is locked" in desk("person", "lock", "Bob Martin", "--reason", "phone stolen")
    assert [bob["standing"] for bob in people(desk)] == ["locked"]
    assert "may enter their PIN again" in desk("person", "unlock", "Bob Martin")
    assert [bob["standing"] for bob in people(desk)] == ["active"]
    assert "was not locked" in desk("person", "unlock", "Bob Martin")
    desk("ledger", "verify")


def test_forgetting_is_for_empty_accounts(desk: Desk) -> None:
    """With money in it, it says what to do; afterwards the name is nobody's, and the books verify."""
    desk("ledger", "fund", "Bob Martin", "10.00", "--reason", "gift")
    assert "pay it out" in desk("person", "forget", "Bob Martin", "--reason", "asked", code=1)
    desk("ledger", "withdraw", "Bob Martin", "10.00", "--reason", "paid out")
    assert "is forgotten" in desk("person", "forget", "Bob Martin", "--reason", "asked by letter")
    [gone] = people(desk, "--state", "forgotten")
    assert (gone["name"], gone["places"], gone["country"]) == ("Compte supprimé", [], None)
    desk("ledger", "verify")


def test_approving_is_said_once(desk: Desk) -> None:
    """Whom the operator added is approved; a country that is not admitted is refused."""
    assert "was approved already" in desk("person", "approve", "Bob Martin")
    assert "enrolment.countries" in desk("person", "approve", "Bob Martin", "--country", "BE", code=1)


def test_an_id_in_the_list_can_be_copied(desk: Desk) -> None:
    """However narrow the terminal, no id is cut off: other commands want the whole of it."""
    [bob] = people(desk)
    shown = "".join("".join(line.split()) for line in desk("person", "list").splitlines())
    assert "…" not in shown
    assert str(bob["id"])[:8] in shown

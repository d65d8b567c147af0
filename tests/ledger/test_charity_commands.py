"""`botpay charity`: what an operator types, and what they are told."""

import json

import pytest

from botpay.charities.model import Document
from tests.conftest import Town
from tests.ledger.books import printed, run

IBAN = "FR14 2004 1010 0505 0001 3M02 606"


def describe(town: Town, *words: str, given: str = "") -> str:
    """What `charity describe` prints."""
    return printed(town, "charity", "describe", "eaupourtous", *words, given=given)


def test_from_added_to_verified(town: Town) -> None:
    """An operator adds, describes and verifies a charity by the command line alone; the IBAN is never shown whole."""
    assert "added Resto du cœur as #resto" in printed(town, "charity", "add", "Resto du cœur", "resto")
    told = describe(town, "--address", "1 rue du Puits", "--object", "Puits", "--rna", "W751000001")
    assert "unverified, issues no tax receipts" in told
    assert "before it can be verified: an IBAN (--iban-stdin); a document (--document identity=…)" in told
    told = describe(town, "--purpose", "general_interest", "--iban-stdin", given=f"{IBAN}\n")
    assert "FR14 … 2606" in told
    assert IBAN.replace(" ", "") not in told
    documents = [word for kind in Document for word in ("--document", f"{kind}=folder 7")]
    told = printed(town, "charity", "verify", "#eaupourtous", "--by", "Zoé", *documents)
    assert "verified by Zoé on" in told
    assert "may issue tax receipts" in told
    (found, other) = json.loads(printed(town, "charity", "list", "--json"))
    assert (found["verified"], found["iban"], other["verified"]) == (True, "FR14 … 2606", False)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["describe", "eaupourtous"], "nothing to write down"),
        (["describe", "nobody", "--address", "x"], "#nobody is no charity's hashtag here"),
        (["describe", "eaupourtous", "--siren", "123"], "that is no SIREN"),
        (["describe", "eaupourtous", "--rna", "123"], "that is no RNA number"),
        (["describe", "eaupourtous", "--iban-stdin"], "that is no IBAN"),
        (["verify", "eaupourtous", "--by", "Zoé", "--document", "photo=x"], "must be KIND=WHERE, KIND one of identity"),
        (["verify", "eaupourtous", "--by", "Zoé", "--document", "board="], "must be KIND=WHERE"),
        (["verify", "eaupourtous", "--by", "Zoé"], "cannot be verified yet, missing: the address (--address)"),
        (["suspend", "eaupourtous", "--reason", " "], "it needs a reason"),
        (["add", "Mallory", "eaup0urtous"], "looks like #eaupourtous"),
        (["tag", "release", "eaupourtous"], "is the only hashtag of Eau pour tous"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(town: Town, words: list[str], says: str) -> None:
    """A wrong number, hashtag or document is told with what to do, and changes nothing."""
    before = town.rows("select count(*) from audit")
    assert says in str(run(town, "charity", *words, given="FR99\n").exception)
    assert town.rows("select count(*) from audit") == before


def test_suspended_and_resumed(town: Town) -> None:
    """How a charity stands is shown after each step, and in the list."""
    assert "suspended, unverified" in printed(town, "charity", "suspend", "eaupourtous", "--reason", "x")
    assert "suspended" in printed(town, "charity", "list")
    assert "suspended" not in printed(town, "charity", "resume", "eaupourtous", "--reason", "y")


def test_hashtags_come_and_go(town: Town) -> None:
    """A second hashtag is shown with the time from which it leads, one that was given up as such."""
    assert "#puits (from " in printed(town, "charity", "tag", "add", "eaupourtous", "Puits")
    assert "leads to nobody" in printed(town, "charity", "tag", "release", "puits")
    assert "#puits (given up)" in printed(town, "charity", "show", "eaupourtous")

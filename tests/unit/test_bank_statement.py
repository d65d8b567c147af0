"""Reading what a bank tells: strictly, since anybody can write such a file."""

import pytest

from botpay.errors import ConfigError
from botpay.payouts.bank_statement import read
from tests.ledger.bank import Said, statement

BILLION = b'<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (b"", "not well-formed"),
        (b"\xff\xfe\x00", "not well-formed"),
        (b"<a>", "not well-formed"),
        (b"<a/>", r"camt\.053 or camt\.054"),
        (statement(kind="camt.053").replace(b"camt.053", b"camt.060"), r"camt\.053 or camt\.054"),
        (b"<a>" * 200 + b"</a>" * 200, "nested too deeply"),
        (BILLION + b"<d>&b;</d>", "a document type is declared"),
        (BILLION.decode().encode("utf-16"), "a document type is declared"),
        (b'<!DOCTYPE d SYSTEM "file:///etc/passwd"><d/>', "a document type is declared"),
        (b" " * 20_000_001, "larger than 20 MB"),
        (statement(iban=""), "does not say its id and the IBAN"),
    ],
)
def test_a_file_that_is_no_statement_is_refused(file: bytes, says: str) -> None:
    """Neither other XML, nor entities, nor files without end are read, and what is said repeats nothing of them."""
    with pytest.raises(ConfigError, match=says) as refused:
        read(file)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_an_amount_is_read_wherever_it_is_said() -> None:
    """Of the entry and of its details, in the older place and in the newer: all of them must be right later."""
    told = statement(Said(end_to_end="X", amount="2.00", in_details="1.00", reason="AC04", out=False))
    ((movement,),) = (part.movements for part in read(told))
    assert movement.amounts == (("1.00", "EUR"), ("2.00", "EUR"))
    assert (movement.reason, movement.returned, movement.booked, movement.out) == ("AC04", True, True, False)
    old = told.replace(b"<TxDtls>", b'<TxDtls><AmtDtls><TxAmt><Amt Ccy="CHF">3</Amt></TxAmt></AmtDtls>')
    assert ("3", "CHF") in read(old)[0].movements[0].amounts


def test_what_is_said_is_all_that_counts() -> None:
    """Spaces and another message around a statement make no other one; another amount does."""
    one, other = (statement(Said(end_to_end="X", amount=amount)) for amount in ("1.00", "1.01"))
    spaced = one.replace(b"<Ntry>", b"\n  <Ntry>\n ").replace(b"<MsgId>m", b"<MsgId>n")
    digests = [read(file)[0].digest for file in (one, spaced, other)]
    assert digests[0] == digests[1] != digests[2]


def test_elements_of_other_namespaces_are_not_read() -> None:
    """A bank's own additions do not pass for what ISO 20022 says."""
    told = statement(Said(end_to_end="X", amount="1.00")).replace(b"<EndToEndId>", b'<EndToEndId xmlns="urn:x">')
    assert read(told)[0].movements[0].end_to_end == ""


def test_a_reason_that_is_no_code_is_not_repeated() -> None:
    """Nothing that is written in a statement gets into the ledger but a code of four characters."""
    told = statement(Said(end_to_end="X", amount="1.00", out=False, reason="<b>look</b>"))
    assert (read(told)[0].movements[0].reason, read(told)[0].movements[0].returned) == ("", True)

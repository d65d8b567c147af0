"""What a record must hold, number by number, and what is still missing before money is paid out. Pure."""

import re
from collections.abc import Iterator

from stdnum import iban as iban_
from stdnum.exceptions import ValidationError
from stdnum.fr import siren as siren_

from botpay.charities.model import Document, Purpose, Record
from botpay.errors import ConfigError

_RNA = re.compile(r"W[0-9][0-9A-Z][0-9]{7}", re.ASCII)
"""Décret 2007-808 and INSEE's description: W, the department of the prefecture, seven digits."""


LONGEST_NAME = 120


def checked_name(written: str) -> str:
    """A legal name as givers are shown it. Raises `ConfigError` if it is empty, too long, or would mislead the eye."""
    found = " ".join(written.split())
    if not found or len(found) > LONGEST_NAME:
        raise ConfigError(f"a charity's legal name has 1 to {LONGEST_NAME} characters")
    if not found.isprintable():
        raise ConfigError("a charity's legal name holds characters that cannot be seen: write it anew")
    return found


def checked_rna(written: str) -> str:
    """A number of the register of associations, without spaces. Raises `ConfigError`."""
    found = written.replace(" ", "").upper()
    if not _RNA.fullmatch(found):
        raise ConfigError("that is no RNA number: W, two characters of the prefecture, seven digits (W751234567)")
    return found


def checked_siren(written: str) -> str:
    """A SIREN, without spaces and with the right check digit. Raises `ConfigError`."""
    try:
        return str(siren_.validate(written))
    except ValidationError:
        raise ConfigError("that is no SIREN: nine digits, the last of which checks the others") from None


def checked_iban(written: str, countries: frozenset[str]) -> str:
    """An IBAN, without spaces, with the right check digits, of an allowed country. Raises `ConfigError`.

    The message never repeats what was written: a number with a typo is still most of a bank account.
    """
    try:
        found = str(iban_.validate(written))
    except ValidationError:
        raise ConfigError("that is no IBAN: its check digits or its length do not fit, nothing was kept") from None
    if found[:2] not in countries:
        raise ConfigError(f"an account in {found[:2]} is not paid: only in {', '.join(sorted(countries))}")
    return found


def missing(record: Record) -> Iterator[str]:
    """What a review still needs, each as words that name the option to give."""
    if not record.address:
        yield "the address (--address)"
    if not record.object:
        yield "the object (--object)"
    if record.rna is None and record.siren is None:
        yield "a registration number (--rna or --siren)"
    if not record.iban:
        yield "an IBAN (--iban-stdin)"
    seen = {document for document, _ in record.documents}
    yield from (f"a document (--document {document}=…)" for document in Document if document not in seen)


def masked(iban: str) -> str:
    """An IBAN as it may be shown: country, check digits and the last four."""
    return f"{iban[:4]} … {iban[-4:]}" if iban else ""


def says(purpose: Purpose) -> str:
    """What a purpose means for receipts, for an operator."""
    return "may issue tax receipts" if purpose.gives_receipts else "issues no tax receipts"

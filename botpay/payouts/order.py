"""What a bank is told: a credit transfer initiation, pain.001.001.09 (ISO 20022), that holds to its schema. Pure.

Each payment is booked by itself (BtchBookg false), so that statements name it. No address stands in it: unstructured
ones are refused since November 2026, and a name with an IBAN is all that SEPA needs.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree as ET

from botpay.errors import ConfigError
from botpay.message import SecretText

SCHEMA = "pain.001.001.09"
_SPACE = f"urn:iso:std:iso:20022:tech:xsd:{SCHEMA}"
_NOT_SEPA = re.compile(r"[^A-Za-z0-9/?:().,'+ -]")
"""What is not of the characters that every bank takes (EPC217-08)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Debtor:
    """Who pays: the holder of the account, its IBAN and, if known, the bank's BIC."""

    name: str
    iban: SecretText
    bic: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """One payment: to whom, where, how much, in whole cents, and the id that comes back with it."""

    end_to_end: str
    name: str
    iban: SecretText
    amount_minor: int
    currency: str
    about: str


def written(reference: str, debtor: Debtor, credits_: Iterable[Credit], at: datetime) -> str:
    """The file for the bank. Its ids derive from `reference` and the payments', its times from `at`.

    Raises `ConfigError` if the library that writes it is not installed, or a name has no character that banks take.
    """
    try:
        from sepaxml import SepaTransfer
        from sepaxml.validation import ValidationError, try_valid_xml
    except ModuleNotFoundError:
        raise ConfigError('payouts need a library for bank files: pip install "botpay[charities]"') from None
    account = {"name": debtor.name, "IBAN": debtor.iban.reveal(), "batch": False, "currency": "EUR"}
    made = SepaTransfer(account | ({"BIC": debtor.bic} if debtor.bic else {}), schema=SCHEMA)
    for credit in credits_:
        made.add_payment(
            {
                "name": credit.name,
                "IBAN": credit.iban.reveal(),
                "amount": credit.amount_minor,
                "currency": credit.currency,
                "execution_date": at.date(),
                "description": credit.about,
                "endtoend_id": credit.end_to_end,
            }
        )
    file = _fixed(made.export(validate=False), reference, debtor.bic is None, at)
    try:
        try_valid_xml(file, SCHEMA)
    except ValidationError:
        raise ConfigError(f"the bank's file does not hold to {SCHEMA}: look at the names and [payout]") from None
    return file.decode()


def _fixed(file: bytes, reference: str, without_bic: bool, at: datetime) -> bytes:
    """The file without what the library draws by lot or from the clock, in the characters that banks take."""
    root = ET.fromstring(file)  # noqa: S314 - we have just written it
    for found in root.iter(f"{{{_SPACE}}}MsgId"):
        found.text = reference
    for found in root.iter(f"{{{_SPACE}}}CreDtTm"):
        found.text = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    for tag in ("Nm", "Ustrd"):
        for found in root.iter(f"{{{_SPACE}}}{tag}"):
            found.text = " ".join(_NOT_SEPA.sub(" ", (found.text or "").replace("&", "+")).split())
    for payment in root.iter(f"{{{_SPACE}}}PmtInf"):
        _text(payment, "PmtInfId", str(payment.findtext(f".//{{{_SPACE}}}EndToEndId")))
        if without_bic:
            bank = payment.find(f"{{{_SPACE}}}DbtrAgt/{{{_SPACE}}}FinInstnId")
            other = ET.SubElement(_there(bank), f"{{{_SPACE}}}Othr")
            ET.SubElement(other, f"{{{_SPACE}}}Id").text = "NOTPROVIDED"
    ET.register_namespace("", _SPACE)
    body: bytes = ET.tostring(root, "utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body


def _text(parent: ET.Element, tag: str, text: str) -> None:
    _there(parent.find(f"{{{_SPACE}}}{tag}")).text = text


def _there(found: ET.Element | None) -> ET.Element:
    if found is None:
        raise AssertionError("the library writes this element always")
    return found

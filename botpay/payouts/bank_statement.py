"""What a bank tells: statements (camt.053) and notifications (camt.054) of ISO 20022, read strictly. Pure.

A file comes from outside: it may be no larger than `LARGEST`, and a document type, where entities are declared, is
refused before anything of it is read.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from botpay.errors import ConfigError

LARGEST = 20_000_000
_DEEPEST = 64
_ROOT = re.compile(r"urn:iso:std:iso:20022:tech:xsd:(camt\.05[34])\.001\.\d\d\}Document")
_PARTS = {"camt.053": "BkToCstmrStmt/Stmt", "camt.054": "BkToCstmrDbtCdtNtfctn/Ntfctn"}
_REASON = re.compile(r"[A-Z0-9]{4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One payment in an entry.

    Attributes:
        end_to_end: the id that whoever ordered it gave; empty if it has none.
        amounts: (digits, currency) everywhere that its amount is said.
        booked: whether it is final.
        out: whether money left the account.
        returned: whether it is said to have come back: with a reason, or as a reversal.
        reason: the code of that reason (ISO 20022 external code set), if there is one.
    """

    end_to_end: str
    amounts: tuple[tuple[str, str], ...]
    booked: bool
    out: bool
    returned: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankStatement:
    """What happened on one account, by the bank's own name for it."""

    kind: str
    id: str
    iban: str
    movements: tuple[Movement, ...]

    @property
    def digest(self) -> str:
        """Of all that it says, as it is read here: spaces and the order of files do not matter."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()


def read(file: bytes) -> list[BankStatement]:
    """The statements of a file. Raises `ConfigError`, which repeats nothing of it, if it is no such file."""
    if len(file) > LARGEST:
        raise ConfigError(f"this is no bank statement: it is larger than {LARGEST // 1_000_000} MB")
    root = _tree(file)
    kind = _ROOT.fullmatch(root.tag)
    if kind is None:
        raise ConfigError("this is no bank statement: camt.053 or camt.054 of ISO 20022 is read")
    _without_namespace(root, root.tag.partition("}")[0])
    return [_statement(kind[1], part) for part in root.findall(_PARTS[kind[1]])]


def _tree(file: bytes) -> Element:
    builder = TreeBuilder()
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise ConfigError("this is no bank statement: its elements are nested too deeply")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refused
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(file, True)
        return builder.close()
    except (expat.ExpatError, ValueError, LookupError):
        raise ConfigError("this is no bank statement: it is not well-formed XML") from None


def _refused(*_: object) -> None:
    raise ConfigError("this is no bank statement: a document type is declared in it, which no bank does")


def _without_namespace(root: Element, space: str) -> None:
    """Tags by their own names; those of another namespace keep it, and so are not found."""
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{space}}}")


def _statement(kind: str, part: Element) -> BankStatement:
    id_, iban = _said(part, "Id"), _said(part, "Acct/Id/IBAN")
    if not id_ or not iban:
        raise ConfigError("this bank statement does not say its id and the IBAN of its account")
    entries = (movement for entry in part.findall("Ntry") for movement in _movements(entry))
    return BankStatement(kind=kind, id=id_, iban=iban.replace(" ", ""), movements=tuple(entries))


def _movements(entry: Element) -> Iterator[Movement]:
    """What an entry is made of: its details, or itself where it has none."""
    details = entry.findall("NtryDtls/TxDtls")
    of_entry = _amount(entry.find("Amt"))
    booked = "BOOK" in (_said(entry, "Sts"), _said(entry, "Sts/Cd"))
    reversal = _said(entry, "RvslInd") in ("true", "1")
    for detail in details or [Element("TxDtls")]:
        own = tuple(filter(None, (_amount(detail.find(path)) for path in ("Amt", "AmtDtls/TxAmt/Amt"))))
        alone = len(details) <= 1 and of_entry is not None
        reason = _said(detail, "RtrInf/Rsn/Cd")
        yield Movement(
            end_to_end=_said(detail, "Refs/EndToEndId"),
            amounts=(*own, *((of_entry,) if alone and of_entry else ())),
            booked=booked,
            out=(_said(detail, "CdtDbtInd") or _said(entry, "CdtDbtInd")) == "DBIT",
            returned=reversal or detail.find("RtrInf") is not None,
            reason=reason if _REASON.fullmatch(reason) else "",
        )


def _amount(element: Element | None) -> tuple[str, str] | None:
    return None if element is None else ((element.text or "").strip(), element.get("Ccy", ""))


def _said(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()

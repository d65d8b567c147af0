"""What tests of payouts start from: a town whose charity is verified, and a bank that writes statements."""

from dataclasses import dataclass, replace
from typing import Any

from botpay.charities.model import Document, Purpose
from botpay.charity_register import CharityRegister
from botpay.message import SecretText
from botpay.money import Money
from botpay.operations import Operations
from botpay.paying_out.desk import PayoutDesk, Sheet
from botpay.paying_out.settling import Settled, Settling
from botpay.payouts.model import Item, end_to_end
from botpay.payouts.order import Debtor
from tests.conftest import AUDIT_KEY, KEYRING, Town

IBAN = "FR1420041010050500013M02606"  # the example of the registry of IBANs (SWIFT)
OTHER_IBAN = "FR7630006000011234567890189"
OURS = "DE89370400440532013000"  # likewise, of Germany
DEBTOR = Debtor(name="Botpay SAS", iban=SecretText(OURS))
KNOWN: dict[str, Any] = {
    "address": "1 rue du Puits, 75001 Paris",
    "object": "Wells",
    "purpose": Purpose.GENERAL_INTEREST,
    "rna": "W751000001",
    "iban": SecretText(IBAN),
}
SEEN = {document: f"folder/{document}" for document in Document}
TOLD = {"camt.053": ("BkToCstmrStmt", "Stmt"), "camt.054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An entry of a statement, as a bank writes it."""

    end_to_end: str
    amount: str
    currency: str = "EUR"
    out: bool = True
    status: str = "<Cd>BOOK</Cd>"
    reason: str | None = None
    reversal: bool = False
    in_details: str | None = None

    @classmethod
    def paid(cls, item: Item) -> "Said":
        """The bank paid an item."""
        return cls(end_to_end=end_to_end(item.id), amount=Money(item.amount_minor, "EUR").to_decimal_string())

    @classmethod
    def returned(cls, item: Item, reason: str = "AC04") -> "Said":
        """An item came back."""
        return replace(cls.paid(item), out=False, reason=reason)

    def xml(self) -> str:
        """The element Ntry."""
        way = "DBIT" if self.out else "CRDT"
        reason = f"<RtrInf><Rsn><Cd>{self.reason}</Cd></Rsn></RtrInf>" if self.reason else ""
        turned = "<RvslInd>true</RvslInd>" if self.reversal else ""
        money = f'<Amt Ccy="{self.currency}">{self.in_details or self.amount}</Amt>'
        return (
            f'<Ntry><Amt Ccy="{self.currency}">{self.amount}</Amt><CdtDbtInd>{way}</CdtDbtInd>{turned}'
            f"<Sts>{self.status}</Sts><NtryDtls><TxDtls><Refs><EndToEndId>{self.end_to_end}</EndToEndId></Refs>"
            f"{money}<CdtDbtInd>{way}</CdtDbtInd>{reason}</TxDtls></NtryDtls></Ntry>"
        )


def statement(*entries: Said, id_: str = "2026-11/1", iban: str = OURS, kind: str = "camt.053") -> bytes:
    """The bank's file."""
    message, part = TOLD[kind]
    inside = "".join(entry.xml() for entry in entries)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:{kind}.001.08">'
        f"<{message}><GrpHdr><MsgId>m</MsgId></GrpHdr><{part}><Id>{id_}</Id>"
        f"<Acct><Id><IBAN>{iban}</IBAN></Id></Acct>{inside}</{part}></{message}></Document>"
    ).encode()


@dataclass(frozen=True, slots=True)
class Bank:
    """A town with those who pay its charities out."""

    town: Town
    register: CharityRegister
    desk: PayoutDesk
    settling: Settling

    @classmethod
    def of(cls, town: Town) -> "Bank":
        """The charity is verified; it has nothing yet."""
        parts: dict[str, Any] = {
            "database": town.database,
            "clock": town.clock,
            "keyring": KEYRING,
            "audit_key": AUDIT_KEY,
        }
        bank = cls(town, CharityRegister(**parts), PayoutDesk(**parts), Settling(**parts))
        bank.verify("eaupourtous")
        return bank

    def verify(self, tag: str, **known: object) -> None:
        """Describe and review a charity."""
        self.register.describe(tag, KNOWN | known)
        self.register.verify(tag, "Zoé", SEEN)

    def give(self, charity_id: str, minor: int) -> None:
        """Money for a charity, from outside."""
        operations = Operations(database=self.town.database, clock=self.town.clock, audit_key=AUDIT_KEY)
        operations.fund(charity_id, Money(minor), "donations")

    def sent(self, minor: int = 100_00) -> Sheet:
        """A payout to the charity of the town, on its way."""
        self.give(self.town.charity.id, minor)
        run = self.desk.prepare("Ana").run
        self.desk.approve(run.id, "Ben")
        return self.desk.export(run.id, DEBTOR)[0]

    def settle(self, *entries: Said, id_: str = "2026-11/1", iban: str = OURS, kind: str = "camt.053") -> Settled:
        """Read a statement of these entries."""
        return self.settling.settle(statement(*entries, id_=id_, iban=iban, kind=kind))

    def has(self, owner: str) -> int:
        """What an account has, in minor units."""
        found = self.town.rows(
            "select credits_posted - debits_posted from accounts where owner = :owner", owner=str(owner)
        )
        return int(found[0][0]) if found else 0

    def where(self) -> tuple[int, int, int]:
        """What the charity has, what is set aside, and what went out."""
        return self.has(self.town.charity.id), self.has("payout"), self.has("cash out")

    def lines(self) -> int:
        """How many lines the audit has."""
        return int(self.town.rows("select count(*) from audit")[0][0])

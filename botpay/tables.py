"""All tables, known to one `metadata` once this is imported."""

from botpay import inbox, vault
from botpay.audit import store as audit
from botpay.charities import store as charities
from botpay.confirm import guesses
from botpay.confirm import store as confirm
from botpay.database import metadata
from botpay.dialogues import sendings
from botpay.dialogues import store as dialogues
from botpay.directory import link_codes
from botpay.directory import store as directory
from botpay.ledger import schema as ledger
from botpay.ledger import spending
from botpay.outbox import store as outbox
from botpay.payouts import store as payouts
from botpay.receipts import store as receipts

__all__ = [
    "audit",
    "charities",
    "confirm",
    "dialogues",
    "directory",
    "guesses",
    "inbox",
    "ledger",
    "link_codes",
    "metadata",
    "outbox",
    "payouts",
    "receipts",
    "sendings",
    "spending",
    "vault",
]

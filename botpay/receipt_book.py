"""Receipts of one installation: who gets one, under which number, and what becomes of it. Each change is one commit.

A gift gets a receipt by itself once: when its donor said who they are, if its charity is verified, is of a purpose that
gives receipts, and somebody signs for it. A receipt that was cancelled comes back by `replace` alone, so that what a
treasurer or a refund took away is not given again. The number is drawn and the row written under one lock: a process
that dies in between has given out nothing.
"""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from botpay import ids, proof
from botpay.audit.chain import State
from botpay.audit.store import append
from botpay.charities.model import Purpose
from botpay.charities.store import charities, load_look_alike, load_named, load_record
from botpay.clock import Clock
from botpay.database import Database
from botpay.errors import ConfigError, LedgerFault
from botpay.gifts import load_gift, load_gifts_of, load_gifts_to
from botpay.parsing import normalise_tag
from botpay.receipts.model import (
    Contents,
    Donor,
    Gift,
    Receipt,
    ReceiptLink,
    ReceiptState,
    Signer,
    Totals,
    day_in_france,
    order_number,
    year_in_france,
)
from botpay.receipts.pdf import Line, attestation_pdf, receipt_pdf, statement_pdf
from botpay.receipts.store import (
    add_receipt,
    load_contents,
    load_donor,
    load_image,
    load_last_number,
    load_of_charity,
    load_of_gifts,
    load_receipt,
    load_receipt_link,
    load_signer,
    load_totals,
    save_cancelled,
    save_donor,
    save_replaced,
    save_signer,
)
from botpay.sealing import Keyring

_CANCELLED, _REPLACED = "ANNULÉ", "ANNULÉ – REMPLACÉ"
_LARGEST_IMAGE = 200_000
_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


@dataclass(frozen=True, slots=True)
class Given:
    """A gift, and the newest receipt of it if there ever was one."""

    gift: Gift
    receipt: Receipt | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptBook:
    """All receipts of an installation. Charities are named by one of their hashtags."""

    database: Database
    clock: Clock
    keyring: Keyring = field(repr=False)
    audit_key: bytes = field(repr=False)

    def sign_as(self, tag: str, name: str, capacity: str, image: bytes | None) -> Signer:
        """Say who signs a charity's receipts from now on. Raises `ConfigError` if that is nobody, or no picture."""
        if not name.strip() or not capacity.strip():
            raise ConfigError("a receipt is signed by somebody, as something (--name, --capacity)")
        if image is not None and (len(image) > _LARGEST_IMAGE or not image.startswith(_IMAGES)):
            raise ConfigError(f"a signature is a PNG or JPEG picture of at most {_LARGEST_IMAGE // 1000} kB")

        def work(connection: Connection) -> Signer:
            charity_id = _whose(connection, tag)
            load_named(connection, charity_id)  # the lock
            before = load_signer(connection, charity_id)
            signer = Signer(
                charity_id=charity_id,
                name=name.strip(),
                capacity=capacity.strip(),
                image=None if image is None else hashlib.sha256(image).hexdigest(),
                version=before.version + 1 if before else 1,
            )
            save_signer(connection, signer, image)
            self._audit(connection, f"charity:{charity_id}", "signer_set", [proof.state_of_signer(signer)])
            return signer

        return self.database.transact(work)

    def way(self, *, id_: str | None = None, link: bytes | None = None) -> ReceiptLink | None:
        """A way to somebody's page that is still open, by its id or by what is kept of its token."""
        with self.database.read() as connection:
            return load_receipt_link(connection, self._now(connection), id_=id_, link=link)

    def donor(self, person_id: str) -> Donor | None:
        """Who somebody is for the tax office, if they said so."""
        with self.database.read() as connection:
            return load_donor(connection, self.keyring, person_id)

    def given_by(self, person_id: str) -> list[Given]:
        """What somebody gave, oldest first."""
        with self.database.read() as connection:
            return _with_receipts(connection, load_gifts_of(connection, person_id))

    def tell_who(self, person_id: str, donor: Donor) -> int:
        """Write who a donor is and issue what they have not got yet; returns how many receipts that were."""

        def work(connection: Connection) -> None:
            save_donor(connection, self.keyring, person_id, donor, self._now(connection))
            self._audit(connection, f"donor:{person_id}", "details_given")

        self.database.transact(work)
        return sum(self._issue_once(given.gift) for given in self.given_by(person_id) if given.receipt is None)

    def issue(self, tag: str, year: int) -> tuple[int, int]:
        """Issue what a charity's donors have not got yet for gifts of a year.

        Returns how many that were, and how many more cannot be because their donors never said who they are.
        Raises `ConfigError` if the charity gives no receipts.
        """
        with self.database.write() as connection:
            charity_id = _whose(connection, tag)
            if why := self._why_not(connection, charity_id):
                raise ConfigError(f"#{normalise_tag(tag)} gives no tax receipts: {why}")
            gifts = _with_receipts(connection, load_gifts_to(connection, charity_id, *year_in_france(year)))
        wanted = [given.gift for given in gifts if given.receipt is None]
        issued = sum(self._issue_once(gift) for gift in wanted)
        return issued, len(wanted) - issued

    def cancel(self, tag: str, year: int, number: int, reason: str) -> Receipt:
        """Say that a receipt does not count any more; its number stays taken. Raises `ConfigError`."""

        def work(connection: Connection) -> Receipt:
            return self._cancel(connection, self._counting(connection, tag, year, number), reason)

        _need(reason)
        return self.database.transact(work)

    def replace(self, tag: str, year: int, number: int, reason: str) -> Receipt:
        """A new receipt in the place of one, which does not count any more; with the donor and charity as of now.

        Of one that was cancelled and not replaced it makes one again. Raises `ConfigError`.
        """

        def work(connection: Connection) -> Receipt:
            old = self._named(connection, tag, year, number)
            gift = load_gift(connection, old.transfer_id)
            donor = load_donor(connection, self.keyring, old.person_id)
            if old.replaced_by is not None:
                raise ConfigError(f"{old.name} was replaced already")
            if why := self._why_not(connection, old.charity_id):
                raise ConfigError(f"#{normalise_tag(tag)} gives no tax receipts: {why}")
            if donor is None or gift is None:
                raise ConfigError("its donor is not known any more, or never said who they are: nothing was changed")
            if old.state is ReceiptState.ISSUED:
                self._cancel(connection, old, reason)
            new = self._add(connection, gift, donor)
            save_replaced(connection, old, new.id)
            known = self._named(connection, tag, year, number)
            self._audit(connection, f"receipt:{old.id}", "replaced", [proof.state_of_receipt(known)])
            return new

        _need(reason)
        return self.database.transact(work)

    def receipts(self, tag: str, year: int) -> list[Receipt]:
        """A charity's receipts for gifts of a year, by number."""
        with self.database.write() as connection:
            return load_of_charity(connection, _whose(connection, tag), year)

    def totals(self, tag: str, year: int) -> Totals:
        """What a charity declares for a year."""
        with self.database.write() as connection:
            return load_totals(connection, _whose(connection, tag), year)

    def pdf(self, receipt: Receipt) -> bytes:
        """A receipt as it is to be printed today. Raises `LedgerFault` if it is not what was issued."""
        with self.database.read() as connection:
            contents = load_contents(connection, self.keyring, receipt.id)
            image = load_image(connection, contents.image)
        issued = receipt_pdf(contents, receipt.name, self._secret, image=image)
        if hashlib.sha256(issued).hexdigest() != receipt.digest:
            raise LedgerFault(f"receipt {receipt.id} is not the one that was issued")
        if receipt.state is ReceiptState.ISSUED:
            return issued
        stamp = _REPLACED if receipt.replaced_by else _CANCELLED
        return receipt_pdf(contents, receipt.name, self._secret, image=image, cancelled=stamp)

    def pdf_of_gift(self, person_id: str, transfer_id: str) -> bytes | None:
        """What somebody gets for a gift of theirs: its receipt, else an attestation; for another's None, audited."""
        mine = {given.gift.transfer_id: given for given in self.given_by(person_id)}
        if (given := mine.get(transfer_id)) is None:
            event = f"receipt_of:{transfer_id}"
            self.database.transact(lambda connection: self._audit(connection, event, "refused_not_theirs"))
            return None
        if given.receipt is not None:
            return self.pdf(given.receipt)
        donor = self.donor(person_id)
        name = donor.name.reveal() if donor else None
        return attestation_pdf(name, _line(given), ids.reference(transfer_id), self._secret)

    def statement(self, person_id: str, year: int) -> bytes | None:
        """All that somebody gave in a year; None if that is nothing, or they never said who they are."""
        lines = [_line(given) for given in self.given_by(person_id) if given.gift.year == year]
        donor = self.donor(person_id)
        return statement_pdf(donor.name.reveal(), year, lines, self._secret) if lines and donor else None

    @property
    def _secret(self) -> bytes:
        return self.keyring.secret("receipts")

    def _issue_once(self, gift: Gift) -> bool:
        """A receipt of a gift that has never had one; in a commit of its own, so that nobody waits for long."""

        def work(connection: Connection) -> bool:
            load_last_number(connection, charities, gift.charity_id, gift.year)  # the lock: now nobody else issues it
            donor = load_donor(connection, self.keyring, gift.person_id)
            if donor is None or self._why_not(connection, gift.charity_id):
                return False
            if load_of_gifts(connection, [gift.transfer_id]):
                return False
            self._add(connection, gift, donor)
            return True

        return self.database.transact(work)

    def _add(self, connection: Connection, gift: Gift, donor: Donor) -> Receipt:
        now = self._now(connection)
        number = load_last_number(connection, charities, gift.charity_id, gift.year) + 1
        contents = self._contents(connection, gift, donor, now)
        image = load_image(connection, contents.image)
        printed = receipt_pdf(contents, order_number(gift.year, number), self._secret, image=image)
        receipt = Receipt(
            id=ids.derived(now, f"receipt:{gift.charity_id}:{gift.year}:{number}"),
            charity_id=gift.charity_id,
            year=gift.year,
            number=number,
            transfer_id=gift.transfer_id,
            person_id=gift.person_id,
            amount_minor=gift.amount.minor,
            issued_at=now,
            digest=hashlib.sha256(printed).hexdigest(),
        )
        add_receipt(connection, self.keyring, receipt, contents)
        self._audit(connection, f"receipt:{receipt.id}", "issued", [proof.state_of_receipt(receipt)])
        return receipt

    def _contents(self, connection: Connection, gift: Gift, donor: Donor, now: datetime) -> Contents:
        record, signer = (
            load_record(connection, self.keyring, gift.charity_id),
            load_signer(connection, gift.charity_id),
        )
        if record is None or signer is None:
            raise LedgerFault(f"the record of charity {gift.charity_id} is gone")
        return Contents(
            charity=gift.charity,
            charity_address=record.address,
            object=record.object,
            public_utility=record.purpose is Purpose.PUBLIC_UTILITY,
            rna=record.rna,
            siren=record.siren,
            donor=donor.name.reveal(),
            donor_address=donor.address.reveal(),
            amount_minor=gift.amount.minor,
            currency=gift.amount.currency,
            given_on=day_in_france(gift.at).isoformat(),
            issued_on=day_in_france(now).isoformat(),
            transfer_id=gift.transfer_id,
            signer=signer.name,
            capacity=signer.capacity,
            image=signer.image,
        )

    def _why_not(self, connection: Connection, charity_id: str) -> str | None:
        record = load_record(connection, self.keyring, charity_id)
        if record is None or not record.verified:
            return "it was not verified (botpay charity verify)"
        if not record.purpose.gives_receipts:
            return "its purpose does not allow it (botpay charity describe --purpose)"
        if load_signer(connection, charity_id) is None:
            return "nobody signs them (botpay charity receipts sign)"
        return None

    def _cancel(self, connection: Connection, receipt: Receipt, reason: str) -> Receipt:
        cancelled = replace(
            receipt, state=ReceiptState.CANCELLED, cancelled_at=self._now(connection), reason=reason.strip()
        )
        save_cancelled(connection, cancelled)
        self._audit(connection, f"receipt:{receipt.id}", "cancelled", [proof.state_of_receipt(cancelled)])
        return cancelled

    def _counting(self, connection: Connection, tag: str, year: int, number: int) -> Receipt:
        found = self._named(connection, tag, year, number)
        if found.state is not ReceiptState.ISSUED:
            raise ConfigError(f"{found.name} was cancelled already: {found.reason}")
        return found

    def _named(self, connection: Connection, tag: str, year: int, number: int) -> Receipt:
        found = load_receipt(connection, _whose(connection, tag), year, number)
        if found is None:
            raise ConfigError(f"#{normalise_tag(tag)} issued no receipt {order_number(year, number)}")
        return found

    def _now(self, connection: Connection) -> datetime:
        return self.database.now(connection, self.clock)

    def _audit(self, connection: Connection, source: str, outcome: str, states: list[State] | None = None) -> None:
        append(connection, self.audit_key, [(source, outcome)], [], self._now(connection), states or ())


def _whose(connection: Connection, tag: str) -> str:
    found = load_look_alike(connection, normalise_tag(tag))
    if found is None or found.tag != normalise_tag(tag) or found.released_at is not None:
        raise ConfigError(f"#{normalise_tag(tag)} is no charity's hashtag here: `botpay charity list` shows all")
    return found.charity_id


def _with_receipts(connection: Connection, gifts: list[Gift]) -> list[Given]:
    newest = {r.transfer_id: r for r in load_of_gifts(connection, [gift.transfer_id for gift in gifts])}
    return [Given(gift, newest.get(gift.transfer_id)) for gift in gifts]


def _line(given: Given) -> Line:
    gift, receipt = given.gift, given.receipt
    counts = receipt is not None and receipt.state is ReceiptState.ISSUED
    return Line(day_in_france(gift.at), gift.charity, gift.amount, receipt.name if receipt and counts else None)


def _need(reason: str) -> None:
    if not reason.strip():
        raise ConfigError("it needs a reason: whoever reads the audit later will ask (--reason)")

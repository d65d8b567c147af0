"""Receipts, attestations and yearly statements as PDF: the same bytes whenever the same is drawn again.

Nothing in a file depends on when or where it is made: its date is the day of issue, its fonts lie beside this module,
nothing is compressed (libraries differ in how). Permissions let it be read and printed and not be changed
(BOI-IR-RICI-250-40: what is sent by electronic means must not be changeable); what proves it is its digest in the
audit.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import resources

from fpdf import FPDF
from fpdf.enums import AccessPermission, EncryptionMethod

from botpay.money import Money
from botpay.receipts.model import Contents
from botpay.receipts.words import in_words

_LEFT, _WIDTH, _LABEL = 20, 170, 52  # millimetres
_MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
_GREY, _INK, _RED = (95, 95, 95), (20, 20, 20), (190, 20, 30)
_READ_ONLY = AccessPermission.PRINT_LOW_RES | AccessPermission.PRINT_HIGH_RES | AccessPermission.COPY_FOR_ACCESSIBILITY


@dataclass(frozen=True, slots=True)
class Line:
    """A gift in a yearly statement: its day, charity, amount, and the number of its receipt, if it has one."""

    on: date
    charity: str
    amount: Money
    receipt: str | None


def receipt_pdf(
    contents: Contents, number: str, secret: bytes, *, image: bytes | None = None, cancelled: str | None = None
) -> bytes:
    """A tax receipt.

    Args:
        number: its order number.
        secret: who has it may take the permissions off.
        image: the picture of the signature.
        cancelled: what stands across a receipt that does not count any more.
    """
    page = _Page(f"Reçu fiscal {number}", date.fromisoformat(contents.issued_on), secret)
    page.title("Reçu des dons et versements effectués par les particuliers")
    page.note("au titre de l’article 200 du code général des impôts – modèle Cerfa n° 11580*05")
    page.row("Numéro d’ordre du reçu", number, strong=True)
    page.heading("Bénéficiaire des versements")
    _beneficiary(page, contents)
    page.heading("Donateur")
    page.row("Nom", contents.donor)
    page.row("Adresse", contents.donor_address)
    page.heading("Don")
    _gift(page, contents)
    page.heading("Attestation")
    page.text(
        "Le bénéficiaire certifie sur l’honneur que les dons et versements qu’il reçoit ouvrent droit à la réduction "
        "d’impôt prévue à l’article 200 du CGI."
    )
    page.signature(contents, image)
    if cancelled:
        page.stamp(cancelled)
    return page.bytes()


def attestation_pdf(donor: str | None, line: Line, reference: str, secret: bytes) -> bytes:
    """That a payment was made, and nothing more: for charities that issue no tax receipts through us."""
    page = _Page("Attestation de paiement", line.on, secret)
    page.title("Attestation de paiement")
    page.note("Ce document n’est pas un reçu fiscal : il n’ouvre droit à aucune réduction d’impôt.")
    page.row("Référence", reference, strong=True)
    page.row("Versé à", line.charity)
    if donor:
        page.row("Versé par", donor)
    page.row("Montant", f"***{_figures(line.amount)}*** euros")
    page.row("En toutes lettres", in_words(line.amount))
    page.row("Date du versement", _day(line.on))
    return page.bytes()


def statement_pdf(donor: str, year: int, lines: Sequence[Line], secret: bytes) -> bytes:
    """All that somebody gave in a year, for their own overview; the receipts are what counts."""
    page = _Page(f"Récapitulatif {year}", max(line.on for line in lines), secret)
    page.title(f"Récapitulatif de vos dons en {year}")
    page.note("Ce document n’est pas un reçu fiscal : seuls comptent les reçus dont il cite les numéros.")
    page.row("Donateur", donor)
    page.table(lines)
    with_receipt = [line.amount.minor for line in lines if line.receipt]
    page.row("Total des dons", f"{_figures(Money(sum(line.amount.minor for line in lines)))} euros", strong=True)
    page.row("Dont avec reçu fiscal", f"{_figures(Money(sum(with_receipt)))} euros", strong=True)
    return page.bytes()


def _beneficiary(page: "_Page", contents: Contents) -> None:
    page.row("Nom", contents.charity, strong=True)
    page.row("Numéro RNA" if contents.rna else "Numéro SIREN", contents.rna or contents.siren or "")
    if contents.rna and contents.siren:
        page.row("Numéro SIREN", contents.siren)
    page.row("Adresse", contents.charity_address)
    page.row("Objet", contents.object)
    known = "Association ou fondation reconnue d’utilité publique" if contents.public_utility else None
    page.row("Qualité", known or "Œuvre ou organisme d’intérêt général")


def _gift(page: "_Page", contents: Contents) -> None:
    page.text("Le bénéficiaire reconnaît avoir reçu des dons et versements ouvrant droit à réduction d’impôt\u00a0:")
    page.row("Montant", f"***{_figures(contents.amount)}*** euros", strong=True)
    page.row("En toutes lettres", in_words(contents.amount))
    page.row("Date du versement", _day(date.fromisoformat(contents.given_on)))
    page.row("Forme du don", "Déclaration de don manuel")
    page.row("Nature du don", "Numéraire")
    page.row("Mode de versement", "Virement, prélèvement, carte bancaire")
    page.row("Référence du versement", contents.transfer_id)


def _figures(amount: Money) -> str:
    whole, _, part = amount.to_decimal_string().partition(".")
    return f"{int(whole):,}".replace(",", "\u202f") + f",{part}"


def _day(day: date) -> str:
    return f"{'1er' if day.day == 1 else day.day} {_MONTHS[day.month - 1]} {day.year}"


class _Page:
    """An A4 page, from the top down."""

    def __init__(self, title: str, on: date, secret: bytes) -> None:
        self.pdf = pdf = FPDF(format="A4")
        pdf.set_compression(False)
        pdf.set_creation_date(datetime(on.year, on.month, on.day, tzinfo=UTC))
        pdf.set_title(title)
        pdf.set_lang("fr")
        pdf.set_producer("botpay")
        pdf.set_encryption(secret.hex(), encryption_method=EncryptionMethod.RC4, permissions=_READ_ONLY)
        fonts = resources.files("botpay.receipts").joinpath("fonts")
        for style, name in (("", "DejaVuSans.ttf"), ("B", "DejaVuSans-Bold.ttf")):
            with resources.as_file(fonts.joinpath(name)) as path:
                pdf.add_font("body", style, path)
        pdf.set_margins(_LEFT, 18, _LEFT)
        pdf.set_auto_page_break(True, 18)
        pdf.add_page()

    def title(self, text: str) -> None:
        self._words(text, 14, style="B")
        self.pdf.ln(1)

    def heading(self, text: str) -> None:
        self.pdf.ln(4)
        self._words(text, 11, style="B")
        self.pdf.set_draw_color(*_GREY)
        self.pdf.set_line_width(0.2)
        under = self.pdf.get_y() + 0.8
        self.pdf.line(_LEFT, under, _LEFT + _WIDTH, under)
        self.pdf.ln(2.5)

    def note(self, text: str) -> None:
        self._words(text, 9, color=_GREY)
        self.pdf.ln(3)

    def text(self, text: str) -> None:
        self._words(text, 10)
        self.pdf.ln(1)

    def row(self, label: str, value: str, *, strong: bool = False) -> None:
        self.pdf.set_font("body", "", 10)
        self.pdf.set_text_color(*_GREY)
        self.pdf.cell(_LABEL, 5.4, label)
        self._words(value, 10, style="B" if strong else "", width=_WIDTH - _LABEL)

    def table(self, lines: Sequence[Line]) -> None:
        self.heading("Dons")
        for line in lines:
            known = f"reçu fiscal n°\u00a0{line.receipt}" if line.receipt else "sans reçu fiscal"
            self.row(_day(line.on), f"{_figures(line.amount)} euros – {line.charity}\n{known}")
            self.pdf.ln(1.5)
        self.pdf.ln(3)

    def signature(self, contents: Contents, image: bytes | None) -> None:
        self.pdf.ln(4)
        self.row("Date d’émission", _day(date.fromisoformat(contents.issued_on)))
        self.row("Signature", f"{contents.signer}, {contents.capacity}", strong=True)
        if image:
            left, top = _LEFT + _LABEL, self.pdf.get_y() + 2
            self.pdf.image(io.BytesIO(image), x=left, y=top, w=60, h=20, keep_aspect_ratio=True)

    def stamp(self, text: str) -> None:
        """Words across the page."""
        self.pdf.set_text_color(*_RED)
        self.pdf.set_font("body", "B", 60)
        with self.pdf.local_context(fill_opacity=0.3), self.pdf.rotation(35, x=105, y=150):
            self.pdf.text(105 - self.pdf.get_string_width(text) / 2, 155, text)

    def bytes(self) -> bytes:
        return bytes(self.pdf.output())

    def _words(
        self, text: str, size: float, *, style: str = "", color: tuple[int, int, int] = _INK, width: int = _WIDTH
    ) -> None:
        self.pdf.set_font("body", style, size)
        self.pdf.set_text_color(*color)
        self.pdf.multi_cell(width, size * 0.54, text, align="L", new_x="LMARGIN", new_y="NEXT")

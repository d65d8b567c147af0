"""A refusal -> its sentence: the one made for what is known, with an example of how to write it right."""

from typing import Any

from botpay.errors import Code, Refusal
from botpay.replies import sentence


def explain(refusal: Refusal, language: str) -> str:
    """The sentence of a refusal, in a language or the nearest that has a catalogue.

    The most telling of the catalogue's sentences is taken whose words are all known: "refusal.missing_amount.payee" if
    the payee was understood, else "refusal.missing_amount".
    """
    return sentence(_key(refusal.code, dict(refusal.details)), language, **refusal.details)


def _key(code: Code, details: dict[str, Any]) -> str:
    base = f"refusal.{code.value}"
    for detail in _TELLING.get(code, ()):
        if details.get(detail):
            return f"{base}.{detail}"
    return base


_TELLING = {
    Code.BAD_INPUT: ("languages",),
    Code.UNKNOWN_COMMAND: ("suggestion", "small_talk"),
    Code.UNKNOWN_PAYEE: ("invite",),
    Code.MONEY_LEFT: ("held",),
    Code.MISSING_AMOUNT: ("payee", "tag"),
    Code.MISSING_RECIPIENT: ("amount",),
    Code.MISSING_CURRENCY: ("amount",),
    Code.INVALID_RECIPIENT: ("payee",),
    Code.PERSON_LOCKED: ("by_code",),
    Code.LIMIT_EXCEEDED: ("cooling", "per_day", "per_week", "per_30_days"),
}

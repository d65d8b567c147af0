"""A command -> the sentence that says it: what `read` makes of the sentence is the command again."""

from botpay.commands import (
    Cancel,
    ChangePin,
    Command,
    Donate,
    ForgetMe,
    ForgotPin,
    Help,
    LinkMe,
    OwnCommand,
    RequestMoney,
    SendMoney,
    SetLanguage,
    ShowBalance,
    ShowHistory,
    ShowProfile,
    ShowReceipts,
    UnlinkMe,
)
from botpay.money import Money

_WORDS = {
    "fr": ("envoyer", "donner", "demander", "solde", "historique", "annuler", "aide", "langue"),
    "en": ("send", "donate", "request", "balance", "history", "cancel", "help", "language"),
    "es": ("enviar", "donar", "pedir", "saldo", "historial", "cancelar", "ayuda", "idioma"),
    "de": ("senden", "spenden", "anfordern", "kontostand", "verlauf", "abbrechen", "hilfe", "sprache"),
    "it": ("inviare", "donare", "chiedere", "saldo", "cronologia", "annulla", "aiuto", "lingua"),
    "pt": ("enviar", "doar", "pedir", "saldo", "histórico", "cancelar", "ajuda", "idioma"),
    "nl": ("sturen", "doneren", "vragen", "saldo", "geschiedenis", "annuleren", "hulp", "taal"),
}
_OWN = {
    "fr": ("pin", "pin oublié", "lier", "délier", "profil", "oublier", "reçus"),
    "en": ("pin", "forgot pin", "link", "unlink", "profile", "forget", "receipts"),
    "es": ("cambiar pin", "pin olvidado", "vincular", "desvincular", "perfil", "olvidar", "recibos"),
    "de": ("pin ändern", "pin vergessen", "verknüpfen", "trennen", "profil", "vergessen", "quittungen"),
    "it": ("cambiare pin", "pin dimenticato", "collegare", "scollegare", "profilo", "dimenticare", "ricevute"),
    "pt": ("mudar pin", "pin esquecido", "vincular", "desvincular", "perfil", "esquecer", "recibos fiscais"),
    "nl": ("pin wijzigen", "pin vergeten", "koppelen", "ontkoppelen", "profiel", "vergeten", "kwitanties"),
}
_NAMES = ("send", "donate", "request", "balance", "history", "cancel", "help", "language")
_SIGN = {"EUR": "€"}


def command_words(language: str) -> dict[str, str]:
    """The word for each command in a language, by its English one; any other language than ours is spoken to so."""
    return dict(zip(_NAMES, _WORDS.get(language, _WORDS["en"]), strict=True))


def render(command: Command, language: str = "fr") -> str:
    """The sentence, with the action as a hashtag: "#envoyer 10,50 € @bob pour la pizza".

    Args:
        language: one of those of `botpay/words`; any other is said in English.

    A payee known by id alone is said as written, and is understood again where the platform marks it as it did.
    """
    send, donate, request, balance, history, cancel, help_, choose = _WORDS.get(language, _WORDS["en"])
    match command:
        case SendMoney(amount, payee, memo):
            return _sentence(send, amount, payee.written, memo, language)
        case Donate(amount, tag, memo):
            return _sentence(donate, amount, tag, memo, language)
        case RequestMoney(amount, payee, memo):
            return _sentence(request, amount, payee.written, memo, language)
        case ShowBalance():
            return f"#{balance}"
        case ShowHistory():
            return f"#{history}"
        case Cancel():
            return f"#{cancel}"
        case Help():
            return f"#{help_}"
        case SetLanguage(chosen):
            return f"#{choose} {chosen}"
        case ChangePin() | ForgotPin() | LinkMe() | UnlinkMe() | ShowProfile() | ForgetMe() | ShowReceipts():
            return f"#{_own(command, language)}"


def _own(command: OwnCommand, language: str) -> str:
    pin, forgot, link, unlink, profile, forget, receipts = _OWN.get(language, _OWN["en"])
    match command:
        case ChangePin():
            return pin
        case ForgotPin():
            return forgot
        case LinkMe(code):
            return f"{link} {code}".strip()
        case UnlinkMe():
            return unlink
        case ShowProfile():
            return profile
        case ForgetMe():
            return forget
        case ShowReceipts():
            return receipts


def _sentence(action: str, amount: Money, whom: str, memo: str | None, language: str) -> str:
    return " ".join(filter(None, (f"#{action}", _amount(amount, language), whom, memo)))


def _amount(amount: Money, language: str) -> str:
    """Always both decimals and no groups, which is clear in every language: "1234,50 €"."""
    decimal = amount.to_decimal_string()
    return f"{decimal if language == 'en' else decimal.replace('.', ',')} {_SIGN[amount.currency]}"

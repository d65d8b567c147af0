"""What a browser is shown of a payment, or of a dialogue's question for a PIN: asked, being checked, or over."""

from datetime import timedelta

from aiohttp import web

from botpay import ids
from botpay.replies import sentence
from botpay.showing import Asked, Shown, Standing
from botpay.web.rendering import html

_KEYS = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "", "0", "erase")


def payment(shown: Shown, form_token: str, *, refused: str | None = None) -> web.Response:
    """The page of a payment as it stands.

    Args:
        refused: why what was just sent was not tried.
    """
    if shown.standing is Standing.CHECKING:
        return html("checking.html", shown.language, path=path_of(shown))
    if shown.standing is not Standing.ASKED:
        return html("ended.html", shown.language, shown=shown, told=_told(shown))
    return html(
        "asked.html",
        shown.language,
        action=path_of(shown),
        cancel=path_of(shown, "/cancel"),
        status=422 if refused else 200,
        shown=shown,
        alerts=[refused] if refused else _alerts(shown),
        number=shown.tries + 1,
        form_token=form_token,
        keys=_KEYS,
        seconds=whole_seconds(shown.time_left),
    )


def question(asked: Asked, form_token: str, *, refused: str | None = None) -> web.Response:
    """The page of a dialogue's question for a PIN; once it asks for none, the chat goes on.

    Args:
        refused: why what was just sent was not taken.
    """
    if asked.at_work:
        return html("checking.html", asked.language, path=path_of(asked))
    if asked.text is None:
        return html("dialogue_over.html", asked.language)
    why = refused or asked.why
    return html(
        "choose.html",
        asked.language,
        status=422 if refused else 200,
        text=asked.text,
        alerts=[why] if why else [],
        action=path_of(asked),
        cancel=path_of(asked, "/cancel"),
        number=asked.number,
        form_token=form_token,
        keys=_KEYS,
    )


def path_of(what: Shown | Asked, action: str = "") -> str:
    """Where something stands; with its language, for what is said there when nothing else is known of its person."""
    place = f"pay/{what.transfer_id}" if isinstance(what, Shown) else f"pin/{what.dialogue_id}"
    return f"/{place}{action}?in={what.language}"


def whole_seconds(span: timedelta) -> int:
    """A span in seconds, rounded down: nobody shall be promised more time than there is."""
    return int(span.total_seconds())


def _alerts(shown: Shown) -> list[str]:
    """What must be known before the next try."""
    lines = [sentence("prompt.attempts", shown.language, count=shown.tries_left)] if shown.tries else []
    if 0 < shown.before_lock <= shown.tries_left:
        lines.append(sentence("prompt.lock", shown.language, count=shown.before_lock))
    return lines


def _told(shown: Shown) -> str:
    """What became of the money, in the words of the chat."""
    key = f"paid.{shown.kind}" if shown.standing is Standing.PASSED else shown.standing.value
    return sentence(
        key,
        shown.language,
        amount=shown.amount,
        payee=shown.payee,
        left=shown.left,
        reference=ids.reference(shown.transfer_id),
    )

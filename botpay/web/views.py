"""A payment as its page: asked, being checked, or over."""

from datetime import timedelta

from aiohttp import web

from botpay import ids
from botpay.replies import sentence
from botpay.showing import Shown, Standing
from botpay.web.rendering import html

_KEYS = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "", "0", "erase")


def payment(shown: Shown, form_token: str, *, malformed: bool = False) -> web.Response:
    """The page of a payment as it stands.

    Args:
        malformed: what was just sent had not the form of a PIN; it was not tried.
    """
    if shown.standing is Standing.CHECKING:
        return html("checking.html", shown.language, shown=shown)
    if shown.standing is not Standing.ASKED:
        return html("ended.html", shown.language, shown=shown, told=_told(shown))
    return html(
        "asked.html",
        shown.language,
        status=422 if malformed else 200,
        shown=shown,
        alerts=_alerts(shown, malformed=malformed),
        number=shown.tries + 1,
        form_token=form_token,
        keys=_KEYS,
        seconds=whole_seconds(shown.time_left),
    )


def whole_seconds(span: timedelta) -> int:
    """A span in seconds, rounded down: nobody shall be promised more time than there is."""
    return int(span.total_seconds())


def _alerts(shown: Shown, *, malformed: bool) -> list[str]:
    """What must be known before the next try."""
    if malformed:
        return [sentence("page.malformed", shown.language)]
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

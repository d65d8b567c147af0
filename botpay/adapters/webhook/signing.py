"""Who speaks: signatures as https://www.standardwebhooks.com has them, over id, time and the raw body.

`webhook-id` is the idempotency key, `webhook-timestamp` the seconds since 1970 of this try, and `webhook-signature` one
or several of "v1," and the base64 of HMAC-SHA256 over "id.timestamp.body", with spaces between them.
"""

import base64
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence

from multidict import CIMultiDictProxy

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
ID_PATTERN = r"^[A-Za-z0-9_:-]{1,255}$"  # no dot: it parts what is signed
WINDOW_SECONDS = 5 * 60
_MOST_SIGNATURES = 10

_ID = re.compile(ID_PATTERN)
_SECONDS = re.compile(r"[0-9]{1,12}")


def signature(key: bytes, id_: str, timestamp: str, body: bytes) -> str:
    """The signature of a body."""
    signed = b".".join((id_.encode("ascii"), timestamp.encode("ascii"), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode("ascii")


def signed_headers(keys: Sequence[bytes], id_: str, now: float, body: bytes) -> dict[str, str]:
    """The headers that prove a body, signed with each of our keys."""
    timestamp = str(int(now))
    signatures = " ".join(signature(key, id_, timestamp, body) for key in keys)
    return {ID: id_, TIMESTAMP: timestamp, SIGNATURE: signatures}


def signer(
    headers: CIMultiDictProxy[str], body: bytes, keys: Mapping[str, Iterable[bytes]], now: float
) -> tuple[str, str] | None:
    """Which tenant signed a body within the last five minutes, and under which id; None if nobody of ours did."""
    values = [headers.getall(name, []) for name in (ID, TIMESTAMP, SIGNATURE)]
    if any(len(given) != 1 for given in values):
        return None
    id_, timestamp, signatures = (given[0] for given in values)
    if not _ID.fullmatch(id_) or not _SECONDS.fullmatch(timestamp) or abs(now - int(timestamp)) > WINDOW_SECONDS:
        return None
    given = [one.encode("utf-8", "surrogateescape") for one in signatures.split(" ")[:_MOST_SIGNATURES]]
    for tenant, of_tenant in keys.items():
        for key in of_tenant:
            expected = signature(key, id_, timestamp, body).encode("ascii")
            if any(hmac.compare_digest(expected, one) for one in given):
                return tenant, id_
    return None

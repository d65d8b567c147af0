"""What proves that a browser came through a payment's link: a cookie, and a token for its forms. Pure.

Both are MACs, so that any process can check what another one gave out, and all tabs of a browser have the same. They
are bound to the transfer and to the link that was opened: when the question is put again under another link, they are
worth nothing. Who could make them has the link already.
"""

import base64
import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Session:
    """A browser at the page of one payment.

    Attributes:
        cookie: what it shows us with each request; only requests from our own pages carry it (SameSite=Strict).
        form_token: what its forms must bring along besides; another site cannot know it.
    """

    cookie: str = field(repr=False)
    form_token: str = field(repr=False)

    def is_shown_by(self, cookie: str) -> bool:
        """Whether a cookie is the one that we gave."""
        return _same(self.cookie, cookie)

    def has_made(self, form_token: str) -> bool:
        """Whether a form came from our page."""
        return _same(self.form_token, form_token)


def session_of(secret: bytes, transfer_id: str, link: bytes) -> Session:
    """The session of a payment's page, opened by the link whose token has this hash."""
    about = f"{transfer_id}|{link.hex()}"
    return Session(_mac(secret, f"cookie|{about}"), _mac(secret, f"form|{about}"))


def _same(ours: str, theirs: str) -> bool:
    return hmac.compare_digest(ours.encode(), theirs.encode(errors="replace"))


def _mac(secret: bytes, what: str) -> str:
    return base64.urlsafe_b64encode(hmac.digest(secret, what.encode(), "sha256")).rstrip(b"=").decode()

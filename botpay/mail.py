"""E-mail as the second channel, through an SMTP server of the operator's."""

import re
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP

import aiosmtplib

from botpay.config import Mail
from botpay.errors import DeliveryError, Forbidden, Permanent, Transient, Unreachable
from botpay.message import Outbound, Receipt

_TIMEOUT_SECONDS = 20
_LONGEST_ADDRESS, _LONGEST_MAILBOX = 254, 64  # RFC 5321, 4.5.3.1
_ADDRESS = re.compile(
    r"[A-Z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Z0-9!#$%&'*+/=?^_`{|}~-]+)*@"
    r"(?:[A-Z0-9](?:[A-Z0-9-]{0,61}[A-Z0-9])?\.)+[A-Z]{2,63}",
    re.ASCII | re.IGNORECASE,
)
_FIRST_PERMANENT = 500


class MailChannel:
    """Sends one message a connection: codes and warnings are few, and a connection that is kept goes stale."""

    name = "mail"

    def __init__(self, settings: Mail) -> None:
        self._settings = settings

    def address(self, written: str) -> str | None:
        """An address of the plain kind (RFC 5321 without quotes and comments), its domain in lower case."""
        mailbox, _, domain = written.strip().rpartition("@")
        address = f"{mailbox}@{domain.lower()}"
        fits = len(address) <= _LONGEST_ADDRESS and len(mailbox) <= _LONGEST_MAILBOX
        return address if fits and _ADDRESS.fullmatch(address) else None

    async def send(self, outbound: Outbound) -> Receipt:
        """Deliver a letter: its first line is the subject. Errors hold neither the address nor the words."""
        if self.address(outbound.to or "") is None:
            raise Permanent("not an address that mail can be sent to")
        fault = await self._sent(self._message(outbound))
        if fault is not None:
            raise fault
        return Receipt()

    async def check(self) -> Sequence[str]:
        """Whether the server lets us in."""
        client = self._client()
        try:
            async with client:
                return []
        except aiosmtplib.SMTPAuthenticationError:
            return ["the mail server refuses [mail] username and password: copy them again"]
        except ssl.SSLError:
            return ["the mail server's certificate is not trusted: name its authority in [mail] ca_file"]
        except (aiosmtplib.SMTPException, OSError) as error:
            return [self._trouble(error)]

    def _trouble(self, error: Exception) -> str:
        where = f"{self._settings.host}:{self._settings.port}"
        if isinstance(error, OSError | aiosmtplib.SMTPConnectError):
            return f"no mail server answers at {where}: see that it runs, and host and port in [mail]"
        return (
            f'the mail server at {where} does not go along with security = "{self._settings.security}" in [mail] '
            f'({type(error).__name__}): write "starttls" or "tls", or "none" for a server on this machine'
        )

    async def _sent(self, message: EmailMessage) -> DeliveryError | None:
        """What went wrong, as a value: the library's errors name addresses, and must not become a context."""
        try:
            async with self._client() as client:
                await client.send_message(message)
        except aiosmtplib.SMTPRecipientsRefused as refused:
            codes = [recipient.code for recipient in refused.recipients]
            if all(code >= _FIRST_PERMANENT for code in codes):
                return Unreachable("the mail server does not know this address")
            return Transient("the mail server does not take mail for this address now")
        except aiosmtplib.SMTPAuthenticationError:
            return Forbidden("the mail server refuses our username and password")
        except aiosmtplib.SMTPResponseException as answer:
            if answer.code >= _FIRST_PERMANENT:
                return Permanent("the mail server refuses this message")
            return Transient("the mail server refuses this message for now")
        except (aiosmtplib.SMTPException, OSError):
            return Transient("the mail server could not be reached")
        return None

    def _client(self) -> aiosmtplib.SMTP:
        settings = self._settings
        return aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password.get_secret_value() if settings.password else None,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            cert_bundle=str(settings.ca_file) if settings.ca_file else None,
            timeout=_TIMEOUT_SECONDS,
        )

    def _message(self, outbound: Outbound) -> EmailMessage:
        """Plain text. The Message-ID is the letter's, so that a second delivery is the same message to readers."""
        subject, _, body = outbound.text.partition("\n")
        message = EmailMessage(policy=SMTP)
        message["Subject"] = subject
        message["From"] = self._settings.sender
        message["To"] = outbound.to
        message["Message-ID"] = f"<{outbound.id}@{self._settings.sender.rpartition('@')[2].rstrip('>')}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notices in answer
        message.set_content(body.lstrip("\n") + "\n")
        return message

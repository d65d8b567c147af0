"""A real SMTP server on this machine, and what came to the mailboxes behind it."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from botpay.config import Mail

USER, PASSWORD = "botpay", "a-password"


@dataclass
class Mailbox:
    """Everything that was delivered, and how the server answers.

    Attributes:
        rejects: what is said to a recipient ("550 no such user") instead of taking mail for them.
        refuses: what is said to any message once it was sent.
    """

    port: int = 0
    certificate: Path | None = None
    messages: list[EmailMessage] = field(default_factory=list)
    rejects: Mapping[str, str] = field(default_factory=dict)
    refuses: str | None = None

    def settings(self, **what: object) -> Mail:
        """The section of botpay.toml for this server."""
        known = {"host": "localhost", "port": self.port, "from": "Botpay <botpay@example.org>"}
        inside = {"security": "none"} if self.certificate is None else {"ca_file": self.certificate}
        return Mail.model_validate({**known, **inside, **what})

    def code_for(self, address: str) -> str:
        """The code in the newest message to an address."""
        found = [message for message in self.messages if message["To"] == address]
        match = re.search(r"\b(\d{6})\b", found[-1].get_content())
        assert match is not None
        return match[1]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,  # noqa: ARG002 - aiosmtpd's signature
        session: Session,  # noqa: ARG002
        envelope: Envelope,
        address: str,
        options: list[str],  # noqa: ARG002
    ) -> str:
        """Take or reject a recipient."""
        if address in self.rejects:
            return self.rejects[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
    ) -> str:
        """Take or refuse a message."""
        if self.refuses:
            return self.refuses
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 OK"


@asynccontextmanager
async def mailbox(folder: Path | None = None) -> AsyncIterator[Mailbox]:
    """A server that listens; with a folder it demands STARTTLS, with a certificate there, and a login."""
    box = Mailbox()
    context = None
    if folder is not None:
        box.certificate, key = _certificate(folder)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(box.certificate, key)

    def protocol() -> SMTP:
        return SMTP(
            box,
            hostname="localhost",
            tls_context=context,
            require_starttls=context is not None,
            auth_required=context is not None,
            authenticator=_login,
            enable_SMTPUTF8=True,
        )

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()


def _login(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of its own for localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "localhost.pem", folder / "localhost.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private

"""E-mail against a real SMTP server: what arrives, and what each answer of a server means."""

import traceback
from pathlib import Path

import pytest
from pydantic import ValidationError

from botpay.config import Mail
from botpay.errors import DeliveryError, Forbidden, Permanent, Transient, Unreachable
from botpay.mail import MailChannel
from botpay.message import Outbound, Visibility
from tests.mailbox import PASSWORD, USER, Mailbox, mailbox

ADDRESS, CODE = "carol@example.org", "571946"


def letter(to: str = ADDRESS, text: str = f"Ihr Code für Zoé\n\nThe code is {CODE}.") -> Outbound:
    """A letter to somebody's mailbox."""
    return Outbound(
        id="019b8e07-4600-7726-ab53-681621db0310",
        adapter="mail",
        tenant="",
        visibility=Visibility.PRIVATE,
        to=to,
        text=text,
    )


async def fault_of(box: Mailbox, outbound: Outbound, **settings: object) -> DeliveryError:
    """What comes of a letter that is not delivered."""
    with pytest.raises(DeliveryError) as raised:
        await MailChannel(box.settings(**settings)).send(outbound)
    shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value)
    assert not any(secret in shown for secret in (ADDRESS, CODE, PASSWORD))
    return raised.value


async def test_a_letter_arrives_as_plain_text_with_its_first_line_as_subject() -> None:
    """Subject, sender, text and a Message-ID that is the letter's: what is sent twice is one message to readers."""
    async with mailbox() as box:
        await MailChannel(box.settings()).send(letter())
    [message] = box.messages
    assert (message["Subject"], message["To"]) == ("Ihr Code für Zoé", ADDRESS)
    assert message["From"] == "Botpay <botpay@example.org>"
    assert message["Message-ID"] == "<019b8e07-4600-7726-ab53-681621db0310@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert (message.get_content_type(), message.get_content().strip()) == ("text/plain", f"The code is {CODE}.")


async def test_the_connection_is_encrypted_and_the_login_is_used(tmp_path: Path) -> None:
    """By default with STARTTLS: the certificate is checked, and the password goes through it."""
    async with mailbox(tmp_path) as box:
        channel = MailChannel(box.settings(username=USER, password=PASSWORD))
        assert await channel.check() == []
        await channel.send(letter())
        assert len(box.messages) == 1
        assert isinstance(await fault_of(box, letter(), username=USER, password="another"), Forbidden)
        [trouble] = await MailChannel(box.settings(username=USER, password="another")).check()
        assert "username and password" in trouble
        assert isinstance(await fault_of(box, letter(), username=USER, password=PASSWORD, ca_file=None), Transient)
        [trouble] = await MailChannel(box.settings(username=USER, password=PASSWORD, ca_file=None)).check()
        assert "ca_file" in trouble
        assert len(box.messages) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [("550 no such user", Unreachable), ("552 mailbox full", Unreachable), ("450 later", Transient)],
)
async def test_what_a_server_says_of_a_recipient(answer: str, kind: type[DeliveryError]) -> None:
    """A recipient that is refused for good cannot be reached; one refused for now is tried again."""
    async with mailbox() as box:
        box.rejects = {ADDRESS: answer}
        assert isinstance(await fault_of(box, letter()), kind)


@pytest.mark.parametrize(("answer", "kind"), [("554 spam", Permanent), ("451 busy", Transient), ("421 bye", Transient)])
async def test_what_a_server_says_of_a_message(answer: str, kind: type[DeliveryError]) -> None:
    """A message that is refused for good is not sent again."""
    async with mailbox() as box:
        box.refuses = answer
        assert isinstance(await fault_of(box, letter()), kind)


async def test_a_server_that_is_away_is_tried_again() -> None:
    """Nothing listens: that may pass."""
    async with mailbox() as box:
        pass
    assert isinstance(await fault_of(box, letter()), Transient)
    [trouble] = await MailChannel(box.settings()).check()
    assert f"no mail server answers at localhost:{box.port}" in trouble


@pytest.mark.parametrize("to", ["carol", "carol@example.org\r\nBcc: mallory@example.org", "a@b.c, d@e.fr", ""])
async def test_what_is_no_address_is_never_sent_to(to: str) -> None:
    """Whatever stands in the letter's place for an address: no header can be slipped in, and no second recipient."""
    async with mailbox() as box:
        assert isinstance(await fault_of(box, letter(to=to)), Permanent)
    assert box.messages == []


@pytest.mark.parametrize(
    ("written", "address"),
    [
        (" Carol.Petit+pay@Example.ORG ", "Carol.Petit+pay@example.org"),
        ("o'neill@mail.example.museum", "o'neill@mail.example.museum"),
        ("carol@example", None),
        ("carol@@example.org", None),
        (".carol@example.org", None),
        ("carol@-example.org", None),
        ("carol petit@example.org", None),
        ("<carol@example.org>", None),
        ("cаrol@example.org", None),
        (f"{'c' * 65}@example.org", None),
        ("my address is carol@example.org", None),
    ],
)
async def test_addresses_are_those_that_mail_goes_to(written: str, address: str | None) -> None:
    """The plain kind alone, in ASCII; nothing is guessed out of a sentence."""
    async with mailbox() as box:
        assert MailChannel(box.settings()).address(written) == address


@pytest.mark.parametrize(
    "what",
    [
        {"security": "none", "host": "mail.example.org"},
        {"username": "botpay"},
        {"from": "nobody"},
        {"from": "a@example.org\r\nBcc: b@example.org"},
        {"port": 0},
        {"tls": True},
    ],
)
def test_settings_that_would_leak_or_fail_are_refused(what: dict[str, object]) -> None:
    """Codes do not travel in the clear; what cannot work is said at the start."""
    with pytest.raises(ValidationError):
        Mail.model_validate({"host": "mail.example.org", "from": "botpay@example.org", **what})

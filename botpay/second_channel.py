"""The second channel: another way to reach a person than the chat, to see that an address is theirs.

E-mail is the one that is shipped (`botpay.mail`). Another one, such as an SMS gateway, is a class with these four. Its
`send` gets an `Outbound` whose `to` is the address, and whose text is a subject, an empty line and the message. Pass it
to `Application` in the place of the e-mail one, and add to the catalogues what asks for the address and the code:
`enrol.contact.NAME`, `enrol.bad_contact.NAME` and `code.ask.NAME`.
"""

from collections.abc import Sequence
from typing import Protocol

from botpay.message import Outbound, Receipt


class SecondChannel(Protocol):
    """Delivers codes and warnings to the addresses of people."""

    @property
    def name(self) -> str:
        """What its letters are addressed to in the outbox, beside the names of adapters."""
        ...

    def address(self, written: str) -> str | None:
        """The address that somebody wrote, as it is kept and sent to; None if it is none. Pure."""
        ...

    async def send(self, outbound: Outbound) -> Receipt:
        """Deliver a letter. Raises a `DeliveryError` of the kind that says what to do next."""
        ...

    async def check(self) -> Sequence[str]:
        """What an operator should mend, each as a sentence with its remedy; empty if all is well."""
        ...

"""What a decision may look at, and what it may ask for.

The world is what load read: all that the messages of one batch can touch. A decision names rows to write and letters
to send; the world takes them in before the next message is decided, so that messages of one batch see each other.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from botpay.charities.model import Charity, Standing
from botpay.clock import day_of
from botpay.confirm import guessing
from botpay.confirm.challenge import Challenge, Pin
from botpay.confirm.checker import OwnerVerdict, PinCheck, PinHashed, PinVerdict, Work
from botpay.confirm.guessing import Bearable, Counts, Guesses
from botpay.dialogues.model import Dialogue
from botpay.directory.linking import LinkCode
from botpay.directory.people import Identity, IdentityKey, Person, Sighting
from botpay.ledger import rules
from botpay.ledger.model import Account, Transfer, TransferKind
from botpay.message import Capabilities, Inbound, SecretText
from botpay.outbox.model import Delivery, Letter
from botpay.parsing import Reading
from botpay.policy import Admission, Caps, Cooling, Limits
from botpay.receipts.model import ReceiptLink

CURRENCY = "EUR"
"""Of the accounts that people have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The time of a challenge is over; it enters by the same door as messages do."""

    transfer_id: str

    source = None
    """Not to be marked: a challenge ends once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageEntry:
    """What somebody did on the page of a payment; it enters by the same door as messages do.

    Attributes:
        person_id: whose payment it is.
        link: the hash of the link's token by which the page was opened.
        number: which try this is, as the page showed it; each is taken once.
        pin: the digits entered; None calls the payment off.
    """

    transfer_id: str
    person_id: str
    link: bytes = field(repr=False)
    number: int
    pin: SecretText | None

    @property
    def source(self) -> str:
        """What is done once only: this try, or calling off."""
        return f"page:{self.transfer_id}:{self.number if self.pin else 'cancel'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogueDeadline:
    """The time of a dialogue is over, or its slow work came to nothing."""

    dialogue_id: str

    source = None
    """Not to be marked: a dialogue ends once, and waits for each work once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogueEntry:
    """What somebody did on the page of a dialogue's question for a PIN.

    Attributes:
        number: the version of the dialogue that the page showed; each is answered once.
        pin: the digits entered; None ends the dialogue.
    """

    dialogue_id: str
    number: int
    pin: SecretText | None

    @property
    def source(self) -> str:
        """What is done once only: this answer."""
        return f"page:{self.dialogue_id}:{self.number}"


Event = (
    Inbound | PinVerdict | Deadline | Delivery | PageEntry | OwnerVerdict | PinHashed | DialogueDeadline | DialogueEntry
)


@dataclass(frozen=True, slots=True)
class Unit:
    """One event to decide, and what its text was read as."""

    event: Event
    reading: Reading | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the operator settled: caps, limits, language, and what each platform can do.

    Attributes:
        public_url: where people's browsers find our pages; None where there are none.
        admission: what is asked of people; None where the operator alone enrols, and nothing is asked.
        address_of: the address at the second channel that somebody wrote, or None.
        channel: what the second channel is called.
        invite: the address at which people of an adapter's platform come to the bot, to be passed on, if there is one.
        shuffled_keypad: keypads have their digits in an order of their own.
        typed_pin: a PIN may be typed in private on every platform, and is deleted there where it can be.
    """

    caps: Caps
    language: str
    keypad_secret: bytes = field(repr=False)
    capabilities: Mapping[str, Capabilities]
    limits: Limits = field(default_factory=dict)
    bearable: Bearable = field(default_factory=Bearable)
    cooling: Cooling = field(default_factory=Cooling)
    public_url: str | None = None
    link_secret: bytes = field(default=b"", repr=False)
    admission: Admission | None = None
    code_secret: bytes = field(default=b"", repr=False)
    channel: str = "mail"
    address_of: Callable[[str], str | None] = lambda _: None
    invite: Callable[[str], str | None] = lambda _: None
    shuffled_keypad: bool = False
    typed_pin: bool = False

    def may_type_pin(self, adapter: str) -> bool:
        """Whether a PIN that is typed as a private message there is taken."""
        return self.typed_pin or self.capabilities[adapter].typed_pin


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one event leads to. `outcome` is a code for audit and metrics, never a sentence."""

    outcome: str
    transfers: tuple[Transfer, ...] = ()
    challenges: tuple[Challenge, ...] = ()
    pins: tuple[Pin, ...] = ()
    people: tuple[Person, ...] = ()
    identities: tuple[Identity, ...] = ()
    link_codes: tuple[LinkCode, ...] = ()
    receipt_links: tuple[ReceiptLink, ...] = ()
    letters: tuple[Letter, ...] = ()
    checks: tuple[PinCheck, ...] = ()
    dialogues: tuple[Dialogue, ...] = ()
    works: tuple[Work, ...] = ()
    guesses: tuple[Guesses, ...] = ()
    sendings: tuple[str, ...] = ()
    deliveries: tuple[Delivery, ...] = ()

    @property
    def has_effect(self) -> bool:
        """Whether anything is to be written that must happen once only."""
        rows = self.transfers or self.challenges or self.pins or self.dialogues or self.guesses or self.link_codes
        return bool(rows or self.letters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of somebody's history: money that moved, and with whom."""

    at: datetime
    amount_minor: int
    currency: str
    sent: bool
    other: str


@dataclass(slots=True, kw_only=True)
class World:
    """A working copy of the rows that a batch can touch, by what identifies them.

    Attributes:
        room: how many more PINs can be checked without having to wait too long.
        guesses: tries of everybody and for payees within the last hour; None if none of these messages can be a try.
        sendings: codes sent today, by the mark of an address or an identity.
        taken: marks of addresses that are somebody's.
        spent: minor units by account and day: what the tables hold if there are limits, else what the batch adds.
    """

    now: datetime
    terms: Terms
    room: int = 1
    guesses: Counts | None = None
    identities: dict[IdentityKey, Identity] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    sightings: dict[tuple[str, str, str, str], Sighting] = field(default_factory=dict)
    charities: dict[str, Charity] = field(default_factory=dict)
    standing: dict[str, Standing] = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=dict)
    challenges: dict[str, Challenge] = field(default_factory=dict)
    pins: dict[str, Pin] = field(default_factory=dict)
    reserves: dict[str, Transfer] = field(default_factory=dict)
    endings: dict[str, Transfer] = field(default_factory=dict)
    receipts: dict[str, str | None] = field(default_factory=dict)
    history: dict[str, list[Entry]] = field(default_factory=dict)
    account_of: dict[tuple[str, str], int] = field(default_factory=dict)
    spent: dict[int, dict[int, int]] = field(default_factory=dict)
    dialogues: dict[IdentityKey, Dialogue] = field(default_factory=dict)
    link_codes: dict[str, LinkCode] = field(default_factory=dict)
    sendings: dict[str, int] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def account(self, owner: str, currency: str) -> Account:
        """The account of a person or charity in a currency."""
        return self.accounts[self.account_of[owner, currency]]

    def is_suspended(self, owner: str) -> bool:
        """Whether a charity takes no donations for now."""
        return self.standing.get(owner, Standing()).suspended

    def person_of(self, key: IdentityKey) -> Person | None:
        """The account holder behind an identity, if there is one."""
        identity = self.identities.get(key)
        return self.people.get(identity.person_id) if identity and identity.person_id else None

    def can_mail(self, person: Person) -> bool:
        """Whether a person has an address at the second channel."""
        return bool(person.contact and self.terms.channel)

    def is_cooling(self, person_id: str, key: IdentityKey) -> bool:
        """Whether less may be spent for a while: the PIN was replaced unseen, or this identity was linked, lately."""
        pin, identity = self.pins.get(person_id), self.identities.get(key)
        began = (pin.reset_at if pin else None, identity.since if identity else None)
        return any(at is not None and self.now < at + self.terms.cooling.lasts for at in began)

    def identities_of(self, person_id: str) -> list[Identity]:
        """All identities of a person, in the order of their keys."""
        return sorted((i for i in self.identities.values() if i.person_id == person_id), key=lambda i: i.key)

    def handle_sightings(self, adapter: str, tenant: str, handle: str) -> list[Sighting]:
        """All that is known of a folded handle."""
        return [s for s in self.sightings.values() if (s.adapter, s.tenant, s.handle) == (adapter, tenant, handle)]

    def open_challenges(self, person_id: str) -> list[Challenge]:
        """The challenges that wait for a person's PIN, the newest last."""
        found = (c for c in self.challenges.values() if c.person_id == person_id and c.state == "open")
        return sorted(found, key=lambda c: (c.created_at, c.transfer_id))

    def dialogue_with(self, key: IdentityKey) -> Dialogue | None:
        """The dialogue that is under way with an identity."""
        found = self.dialogues.get(key)
        return None if found is None or found.over else found

    def dialogue(self, dialogue_id: str) -> Dialogue | None:
        """A dialogue that is under way, by its id."""
        return next((d for d in self.dialogues.values() if d.id == dialogue_id and not d.over), None)

    def take_in(self, decision: Decision) -> None:
        """Let what follows see what was decided. Raises `LedgerFault` if a rule of the ledger would break."""
        for transfer in decision.transfers:
            self._book(transfer)
        self.challenges.update((c.transfer_id, c) for c in decision.challenges)
        self.pins.update((p.person_id, p) for p in decision.pins)
        self.people.update((p.id, p) for p in decision.people)
        self.room -= len(decision.checks) + len(decision.works)
        self.identities.update((i.key, i) for i in decision.identities)
        self.dialogues.update((d.key, d) for d in decision.dialogues)
        self.link_codes.update((c.person_id, c) for c in decision.link_codes)
        if self.guesses is not None:
            guessing.add(self.guesses, decision.guesses)
        self.sendings.update((mark, self.sendings[mark] + 1) for mark in decision.sendings)
        self.taken.update(p.contact_mark for p in decision.people if p.contact_mark)

    def _book(self, transfer: Transfer) -> None:
        rules.book(self.accounts, transfer)
        if transfer.kind is TransferKind.RESERVE:
            self.reserves[transfer.id] = transfer
            self._spend(transfer, transfer.amount_minor)
        elif transfer.pending_id is not None:
            self.endings[transfer.pending_id] = transfer
            if transfer.kind is not TransferKind.POST:
                self._spend(self.reserves[transfer.pending_id], -transfer.amount_minor)

    def _spend(self, reserve: Transfer, amount_minor: int) -> None:
        """Count money for the day on which it was reserved, or give it back to that day."""
        day, days = day_of(reserve.created_at), self.spent.get(reserve.debit_id, {})
        self.spent[reserve.debit_id] = {**days, day: days.get(day, 0) + amount_minor}

    def know_accounts(self, accounts: Iterable[Account]) -> None:
        """Put accounts where `account` finds them."""
        for account in accounts:
            self.accounts[account.id] = account
            self.account_of[account.owner, account.currency] = account.id

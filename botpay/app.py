"""The composition root: the only place that builds things and holds them together."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import structlog
from aiohttp.web import RouteDef

from botpay import migrations
from botpay.adapters.base import Adapter
from botpay.batcher import Batcher
from botpay.charities.store import load_suspended
from botpay.charity_register import CharityRegister
from botpay.clock import Clock, minute_of, system_clock
from botpay.config import Settings
from botpay.confirm import store as confirm
from botpay.confirm.checker import Checker, PinCheck, Verify, Work
from botpay.confirm.guessing import Bearable
from botpay.confirm.hashing import hasher_of
from botpay.database import Database
from botpay.dead_letters import DeadLetters
from botpay.dialogues import store as dialogues
from botpay.enrolment import Enrolment
from botpay.errors import Busy, Code, ConfigError, Conflict, Transient
from botpay.handlers.tries import NOT_READ
from botpay.handlers.world import Deadline, DialogueDeadline, DialogueEntry, Event, PageEntry, Terms
from botpay.lending import Lent
from botpay.mail import MailChannel
from botpay.message import Inbound
from botpay.outbox.dispatcher import Dispatcher, Sender
from botpay.outbox.model import Delivery, Fate
from botpay.outbox.store import due_to_drop
from botpay.pipeline import CONFLICT, Pipeline, Result
from botpay.policy import Admission, Caps, Cooling, Level, Period
from botpay.receipt_book import ReceiptBook
from botpay.sealing import Keyring
from botpay.second_channel import SecondChannel
from botpay.web.choosing import PinPages
from botpay.web.front import Front
from botpay.web.pages import PaymentPages
from botpay.web.receipts import ReceiptPages
from botpay.web.rendering import asset_routes
from botpay.web.server import WebServer

_SWEEP_EVERY_SECONDS = 1.0
_EXPIRE_AT_ONCE = 500
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1, 60

_GUESSED = (Code.PINS_PAUSED, Code.PAYEE_PAUSED)

log = structlog.get_logger(__name__)


class Application:
    """One running installation: adapters and web outside, the batcher and its one thread inside.

    Args:
        settings: checked settings; the database must have the current schema when `start_core` is called.
        adapters: those to run, each with its own settings.
        channel: the second one, in the place of e-mail by the settings.
        verify: in the place of the slow hash, where that is not what is measured.
    """

    def __init__(
        self,
        settings: Settings,
        adapters: Sequence[Adapter],
        clock: Clock = system_clock,
        *,
        verify: Verify | None = None,
        channel: SecondChannel | None = None,
    ) -> None:
        keys = settings.keys
        audit_key = bytes.fromhex(keys.audit.get_secret_value())
        keyring = Keyring.of(keys)
        self._troubles = settings.enrolment_troubles(channel is not None)
        channel = channel or channel_of(settings)
        self._adapters = adapters
        self._clock = clock
        self.database = Database(settings.database)
        hasher = hasher_of(settings)
        terms = Terms(
            caps=_caps(settings),
            language=settings.language,
            keypad_secret=keyring.secret("keypad"),
            capabilities={adapter.name: adapter.capabilities for adapter in adapters},
            public_url=settings.web.public_url,
            link_secret=keyring.secret("link"),
            cooling=Cooling(lasts=settings.cooling, per_day=settings.cooling_per_day),
            bearable=Bearable(**settings.guessing.model_dump()),
            admission=_admission(settings),
            code_secret=keyring.secret("code"),
            channel=channel.name if channel else "",
            invite=lambda name: next((a.invite_url for a in adapters if a.name == name), None),
            address_of=channel.address if channel else lambda _: None,
            shuffled_keypad=settings.confirmation.shuffled_keypad,
            typed_pin=settings.confirmation.typed_pin,
            limits={Period(name): most for name, most in settings.spending_limits.items()},
        )
        self._checker = Checker(
            verify or hasher.verify,
            hasher.renewed,
            hasher.hash,
            workers=settings.hashing.workers,
            waiting=settings.hashing.waiting,
        )
        pipeline = Pipeline(
            database=self.database,
            clock=clock,
            terms=terms,
            audit_key=audit_key,
            keyring=keyring,
            room=self._checker.room,
        )
        dead_letters = DeadLetters(self.database, clock, keyring, settings.language)
        self.enrolment = Enrolment(database=self.database, clock=clock, hasher=hasher, audit_key=audit_key)
        self.charities = CharityRegister(database=self.database, clock=clock, keyring=keyring, audit_key=audit_key)
        self.receipts = ReceiptBook(database=self.database, clock=clock, keyring=keyring, audit_key=audit_key)
        self._batcher = Batcher(pipeline.process, dead_letters.keep)
        senders: dict[str, Sender] = {adapter.name: adapter for adapter in adapters}
        if channel:
            senders[channel.name] = channel
        self._outbox = Dispatcher(self.database, keyring, senders, self._submit, clock)
        for adapter in adapters:
            adapter.meet(lent_to(adapter, settings, self.database, clock))
        routes = [route for adapter in adapters for route in adapter.routes()]
        self._web = self._web_server(settings, routes, keyring, terms)
        self._tasks: list[asyncio.Task[None]] = []
        self._checks: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._alerted = 0

    def _web_server(
        self, settings: Settings, routes: Sequence[RouteDef], keyring: Keyring, terms: Terms
    ) -> WebServer | None:
        """What listens for webhooks and serves pages, if there are any of either."""
        where = settings.web
        if where.public_url is None:
            return WebServer(where.host, where.port, routes) if routes else None
        front = Front(
            secret=keyring.secret("page"),
            secure=where.public_url.startswith("https:"),
            proxies=where.proxies_in_front,
            language=settings.language,
        )
        known: dict[str, Any] = {"front": front, "database": self.database, "keyring": keyring, "clock": self._clock}
        pages = [
            *asset_routes(),
            *PaymentPages(**known, enter=self.enter).routes(),
            *PinPages(**known, terms=terms, enter=self.enter).routes(),
            *ReceiptPages(front=front, book=self.receipts).routes(),
        ]
        return WebServer(where.host, where.port, routes, front, pages, where.public_url)

    async def start_core(self) -> str | None:
        """Start all but the adapters; returns the base URL of the web server if there is one.

        Raises `ConfigError` if the database's schema is not the current one, or people could not enrol as the settings
        say.
        """
        await asyncio.to_thread(migrations.require_current, self.database)
        for trouble in self._troubles:
            raise ConfigError(trouble)
        self._batcher.start()
        self._tasks = [asyncio.create_task(self._outbox.run()), asyncio.create_task(self._sweep_for_ever())]
        return await self._web.start() if self._web else None

    async def start_adapters(self) -> None:
        """Let people in. A platform that cannot be reached now is tried again until it can.

        Raises `ConfigError` or another `DeliveryError` where trying again would not help.
        """
        for adapter in self._adapters:
            pause = _FIRST_PAUSE_SECONDS
            while True:
                try:
                    await adapter.start(self.receive)
                    break
                except Transient as error:
                    log.warning("platform_away", adapter=adapter.name, reason=str(error), again_in_seconds=pause)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def stop(self) -> None:
        """Let no more in, finish what is under way, close. What waits in the outbox is sent after the next start."""
        for adapter in self._adapters:
            await adapter.stop()
        if self._web:
            await self._web.stop()
        await asyncio.gather(*self._checks, return_exceptions=True)
        self._outbox.stop()
        if self._tasks:
            outbox, sweep = self._tasks
            await outbox
            sweep.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sweep
            await asyncio.to_thread(self._batcher.stop)
        self._checker.close()
        self.database.close()

    async def receive(self, inbound: Inbound) -> None:
        """The door for adapters: returns once what a person did is committed.

        Raises `Busy` or `StorageUnavailable` when nothing was done, so that the platform delivers again; `Conflict`
        where a client used an event id for something else before.
        """
        if await self._submit(inbound) is CONFLICT:
            raise Conflict("this event id was used before with other contents")

    async def enter(self, entry: PageEntry | DialogueEntry) -> None:
        """The door for pages: returns once what was entered is committed and the slow work on it is done.

        Raises `Busy` or `StorageUnavailable` when nothing was done.
        """
        outcome = (await self._submit(entry)).outcome
        if isinstance(entry, PageEntry) and outcome in NOT_READ:
            raise Busy("no PIN is read now", Code(outcome))
        about = entry.transfer_id if isinstance(entry, PageEntry) else entry.dialogue_id
        await asyncio.gather(*(work for work in self._checks if work.get_name() == about))

    async def sweep(self) -> None:
        """End challenges and dialogues whose time is over, donations to suspended charities, and old dead letters."""
        for event in await asyncio.to_thread(self._due):
            await self._submit(event)

    async def settled(self) -> None:
        """Wait until nothing is under way any more: no event, no check, no letter that could be sent now."""
        while True:
            await asyncio.gather(*self._checks)
            self._outbox.wake()
            await self._outbox.idle()
            if not self._under_way and not self._checks:
                return
            await asyncio.sleep(0)

    async def _submit(self, event: Event) -> Result:
        self._under_way += 1
        try:
            result = await self._batcher.submit(event)
        finally:
            self._under_way -= 1
        for work in (*result.checks, *result.works):
            name = work.transfer_id if isinstance(work, PinCheck) else work.dialogue_id
            task = asyncio.create_task(self._work(work), name=name)
            self._checks.add(task)
            task.add_done_callback(self._checks.discard)
        if result.letters:
            self._outbox.wake()
        if result.outcome in _GUESSED:
            self._alert(result.outcome)
        return result

    def _alert(self, code: str) -> None:
        """Tell the operator that PINs are not read because too many were wrong: once a minute, not once a PIN."""
        minute = minute_of(self._clock())
        if minute != self._alerted:
            self._alerted = minute
            log.error("pins_refused", code=code)

    async def _work(self, work: PinCheck | Work) -> None:
        """Slow work on a PIN off the loop; then what came of it is let in. If that fails, it can be asked for again."""
        try:
            if isinstance(work, PinCheck):
                await self._submit(await self._checker.check(work))
            else:
                await self._submit(await self._checker.work(work))
        except Exception as error:  # noqa: BLE001 - the try is counted; it can be repeated
            about = work.transfer_id if isinstance(work, PinCheck) else work.dialogue_id
            log.error("work_lost", about=about, reason=type(error).__name__)

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_EVERY_SECONDS)
            try:
                await self.sweep()
            except Exception as error:  # noqa: BLE001 - the next sweep must come
                log.error("sweep_put_off", reason=type(error).__name__)

    def _due(self) -> list[Event]:
        with self.database.read() as connection:
            now = self._clock()
            ends = [Deadline(transfer_id=found) for found in confirm.due(connection, now, _EXPIRE_AT_ONCE)]
            if suspended := load_suspended(connection):
                called_off = confirm.waiting_for(connection, suspended, _EXPIRE_AT_ONCE)
                ends += [Deadline(transfer_id=found) for found in called_off]
            over = [DialogueDeadline(dialogue_id=found) for found in dialogues.due(connection, now, _EXPIRE_AT_ONCE)]
            old = due_to_drop(connection, now, _EXPIRE_AT_ONCE)
        return [*ends, *over, *(Delivery(letter_id=found, fate=Fate.DROPPED) for found in old)]


def lent_to(adapter: Adapter, settings: Settings, database: Database, clock: Clock = system_clock) -> Lent:
    """What an adapter meets: its host in this installation."""
    audit_key = bytes.fromhex(settings.keys.audit.get_secret_value())
    return Lent(
        adapter=adapter.name,
        database=database,
        clock=clock,
        keyring=Keyring.of(settings.keys),
        audit_key=audit_key,
        language=settings.language,
        caps=_caps(settings),
    )


def _caps(settings: Settings) -> Caps:
    return Caps(person=settings.cap_person, charity=settings.cap_charity, confirm_within=settings.confirm_within)


def channel_of(settings: Settings) -> SecondChannel | None:
    """The second channel of an installation's settings: e-mail, if it is set up."""
    return MailChannel(settings.mail) if settings.mail else None


def _admission(settings: Settings) -> Admission:
    asked = settings.enrolment
    return Admission(
        level=Level(asked.level),
        countries=asked.countries,
        terms={str(language): text for language, text in asked.terms.items()},
    )

"""Plays a script on a stage with a whole application behind it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from botpay import migrations
from botpay.app import Application
from botpay.charities.model import Document, Purpose
from botpay.clock import Clock
from botpay.config import Enrolment, Keys, Settings, Web
from botpay.confirm.pin import is_pin
from botpay.database import Database
from botpay.message import SecretText
from botpay.money import Money
from botpay.sealing import Keyring
from botpay.testing.chat import Passed, Said, Step, actions
from botpay.testing.stage import Line, Manner, Stage


class MovableClock(Protocol):
    """A clock that a script can move."""

    def move(self, by: timedelta) -> None:
        """Let time pass."""
        ...


@dataclass(frozen=True, slots=True)
class Resident:
    """Somebody who is there from the start."""

    who: str
    name: str
    pin: str
    funds: Money
    language: str = "fr"


ALICE = Resident("alice", "Alice Durand", "482915", Money(300_00))
BOB = Resident("bob", "Bob Martin", "739164", Money(300_00))
CHARITY_NAME, CHARITY_TAG = "Eau pour tous", "eaupourtous"
_KNOWN = {
    "address": "1 rue du Puits, 75001 Paris",
    "object": "Des puits là où l’eau manque",
    "purpose": Purpose.GENERAL_INTEREST,
    "rna": "W751000001",
    "iban": SecretText("FR1420041010050500013M02606"),  # the example of the registry of IBANs (SWIFT)
}


def settle_in(application: Application, stage: Stage, residents: Sequence[Resident] = (ALICE, BOB)) -> None:
    """Enrol the people of a script with their money, and its charity."""
    for resident in residents:
        actor = stage.actor(resident.who)
        person = application.enrolment.add_person(
            resident.name, resident.language, SecretText(resident.pin), [actor], country="FR"
        )
        application.enrolment.fund(person.id, resident.funds, "demo")
    application.enrolment.add_charity(CHARITY_NAME, CHARITY_TAG)
    application.charities.describe(CHARITY_TAG, _KNOWN)
    application.charities.verify(CHARITY_TAG, "demo", dict.fromkeys(Document, "demo"))


@asynccontextmanager
async def on_stage(settings: Settings, stage: Stage, clock: Clock) -> AsyncIterator[Application]:
    """A started stage with a started application on it; both are stopped at the end."""
    await stage.start()
    application = Application(settings, [stage.adapter], clock)
    try:
        base_url = await application.start_core()
        await stage.connect(base_url)
        await application.start_adapters()
        yield application
    finally:
        await application.stop()
        await stage.stop()


async def play(
    application: Application, stage: Stage, clock: MovableClock, steps: list[Step]
) -> AsyncIterator[tuple[int, Said | Passed, list[Line]]]:
    """Each action of a script with the lines that the bot answered, once all is quiet again."""
    for index, action in actions(steps):
        if isinstance(action, Passed):
            clock.move(action.by)
            await application.sweep()
        else:
            await _act(stage, action)
        await application.settled()
        yield index, action, stage.take_lines()


async def _act(stage: Stage, said: Said) -> None:
    if said.private and said.manner is Manner.FRESH and is_pin(said.text.strip()):
        await stage.enter_pin(said.who, said.text.strip())
    else:
        await stage.say(said.who, said.text, private=said.private, manner=said.manner)


def embedded(database: Path, keys: Keys) -> Settings:
    """Settings for an SQLite file, brought to the current schema."""
    settings = Settings(database=f"sqlite:///{database}", keys=keys, web=Web(port=0), enrolment=Enrolment(level="demo"))
    opened = Database(settings.database)
    migrations.upgrade(opened, keyring=Keyring.of(keys))
    opened.close()
    return settings

"""The hunt for secrets: whole conversations with PINs, codes, addresses, memos and tokens that must show up nowhere."""

import gc
import logging
import re
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from botpay import handlers
from botpay.app import Application
from botpay.config import Enrolment, Keys, Settings, Web
from botpay.database import Database
from botpay.errors import BotpayError, LedgerFault
from botpay.handlers.world import Decision, Event, Unit, World
from botpay.message import Inbound
from botpay.pipeline import Pipeline, Result
from botpay.sealing import Keyring
from botpay.testing.chat import read_script
from botpay.testing.clocks import FixedClock
from botpay.testing.play import ALICE, BOB, embedded, on_stage, play, settle_in
from botpay.testing.postgres import migrated_database
from botpay.testing.slack import SlackStage
from botpay.testing.stage import Stage
from botpay.testing.telegram import TelegramStage
from tests.dumps import dumped, opened
from tests.mailbox import Mailbox, mailbox
from tests.scenarios.test_scenarios import STAGES

ADDRESS, CAROLS_PIN, MEMO, FAULTY, CARD = (
    "canary@example.org",
    "571946",
    "canarymemo",
    "canaryfault",
    "4111111111111111",
)
PINS = (ALICE.pin, BOB.pin, CAROLS_PIN)
TERMS = {"fr": "Conditions : soyez honnête.", "en": "Terms: be honest."}
ENROLS = f"""carol(private)> bonjour
carol(private)> English
carol(private)> Carol Petit
carol(private)> I accept
carol(private)> France
carol(private)> {ADDRESS}
carol(private)> {CAROLS_PIN}
carol(private)> {CAROLS_PIN}
"""
PAYS = f"""alice> #envoyer 10 euros @bob pour {MEMO}
alice> {ALICE.pin}
alice(private)> {BOB.pin}
alice(private)> {ALICE.pin}
bob(private)> #donner 5 euros #eaupourtous {FAULTY}
bob(private)> {FAULTY} {BOB.pin}
alice(private)> {CARD}
bob> #envoyer 1 euro @alice pour {BOB.pin}
bob(private)> {BOB.pin}
alice(private)> #historique
"""


@dataclass
class Hunt:
    """What a thief, an operator and a developer would get to see of a conversation, by where they see it."""

    seen: dict[str, list[str]] = field(default_factory=dict)

    def note(self, where: str, *texts: str) -> None:
        """Something that was to be seen there."""
        self.seen.setdefault(where, []).extend(texts)

    def found(self, canaries: Sequence[str]) -> list[tuple[str, str]]:
        """Where which canary was seen; digits within a longer number, or within an id, are none."""
        patterns = {canary: re.compile(rf"(?<![0-9a-f]){re.escape(canary)}(?![0-9a-f])") for canary in canaries}
        return [
            (where, canary)
            for where, texts in self.seen.items()
            for canary, pattern in patterns.items()
            if any(canary in shown and pattern.search(shown) for shown in texts)
        ]


@pytest.mark.parametrize(
    ("platform", "store"), [("console", "postgresql"), ("telegram-polling", "sqlite"), ("slack-http", "postgresql")]
)
async def test_no_secret_shows_up_anywhere(
    platform: str,
    store: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not in logs at DEBUG, rows after any commit, texts of errors, nor the repr of anything that the bot holds."""
    hunt, clock, keys = Hunt(), FixedClock(), Keys.fresh()
    _watch(hunt, monkeypatch)
    caplog.set_level(logging.DEBUG)
    stage = STAGES[platform](clock)
    with ExitStack() as stack, capture_logs() as logs:
        settings = _settings(store, tmp_path, keys, stack)
        async with mailbox() as box:
            settings = settings.model_copy(update={"mail": box.settings()})
            async with on_stage(settings, stage, clock) as application:
                settle_in(application, stage)
                code = await _converse(application, stage, clock, box)
                hunt.note("reprs", *_reprs(application))
                sealed = opened(application.database, Keyring.of(keys))
        _require_said(settings.database)
    hunt.note("logs", str(logs), *_lines(caplog))
    hunt.note("output", *capfd.readouterr())
    tokens = _tokens(stage)
    secret = (*PINS, code, CARD, *tokens, *(getattr(keys, name).get_secret_value() for name in Keys.names()))
    assert hunt.found((*secret, ADDRESS, MEMO, FAULTY)) == []
    assert {"rows", "logs", "errors", "reprs"} <= set(hunt.seen)
    hunt.seen = {"opened with the keys": sealed}
    assert hunt.found(secret) == []
    assert hunt.found((ADDRESS, MEMO)) != []  # they are kept, and the hunt would have found them


async def _converse(application: Application, stage: Stage, clock: FixedClock, box: Mailbox) -> str:
    """Enrol with a code by mail, pay with wrong and right PINs, meet faults; returns the code."""

    async def says(script: str) -> None:
        async for _ in play(application, stage, clock, read_script(script.splitlines())):
            pass

    await says(ENROLS)
    code = box.code_for(ADDRESS)
    await says(f"carol(private)> {code}\n{PAYS}")
    return code


def _watch(hunt: Hunt, monkeypatch: pytest.MonkeyPatch) -> None:
    """Note the rows after each commit, the text of each error of ours, and what is decided; add a fault of ours."""
    real: Callable[[Pipeline, Sequence[Event]], list[Result]] = Pipeline.process

    def process(self: Pipeline, events: Sequence[Event]) -> list[Result]:
        results = real(self, events)
        hunt.note("rows", dumped(self.database))
        return results

    def decide(world: World, unit: Unit) -> Decision:
        if isinstance(unit.event, Inbound) and FAULTY in unit.event.text.reveal():
            raise RuntimeError(unit.event.text.reveal())  # as a library would, that quotes what it could not read
        return handlers.decide(world, unit)

    def born(self: BotpayError, *words: object) -> None:
        Exception.__init__(self, *words)
        hunt.note("errors", repr(self), str(self))

    monkeypatch.setattr(Pipeline, "process", process)
    monkeypatch.setattr("botpay.pipeline.decide", decide)
    monkeypatch.setattr(BotpayError, "__init__", born)
    LedgerFault("noted")


def _settings(store: str, folder: Path, keys: Keys, stack: ExitStack) -> Settings:
    asked = Enrolment.model_validate({"level": "standard", "terms": TERMS})
    if store == "sqlite":
        return embedded(folder / "hunt.sqlite", keys).model_copy(update={"enrolment": asked})
    return Settings(database=stack.enter_context(migrated_database()), keys=keys, web=Web(port=0), enrolment=asked)


def _lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What libraries logged; the mail server of the test is none of botpay's."""
    form = logging.Formatter("%(name)s %(message)s")
    return [form.format(record) for record in caplog.records if not record.name.startswith("mail.")]


def _tokens(stage: Stage) -> list[str]:
    match stage:
        case TelegramStage():
            return [stage.telegram.token]
        case SlackStage():
            return [stage.fake.bot_token, stage.fake.signing_secret]
        case _:
            return []


def _require_said(url: str) -> None:
    """The conversation did take place: the payments were made, and the faults were kept."""
    database = Database(url)
    with database.read() as connection:
        paid = connection.execute(text("select count(*) from challenges where state = 'passed'")).scalar()
        kept = connection.execute(text("select count(*) from dead_letters")).scalar()
        enrolled = connection.execute(text("select count(*) from people where contact is not null")).scalar()
    database.close()
    assert (paid, kept, enrolled) == (2, 2, 1)


def _reprs(root: object) -> Iterator[str]:
    """The repr of every object that the application holds, and that its adapters' libraries do; not of plain values."""
    plain = (str, bytes, bytearray, dict, list, tuple, set, frozenset, types.CellType, types.MethodType)
    waiting: list[Any] = [root]
    known: dict[int, Any] = {}  # holds what it knows, so that no id comes again
    while waiting:
        one = waiting.pop()
        if id(one) in known or isinstance(one, type | types.ModuleType):
            continue
        known[id(one)] = one
        if not isinstance(one, plain):
            yield repr(one)
        module = type(one).__module__
        if isinstance(one, types.FunctionType):
            waiting += [*(one.__closure__ or ()), *(one.__defaults__ or ())]
        elif isinstance(one, plain) or (module.split(".")[0] in _OURS and not module.startswith("botpay.testing")):
            waiting += gc.get_referents(one)


_OURS = {"botpay", "telegram", "slack_sdk", "aiosmtplib", "argon2", "pydantic"}

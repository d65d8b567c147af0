"""Enrolling as a real installation asks it: on every platform, with a real mail server behind it."""

from dataclasses import replace
from pathlib import Path

import pytest

from botpay.config import Enrolment, Keys
from botpay.database import Database
from botpay.proof import steps as proof_of
from botpay.testing.chat import Said, Step, by_person, expected_after, read_script
from botpay.testing.clocks import FixedClock
from botpay.testing.play import embedded, on_stage, play, settle_in
from tests.mailbox import Mailbox, mailbox
from tests.scenarios.test_scenarios import STAGES

SCENARIOS = sorted((Path(__file__).parent / "enrolment").glob("*.chat"))
TERMS = {"fr": "Conditions : soyez honnête.", "en": "Terms: be honest."}
LEVEL = {"checked": "checked"}
ADDRESS = "carol@example.org"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
@pytest.mark.parametrize("platform", ["console", "telegram-polling", "slack-http"])
async def test_everybody_is_told_what_the_transcript_says(platform: str, scenario: Path, tmp_path: Path) -> None:
    """Each person reads just the lines of the transcript, where `<code>` is what came by mail; and the books verify."""
    clock, keys = FixedClock(), Keys.fresh()
    stage = STAGES[platform](clock)
    asked = Enrolment.model_validate({"level": LEVEL.get(scenario.stem, "standard"), "terms": TERMS})
    script = _read(scenario)
    async with mailbox() as box:
        settings = embedded(tmp_path / "chat.sqlite", keys).model_copy(
            update={"enrolment": asked, "mail": box.settings()}
        )
        async with on_stage(settings, stage, clock) as application:
            settle_in(application, stage)
            async for index, action, lines in play(application, stage, clock, script):
                expected = expected_after(script, index, stage.tags())
                assert by_person(lines) == by_person(expected), f"after line {index + 1}: {action}"
                _write_code(script, index, box)
    assert _problems(settings.database, keys) == []


def _read(scenario: Path) -> list[Step]:
    return read_script(scenario.read_text(encoding="utf-8").splitlines())


def _write_code(script: list[Step], index: int, box: Mailbox) -> None:
    """What is said next, where the transcript says `<code>`: the code of the newest mail."""
    for place, step in enumerate(script[index + 1 :], start=index + 1):
        if isinstance(step, Said):
            if step.text == "<code>":
                script[place] = replace(step, text=box.code_for(ADDRESS))
            return


def _problems(url: str, keys: Keys) -> list[str]:
    database = Database(url)
    with database.read() as connection:
        key = bytes.fromhex(keys.audit.get_secret_value())
        found = [problem for _, problems in proof_of(connection, key) for problem in problems]
    database.close()
    return found

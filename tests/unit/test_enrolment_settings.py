"""What enrolling needs of the settings is said at the start, with the setting's name."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from botpay.app import Application
from botpay.config import Enrolment, Keys, Mail, Settings
from botpay.errors import ConfigError
from botpay.testing.clocks import FixedClock
from botpay.testing.play import embedded
from botpay.testing.slack import SlackStage

MAIL = Mail.model_validate({"host": "localhost", "security": "none", "from": "botpay@example.org"})


def settings_with(path: Path, enrolment: dict[str, object], mail: Mail | None) -> Settings:
    """An installation that asks this of people."""
    asked = Enrolment.model_validate(enrolment)
    return embedded(path, Keys.fresh()).model_copy(update={"enrolment": asked, "mail": mail})


@pytest.mark.parametrize(
    ("enrolment", "mail", "named"),
    [
        ({"terms": {"fr": "…"}}, None, r"\[mail\]"),
        ({"level": "checked", "terms": {"fr": "…"}}, None, r"\[mail\]"),
        ({}, MAIL, r"enrolment\.terms\.fr"),
        ({"terms": {"en": "…"}}, MAIL, r"enrolment\.terms\.fr"),
    ],
)
async def test_what_is_missing_keeps_an_installation_from_starting(
    tmp_path: Path, enrolment: dict[str, object], mail: Mail | None, named: str
) -> None:
    """The refusal names the setting; nothing was started."""
    application = Application(settings_with(tmp_path / "x.sqlite", enrolment, mail), [], FixedClock())
    with pytest.raises(ConfigError, match=named):
        await application.start_core()
    await application.stop()


async def test_a_demo_needs_neither_terms_nor_mail(tmp_path: Path) -> None:
    """Its level asks for nothing that they serve."""
    stage = SlackStage()
    await stage.start()
    application = Application(settings_with(tmp_path / "x.sqlite", {"level": "demo"}, None), [stage.adapter])
    await application.start_core()
    await application.stop()
    await stage.stop()


@pytest.mark.parametrize(
    "what",
    [{"countries": []}, {"countries": ["France"]}, {"countries": ["XX"]}, {"level": "none"}, {"terms": {"fr": ""}}],
)
def test_settings_that_mean_nothing_are_refused(what: dict[str, object]) -> None:
    """A typo does not let everybody in, or nobody."""
    with pytest.raises(ValidationError):
        Enrolment.model_validate(what)

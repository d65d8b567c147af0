"""What `botpay doctor` says of ways to enter a PIN, of which there must be one, and of letters that nobody got."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from botpay import migrations
from botpay.cli import app
from botpay.database import Database
from botpay.outbox.model import Fate
from botpay.outbox.store import outbound, save_letters
from tests.conftest import AUDIT_KEY, DATA_KEY, KEYRING, PEPPER
from tests.unit.test_dispatcher import NOW, letter

NOBODY = "matrix: nobody could confirm a payment there"
MATRIX = '[adapters.matrix]\nhomeserver = "http://127.0.0.1:9"\naccess_token = "a-token"\n'
WEBHOOK = f'[adapters.webhook.tenants.main]\nurl = "http://127.0.0.1:9/"\nsecrets = ["whsec_{"MDAw" * 10}MDA="]\n'


def said_by_doctor(path: Path, *sections: str, dead: Sequence[str] = ()) -> str:
    """What the doctor says of an installation with some sections, and some letters that could not be delivered."""
    url = f"sqlite:///{path / 'doctor.sqlite'}"
    database = Database(url)
    migrations.upgrade(database)
    with database.write() as connection:
        save_letters(connection, KEYRING, [letter("alice", text) for text in dead], NOW)
        connection.execute(update(outbound).values(fate=Fate.DEAD.value))
    database.close()
    keys = {"pepper": PEPPER, "audit": AUDIT_KEY, "data": DATA_KEY}
    lines = [f'database = "{url}"', "[keys]", *(f'{name} = "{key.hex()}"' for name, key in keys.items()), *sections]
    config = path / "botpay.toml"
    config.write_text("\n".join(lines), encoding="utf-8")
    config.chmod(0o600)
    return CliRunner().invoke(app, ["doctor", "--config", str(config)]).stdout


def test_a_platform_on_which_nobody_could_confirm_is_named(tmp_path: Path) -> None:
    """Without buttons, a page and typed PINs payments would only ever expire; the doctor says what to set."""
    said = said_by_doctor(tmp_path, MATRIX, WEBHOOK)
    assert f"- {NOBODY}: it has no buttons, so set [web] public_url" in said
    assert "webhook: " in said  # it was looked at too
    assert "webhook: nobody could confirm" not in said


@pytest.mark.parametrize(
    "mended",
    [
        f'{MATRIX}[web]\npublic_url = "https://pay.example.org"',
        f"{MATRIX}typed_pin = true",
        f"{MATRIX}[confirmation]\ntyped_pin = true",
    ],
)
def test_one_way_to_enter_a_pin_is_enough(tmp_path: Path, mended: str) -> None:
    """With the page, or typed PINs here or everywhere, there is nothing to say."""
    said = said_by_doctor(tmp_path, mended)
    assert "matrix: http://127.0.0.1:9 does not answer" in said  # it was looked at
    assert NOBODY not in said


def test_letters_that_nobody_got_are_counted(tmp_path: Path) -> None:
    """Whoever looks after the bot learns that somebody waits for news, and where to look; not what it is."""
    other = tmp_path / "other"
    other.mkdir()
    said = said_by_doctor(tmp_path, dead=["you have 12,00", "paid"])
    assert "- letters that could not be delivered: 2; see `botpay outbox list --fate dead`" in said
    assert "12,00" not in said
    assert "could not be delivered" not in said_by_doctor(other, MATRIX)

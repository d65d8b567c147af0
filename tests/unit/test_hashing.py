"""What a check of a PIN costs, is renewed as and is told of: `botpay doctor`, and hashes of older settings."""

from dataclasses import replace
from pathlib import Path

import pytest
import typer

from botpay import migrations, proof
from botpay.app import Application
from botpay.cli.serve import doctor
from botpay.config import Hashing, load
from botpay.confirm.challenge import Renewed
from botpay.confirm.hashing import Cost, measured
from botpay.message import Actor, SecretText
from tests.conftest import AUDIT_KEY, PINS, Town

PEPPER, OTHER = "1" * 64, "4" * 64


def installation(tmp_path: Path, pepper: str, rest: str = "") -> Path:
    """A botpay.toml and its migrated database."""
    path = tmp_path / "botpay.toml"
    keys = f'[keys]\npepper = "{pepper}"\naudit = "{"2" * 64}"\ndata = "{"3" * 64}"\n'
    path.write_text(f'database = "sqlite:///{tmp_path / "b.sqlite"}"\n{keys}{rest}', encoding="utf-8")
    path.chmod(0o600)
    application = Application(load(path), [])
    migrations.upgrade(application.database)
    application.database.close()
    return path


def said_by_doctor(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What `botpay doctor` prints; it exits with 1, for there is no adapter."""
    with pytest.raises(typer.Exit):
        doctor(path)
    return capsys.readouterr().out


def test_doctor_says_what_a_check_costs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The cost of one check here, and how many a second the workers do, are said first."""
    first, *rest = said_by_doctor(installation(tmp_path, PEPPER), capsys).splitlines()
    assert first.startswith("checking one PIN takes ")
    assert "19 MiB here; 2 at a time" in first
    assert not any("checking" in line for line in rest), "as much as OWASP asks for is no trouble"


def test_what_costs_too_much_is_a_trouble() -> None:
    """Half a second for a check is too slow for people, and a line longer than the time of a check loses verdicts."""
    assert Cost(40.0, Hashing()).troubles() == []
    (slow,) = Cost(501.0, Hashing(waiting=1)).troubles()
    assert "lower [hashing] memory_kib or passes" in slow
    (late,) = Cost(40.0, Hashing(workers=1, waiting=200)).troubles()
    assert "lower [hashing] waiting" in late


def test_what_is_measured_is_the_cost_of_the_settings(tmp_path: Path) -> None:
    """Ten times the passes are measured as more."""
    cheap = measured(load(installation(tmp_path, PEPPER)))
    dear = measured(load(installation(tmp_path, PEPPER, "[hashing]\npasses = 20\n")))
    assert dear.milliseconds > 2 * cheap.milliseconds


def test_doctor_finds_a_pepper_that_was_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the pepper was changed and the earlier one not kept, doctor says so before people are told "wrong PIN"."""
    application = Application(load(installation(tmp_path, PEPPER)), [])
    application.enrolment.add_person("Alice", "en", SecretText(PINS["alice"]), [Actor("console", "local", "alice")])
    application.database.close()
    lost = installation(tmp_path, OTHER)
    assert "1 PINs were hashed with pepper" in said_by_doctor(lost, capsys)
    kept = installation(tmp_path, OTHER, f'[keys.old_peppers]\nfirst = "{PEPPER}"\n')
    assert "hashed with pepper" not in said_by_doctor(kept, capsys)


def test_a_renewed_hash_is_kept_with_the_payment(town: Town) -> None:
    """The new hash of a right PIN is written in the commit that pays, and the chain covers it."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    check = town.types_pin("alice")
    verdict = replace(town.verdict(check), renewed=Renewed(check.hash, "anew"))
    assert town.do(verdict).outcome == "posted"
    assert town.rows("select count(*) from pins where hash = 'anew' and failures = 0") == [(1,)]
    with town.database.read() as connection:
        assert [found for _, part in proof.steps(connection, AUDIT_KEY) for found in part] == []


def test_a_renewed_hash_does_not_bring_back_a_pin_that_was_changed(town: Town) -> None:
    """If the PIN is another one by the time of the verdict, its hash stays."""
    town.do(town.says("alice", "#send 10 euros @bob"))
    check = town.types_pin("alice")
    verdict = replace(town.verdict(check), renewed=Renewed("of an earlier PIN", "anew"))
    town.do(verdict)
    assert town.rows("select count(*) from pins where hash = 'anew'") == [(0,)]

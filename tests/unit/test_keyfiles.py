"""Keys from files: read by the bot alone, never told, and refused where everybody could read them too."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from botpay import keyfiles
from botpay.cli import app
from botpay.config import Settings, load
from botpay.errors import ConfigError

KEYS = {name: digit * 64 for name, digit in (("pepper", "1"), ("audit", "2"), ("data", "3"))}
OLD = "4" * 64


@pytest.fixture(autouse=True)
def _files(tmp_path: Path) -> None:
    """A file for each key, as `openssl rand -hex 32 > FILE` writes it."""
    for name, key in {**KEYS, "old": OLD}.items():
        path = tmp_path / f"{name}.hex"
        path.touch(mode=0o600)
        path.write_text(f"{key}\n", encoding="ascii")


def loaded(tmp_path: Path, section: str) -> Settings:
    """The settings with this section of keys."""
    path = tmp_path / "botpay.toml"
    path.touch(mode=0o600)
    path.write_text(f'database = "sqlite:///{tmp_path / "x.sqlite"}"\n[keys]\n{section}', encoding="utf-8")
    return load(path)


def refusal(tmp_path: Path, section: str) -> str:
    """What is said of such a section; never a key."""
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, section)
    assert not any(key in str(refused.value) for key in (*KEYS.values(), OLD))
    return str(refused.value)


FROM_FILES = "".join(f'{name}_file = "{name}.hex"\n' for name in KEYS)


def test_keys_come_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key can lie in a file of its own, named from beside botpay.toml wherever the command is called from."""
    monkeypatch.chdir("/")
    keys = loaded(tmp_path, f'{FROM_FILES}[keys.old_data_files]\ny2025 = "old.hex"').keys
    assert {name: getattr(keys, name).get_secret_value() for name in KEYS} == KEYS
    assert keys.old_data["y2025"].get_secret_value() == OLD
    assert [path.name for path in keys.files] == ["pepper.hex", "audit.hex", "data.hex", "old.hex"]


def test_the_environment_can_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit of systemd names its credentials in the environment, old ones too."""
    monkeypatch.setenv("BOTPAY_KEYS__DATA_FILE", str(tmp_path / "data.hex"))
    monkeypatch.setenv("BOTPAY_KEYS__OLD_DATA_FILES__Y2025", str(tmp_path / "old.hex"))
    keys = loaded(tmp_path, FROM_FILES.replace("data_file", "# ")).keys
    assert keys.data.get_secret_value() == KEYS["data"]
    assert keys.old_data["y2025"].get_secret_value() == OLD


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o601])
def test_a_file_that_everybody_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """Nothing starts with a key that others on the machine could have read; the refusal says how to mend it."""
    (tmp_path / "data.hex").chmod(mode)
    assert f"chmod 600 {tmp_path / 'data.hex'}" in refusal(tmp_path, FROM_FILES)


def test_the_doctor_minds_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that a group may read is named by the doctor; one that systemd lends is as it must be."""
    (tmp_path / "data.hex").chmod(0o640)
    loaded(tmp_path, FROM_FILES)
    said = CliRunner().invoke(app, ["doctor", "--config", str(tmp_path / "botpay.toml")])
    assert said.exit_code == 1
    assert f"chmod 600 {tmp_path / 'data.hex'}" in said.output
    assert not any(key in said.output for key in KEYS.values())
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert keyfiles.troubles([tmp_path / "data.hex"]) == []


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    """A missing file is named with its setting."""
    (tmp_path / "audit.hex").unlink()
    assert f"audit_file: {tmp_path / 'audit.hex'} cannot be read" in refusal(tmp_path, FROM_FILES)


@pytest.mark.parametrize("content", [b"", b"c0ffee", b"1" * 5000, b"\xff\xfe", KEYS["data"].encode() * 2])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    """Whatever a file holds that is no key of 32 bytes is refused, and not repeated."""
    (tmp_path / "data.hex").write_bytes(content)
    assert "hexadecimal digits" in refusal(tmp_path, FROM_FILES)


def test_a_key_is_set_once(tmp_path: Path) -> None:
    """A key that stands both in the section and in a file is refused: one of them would be the wrong one."""
    assert "both data and data_file" in refusal(tmp_path, f'{FROM_FILES}data = "{OLD}"')
    both = '[keys.old_data_files]\ny = "old.hex"\n[keys.old_data]\ny = "' + "5" * 64 + '"'
    assert "y in both old_data and old_data_files" in refusal(tmp_path, f"{FROM_FILES}{both}")


def test_keys_differ_wherever_they_come_from(tmp_path: Path) -> None:
    """Two uses never share a key, be it written in another case, old or from a file."""
    (tmp_path / "old.hex").write_text(KEYS["data"].upper(), encoding="ascii")
    assert "different keys" in refusal(tmp_path, f'{FROM_FILES}[keys.old_data_files]\ny = "old.hex"')


def test_no_key_is_in_a_repr(tmp_path: Path) -> None:
    """The settings can be printed without printing a key."""
    settings = loaded(tmp_path, f'{FROM_FILES}[keys.old_data_files]\ny2025 = "old.hex"')
    assert not any(key in f"{settings!r}{settings.model_dump()}" for key in (*KEYS.values(), OLD))

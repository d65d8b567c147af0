"""Settings: typed, safe by default, refused with the name of the setting and never its value."""

from decimal import Decimal
from pathlib import Path

import pytest

from botpay.config import LEGAL_CAP_CHARITY, LEGAL_CAP_PERSON, Keys, Settings, load
from botpay.errors import ConfigError
from botpay.money import Money

GOOD = {name: digit * 64 for name, digit in (("pepper", "1"), ("audit", "2"), ("data", "3"))}


def toml(keys: dict[str, str] = GOOD, rest: str = "") -> str:
    """A botpay.toml; `rest` stands before the keys if it is no section, else behind."""
    section = "[keys]\n" + "".join(f'{name} = "{value}"\n' for name, value in keys.items())
    return f"{section}\n{rest}" if rest.startswith("[") else f"{rest}\n{section}"


def loaded(tmp_path: Path, content: str) -> Settings:
    """The settings of a file with this content."""
    path = tmp_path / "botpay.toml"
    path.write_text(content, encoding="utf-8")
    return load(path)


def refusal(tmp_path: Path, content: str) -> str:
    """What is said of a file with this content."""
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, content)
    assert refused.value.__suppress_context__, "what came before may hold the values"
    return str(refused.value)


def test_keys_are_all_that_must_be_set(tmp_path: Path) -> None:
    """With the keys alone an installation starts on SQLite, with the legal caps and five minutes for a PIN."""
    settings = loaded(tmp_path, toml())
    assert (settings.cap_person, settings.cap_charity) == (Money(250_00), Money(500_00))
    assert settings.confirm_within.total_seconds() == 300
    assert settings.database.startswith("sqlite:///")
    assert (settings.web.host, settings.language) == ("127.0.0.1", "fr")


@pytest.mark.parametrize("missing", GOOD)
def test_a_missing_key_is_refused(tmp_path: Path, missing: str) -> None:
    """There are no default keys: without one of them nothing starts, and the refusal names it."""
    assert f"keys.{missing}" in refusal(tmp_path, toml({k: v for k, v in GOOD.items() if k != missing}))


@pytest.mark.parametrize("short", ["c0ffee", "", "1" * 62, "1" * 66, "x" * 64])
def test_a_key_that_is_not_32_bytes_is_refused(tmp_path: Path, short: str) -> None:
    """A key that is short, long or not hexadecimal is refused with the remedy, and is not repeated."""
    said = refusal(tmp_path, toml({**GOOD, "pepper": short}))
    assert "keys.pepper" in said
    assert "openssl rand -hex 32" in said
    assert not short or short not in said


def test_keys_that_are_the_same_are_refused(tmp_path: Path) -> None:
    """Each key has one use: two that are the same are refused, without repeating them."""
    said = refusal(tmp_path, toml({**GOOD, "data": GOOD["audit"]}))
    assert "different keys" in said
    assert GOOD["audit"] not in said


def test_earlier_peppers_are_keys_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Peppers of before come from the file or the environment, are checked like any key, and are not the one of now."""
    old = "[keys.old_peppers]\n2025 = "
    assert loaded(tmp_path, toml(rest=f'{old}"{"4" * 64}"')).keys.old_peppers["2025"].get_secret_value() == "4" * 64
    assert "different keys" in refusal(tmp_path, toml(rest=f'{old}"{GOOD["pepper"]}"'))
    assert "keys.old_peppers.2025" in refusal(tmp_path, toml(rest=f'{old}"c0ffee"'))
    monkeypatch.setenv("BOTPAY_KEYS__OLD_PEPPERS__2024", "5" * 64)
    assert loaded(tmp_path, toml()).keys.old_peppers["2024"].get_secret_value() == "5" * 64


def test_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    """A typo must not switch a safeguard off: settings that do not exist are refused, at the top and in sections."""
    assert "databse" in refusal(tmp_path, toml(rest='databse = "x"'))
    assert "limits.to_persn" in refusal(tmp_path, toml(rest="[limits]\nto_persn = 10"))
    assert "limits.to_person" not in refusal(tmp_path, toml(rest="[limits]\nto_persn = 10"))


def test_a_refusal_never_repeats_a_value(tmp_path: Path) -> None:
    """Whatever is wrong, no value of any setting stands in the refusal: it may be a secret."""
    secret = "hunter2hunter2"
    wrong = toml({**GOOD, "pepper": secret, "extra": secret}, rest=f'[web]\nport = "{secret}"')
    said = refusal(tmp_path, wrong)
    assert ("keys.pepper" in said, "keys.extra" in said, "web.port" in said) == (True, True, True)
    assert secret not in said
    assert GOOD["audit"] not in said


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting of the environment stands over the file's, and the file's others stay."""
    monkeypatch.setenv("BOTPAY_KEYS__PEPPER", "f" * 64)
    monkeypatch.setenv("BOTPAY_LIMITS__TO_PERSON", "20.50")
    settings = loaded(tmp_path, toml(rest="[limits]\nto_person = 100\nto_charity = 40"))
    assert settings.keys.pepper.get_secret_value() == "f" * 64
    assert settings.keys.audit.get_secret_value() == GOOD["audit"]
    assert (settings.cap_person, settings.cap_charity) == (Money(20_50), Money(40_00))


def test_the_environment_is_checked_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong value or name in the environment is refused like one in the file."""
    monkeypatch.setenv("BOTPAY_KEYS__PEPPER", "c0ffee")
    assert "keys.pepper" in refusal(tmp_path, toml())
    monkeypatch.setenv("BOTPAY_KEYS__PEPPER", "f" * 64)
    monkeypatch.setenv("BOTPAY_KEYS__PEPER", "f" * 64)
    assert "keys.peper" in refusal(tmp_path, toml())


def test_a_section_in_the_environment_that_is_no_json_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole section given in the environment is JSON; anything else is refused by name, without its value."""
    monkeypatch.setenv("BOTPAY_KEYS", "hunter2hunter2")
    said = refusal(tmp_path, toml())
    assert "keys" in said
    assert "hunter2hunter2" not in said


def test_an_operator_may_set_lower_caps_only(tmp_path: Path) -> None:
    """A lower cap holds to the cent; one above the legal cap is cut to it."""
    lower = loaded(tmp_path, toml(rest="[limits]\nto_person = 250.00\nto_charity = 499.99"))
    assert (lower.cap_person, lower.cap_charity) == (LEGAL_CAP_PERSON, Money(499_99))
    higher = loaded(tmp_path, toml(rest="[limits]\nto_person = 250.01\nto_charity = 100000"))
    assert (higher.cap_person, higher.cap_charity) == (LEGAL_CAP_PERSON, LEGAL_CAP_CHARITY)


def test_a_cap_above_the_legal_one_is_remarked(tmp_path: Path) -> None:
    """An operator who writes a cap that does not count reads so from the doctor; caps that count need no remark."""
    [told] = loaded(tmp_path, toml(rest="[limits]\nto_person = 250.01")).limit_troubles()
    assert "to_person" in told
    assert "250.00 counts" in told
    assert loaded(tmp_path, toml(rest="[limits]\nto_person = 250.00\nto_charity = 1")).limit_troubles() == []


def test_one_mistake_is_told_once_and_in_plain_words(tmp_path: Path) -> None:
    """A list is not said to be too short for what is wrong with its entry, and no word is the checker's own."""
    assert refusal(tmp_path, toml(rest='[enrolment]\ncountries = ["France"]')).splitlines()[1:] == [
        "  enrolment.countries.0 'France' is no country of ISO 3166: write two capitals, such as FR"
    ]
    assert refusal(tmp_path, toml(rest='[web]\nport = "eighty"')).endswith("web.port should be a valid integer")


@pytest.mark.parametrize("amount", ["0", "-5", "0.001", "10.005", "nan", "inf", '"ten"', "1e-3", "1e40"])
def test_a_cap_that_is_no_amount_is_refused(tmp_path: Path, amount: str) -> None:
    """A cap is a positive amount with at most two decimals; anything else is refused, never rounded."""
    assert "limits.to_person" in refusal(tmp_path, toml(rest=f"[limits]\nto_person = {amount}"))


@pytest.mark.parametrize(
    ("section", "setting", "value"),
    [
        ("limits", "confirm_within_seconds", 9),
        ("limits", "confirm_within_seconds", 3601),
        ("hashing", "memory_kib", 19455),
        ("hashing", "passes", 1),
        ("hashing", "workers", 0),
        ("web", "port", 65536),
    ],
)
def test_what_would_weaken_a_safeguard_is_refused(tmp_path: Path, section: str, setting: str, value: int) -> None:
    """Below the floor of a safeguard (OWASP's minimum for Argon2id) or beyond a bound nothing starts."""
    assert f"{section}.{setting}" in refusal(tmp_path, toml(rest=f"[{section}]\n{setting} = {value}"))


@pytest.mark.parametrize(
    ("written", "means", "proxies"),
    [
        ("https://pay.example.org", "https://pay.example.org", 1),
        ("https://Pay.Example.org/", "https://pay.example.org", 1),
        ("https://pay.example.org:8443", "https://pay.example.org:8443", 1),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", 0),
        ("http://[::1]:8080/", "http://[::1]:8080", 0),
    ],
)
def test_pages_have_a_public_address(tmp_path: Path, written: str, means: str, proxies: int) -> None:
    """People's browsers find the pages at an https origin, behind a proxy; without encryption on this machine alone."""
    web = loaded(tmp_path, toml(rest=f'[web]\npublic_url = "{written}"')).web
    assert (web.public_url, web.proxies_in_front) == (means, proxies)


@pytest.mark.parametrize(
    "url",
    [
        "http://pay.example.org",
        "http://192.168.1.5:8080",
        "http://127.0.0.1.example.org",
        "pay.example.org",
        "ftp://127.0.0.1",
        "https://",
        "https://u:hunter2@pay.example.org",
        "https://pay.example.org/pay",
        "https://pay.example.org/?x=1",
        "https://pay.example.org:port",
        "",
    ],
)
def test_a_page_is_not_shown_where_a_pin_could_be_read(tmp_path: Path, url: str) -> None:
    """An address that is not https, or is more than an origin, is refused by name, and is not repeated."""
    said = refusal(tmp_path, toml(rest=f'[web]\npublic_url = "{url}"'))
    assert "web.public_url" in said
    assert "hunter2" not in said


def test_a_file_that_is_not_there_or_no_toml_is_refused(tmp_path: Path) -> None:
    """A missing file and one that is not TOML are told apart, each with its name."""
    with pytest.raises(ConfigError, match=r"nowhere\.toml.*--config"):
        load(tmp_path / "nowhere.toml")
    assert "not valid TOML" in refusal(tmp_path, "keys = [")
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load(tmp_path / "latin.toml")


def test_settings_print_no_secret(tmp_path: Path) -> None:
    """Neither keys nor what stands in an adapter's section or a database's URL are in the repr of the settings."""
    settings = loaded(
        tmp_path,
        toml(rest='database = "postgresql://u:hunter2@h/d"') + '\n[adapters.telegram]\ntoken = "123:hunter2"\n',
    )
    assert settings.adapters["telegram"]["token"] == "123:hunter2"
    for shown in (repr(settings), str(settings), repr(settings.keys)):
        assert "hunter2" not in shown
        assert not any(key in shown for key in GOOD.values())


def test_fresh_keys_differ() -> None:
    """New keys are random, and each of its own."""
    one, other = Keys.fresh(), Keys.fresh()
    values = {k.get_secret_value() for keys in (one, other) for k in (keys.pepper, keys.audit, keys.data)}
    assert len(values) == 6


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    """Settings are frozen: what was checked is what is used."""
    settings = loaded(tmp_path, toml())
    with pytest.raises(ValueError, match="frozen"):
        settings.limits.to_person = Decimal(1000)

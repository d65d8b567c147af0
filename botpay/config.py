"""Settings: botpay.toml and the environment, typed, with safe defaults and errors that name the remedy.

Every setting can come from the environment as BOTPAY_SECTION__NAME (BOTPAY_KEYS__PEPPER); the environment wins.
"""

import difflib
import re
import secrets
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from babel import Locale
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError
from stdnum import iban as iban_
from stdnum.exceptions import ValidationError as IsNoNumber

from botpay import keyfiles
from botpay.errors import ConfigError
from botpay.money import MINOR_DIGITS, Money

DEFAULT_CONFIG = Path("botpay.toml")
KEY_BYTES = 32
LEGAL_CAP_PERSON = Money(250_00)
LEGAL_CAP_CHARITY = Money(500_00)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MORE_THAN_ANY_CAP = 10**9
_COUNTRY = re.compile("[A-Z]{2}")


class Section(BaseModel):
    """A section of botpay.toml. Unknown settings are refused: a typo must not switch a safeguard off."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _is_key(value: SecretStr) -> SecretStr:
    try:
        raw = bytes.fromhex(value.get_secret_value())
    except ValueError:
        raw = b""
    if len(raw) != KEY_BYTES:
        raise ValueError(f"must be {2 * KEY_BYTES} hexadecimal digits; `openssl rand -hex {KEY_BYTES}` makes them")
    return value


def _is_public_url(value: str) -> str:
    """An origin that a PIN may be sent to: encrypted, or not leaving this machine."""
    try:
        url = urlsplit(value)
        port = url.port
    except ValueError:
        raise ValueError("must be an address such as https://pay.example.org") from None
    host = url.hostname or ""
    if url.scheme != "https" and not (url.scheme == "http" and host in _LOOPBACK):
        raise ValueError("must begin with https://: a PIN is entered there; http:// is taken on 127.0.0.1 alone")
    if not host or url.username is not None or url.path.strip("/") or url.query or url.fragment:
        raise ValueError("must be an address without a path, such as https://pay.example.org")
    written = f"[{host}]" if ":" in host else host
    return f"{url.scheme}://{written}" + (f":{port}" if port is not None else "")


HexKey = Annotated[SecretStr, AfterValidator(_is_key)]


class Keys(Section):
    """Secrets that stay outside the database.

    Attributes:
        pepper: mixed into every PIN before it is hashed; without it a copy of the hashes is of no use.
        old_peppers: earlier ones, by any name. A PIN that was hashed with one is hashed anew when it is next right.
        audit: keys the chain of the audit.
        data: seals what must not be read in a copy of the database: letters, memos, e-mail addresses, tokens.
        old_data: other keys of the data, by any name, which can still open what they sealed.
        *_file, *_files: files that hold these, one key each, in their place; relative to botpay.toml.
    """

    pepper: HexKey
    audit: HexKey
    data: HexKey
    old_peppers: Mapping[str, HexKey] = {}
    old_data: Mapping[str, HexKey] = {}
    pepper_file: Path | None = None
    audit_file: Path | None = None
    data_file: Path | None = None
    old_peppers_files: Mapping[str, Path] = {}
    old_data_files: Mapping[str, Path] = {}

    @model_validator(mode="before")
    @classmethod
    def _from_files(cls, values: Any) -> Any:
        return keyfiles.filled(values) if isinstance(values, Mapping) else values

    @model_validator(mode="after")
    def _different(self) -> "Keys":
        keys = [self.pepper, self.audit, self.data, *self.old_peppers.values(), *self.old_data.values()]
        if len({key.get_secret_value().lower() for key in keys}) < len(keys):
            raise ValueError(f"must be different keys; `openssl rand -hex {KEY_BYTES}` makes one")
        return self

    @classmethod
    def fresh(cls) -> "Keys":
        """New random keys."""
        return cls.model_validate({name: secrets.token_hex(KEY_BYTES) for name in cls.names()})

    @property
    def files(self) -> list[Path]:
        """Where those keys lie that come from files."""
        lone = (self.pepper_file, self.audit_file, self.data_file)
        return [*(f for f in lone if f), *self.old_peppers_files.values(), *self.old_data_files.values()]

    @classmethod
    def names(cls) -> list[str]:
        """The keys that there must be."""
        return [name for name, kept in cls.model_fields.items() if kept.is_required()]


class Limits(Section):
    """What may be paid at most, and how long a payment waits for its PIN.

    Attributes:
        per_day, per_week, per_30_days: what one person may spend in that many days on end, today the last; by default
            without limit.
        cooling_hours, cooling_per_day: what one person may spend a day for so long after a forgotten PIN was replaced,
            or from an identity that was linked.
    """

    to_person: Decimal = Decimal(LEGAL_CAP_PERSON.to_decimal_string())
    to_charity: Decimal = Decimal(LEGAL_CAP_CHARITY.to_decimal_string())
    confirm_within_seconds: int = Field(default=300, ge=10, le=3600)
    per_day: Decimal | None = None
    per_week: Decimal | None = None
    per_30_days: Decimal | None = None
    cooling_hours: int = Field(default=24, ge=0, le=720)
    cooling_per_day: Decimal = Decimal("50.00")

    @field_validator("to_person", "to_charity", "per_day", "per_week", "per_30_days", "cooling_per_day")
    @classmethod
    def _whole_cents(cls, value: Decimal | None) -> Decimal | None:
        if value is not None and (not 0 < value < _MORE_THAN_ANY_CAP or value != value.quantize(Decimal("0.01"))):
            raise ValueError("must be a positive amount in euros with at most two decimals, such as 250.00")
        return value


class Web(Section):
    """Where botpay's own web server listens, for webhooks and for the pages on which people confirm.

    Attributes:
        public_url: where people's browsers find it, "https://pay.example.org"; without it there are no pages.
        proxies: how many proxies of yours stand in front of it; by default one where `public_url` is https, else none.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: Annotated[str, AfterValidator(_is_public_url)] | None = None
    proxies: int | None = Field(default=None, ge=0, le=8)

    @property
    def proxies_in_front(self) -> int:
        """How many of the last addresses in X-Forwarded-For were written by proxies that can be trusted."""
        behind_https = (self.public_url or "").startswith("https:")  # which botpay itself does not speak
        return int(behind_https) if self.proxies is None else self.proxies


class Confirmation(Section):
    """How a PIN is entered in the chat, beside the page.

    Attributes:
        shuffled_keypad: keypads have their digits in another order for each payment.
        typed_pin: a PIN may be typed as a private message on every platform. It then lies in the chat until botpay has
            deleted it, and for good where the platform does not let it.
    """

    shuffled_keypad: bool = False
    typed_pin: bool = False


class Hashing(Section):
    """The cost of checking a PIN with Argon2id (RFC 9106). The floor is OWASP's minimum."""

    memory_kib: int = Field(default=19456, ge=19456)
    passes: int = Field(default=2, ge=2)
    workers: int = Field(default=2, ge=1, le=16)
    waiting: int = Field(default=64, ge=1)


class Guessing(Section):
    """The most wrong PINs before no more are read for a while: of one person, for one payee, and of everybody.

    A wrong PIN is counted until its minute, hour or day has gone by. `docs/why.md` says how these were chosen.
    """

    per_person_per_day: int = Field(default=10, ge=5, le=50)
    per_payee_per_hour: int = Field(default=30, ge=5)
    per_minute: int = Field(default=120, ge=10)
    per_hour: int = Field(default=600, ge=10)


def _is_country(code: str) -> str:
    if code not in Locale("en").territories or not _COUNTRY.fullmatch(code):
        raise ValueError(f"{code!r} is no country of ISO 3166: write two capitals, such as FR")
    return code


class Enrolment(Section):
    """What is asked of people who open an account.

    Attributes:
        level: "demo" asks for language, name and PIN alone; "standard" also for the terms, the country of residence
            and an e-mail address, to which a code is sent; "checked" also has the operator approve everybody before
            their first payment.
        countries: of residence, of those who may pay and be paid.
        terms: what people have to accept, by language; that of the installation is needed, the other is not.
    """

    level: Literal["demo", "standard", "checked"] = "standard"
    countries: tuple[Annotated[str, AfterValidator(_is_country)], ...] = Field(default=("FR",), min_length=1)
    terms: Mapping[Literal["fr", "en"], Annotated[str, Field(min_length=1, max_length=2000)]] = {}


class Mail(Section):
    """The server through which e-mail is sent.

    Attributes:
        security: STARTTLS, TLS from the first byte, or none, which is taken on this machine alone.
        ca_file: the authority of the server's certificate, if it is not one that is known everywhere.
        sender: from whom it comes, "botpay@example.org" or "Botpay <botpay@example.org>"; written as `from`.
    """

    model_config = ConfigDict(populate_by_name=True)

    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None
    sender: str = Field(alias="from", pattern=r"^[^\r\n]*[^\s@<>]+@[^\s@<>]+\.?[^\s@<>]+>?$")

    @model_validator(mode="after")
    def _safe(self) -> "Mail":
        if self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError("security none would send codes in the clear: write starttls or tls")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        return self


def _is_iban(value: SecretStr) -> SecretStr:
    try:
        return SecretStr(str(iban_.validate(value.get_secret_value())))
    except IsNoNumber:
        raise ValueError("is no IBAN: its check digits or its length do not fit") from None


class Payout(Section):
    """The account from which charities are paid.

    Attributes:
        name: of its holder, as the bank knows it.
        bic: of its bank; few banks still ask for it.
    """

    name: str = Field(min_length=1, max_length=70)
    iban: Annotated[SecretStr, AfterValidator(_is_iban)]
    bic: Annotated[str, Field(pattern="^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$")] | None = None


class Settings(BaseSettings):
    """All of it. `adapters` holds each adapter's own section, checked by the adapter itself."""

    model_config = SettingsConfigDict(
        env_prefix="BOTPAY_", env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    database: str = Field(default="sqlite:///botpay.sqlite", repr=False)  # a URL may hold a password
    language: Literal["fr", "en"] = "fr"
    currency: Literal["EUR"] = "EUR"
    keys: Keys
    limits: Limits = Limits()
    web: Web = Web()
    confirmation: Confirmation = Confirmation()
    hashing: Hashing = Hashing()
    guessing: Guessing = Guessing()
    enrolment: Enrolment = Enrolment()
    mail: Mail | None = None
    payout: Payout | None = None
    adapters: dict[str, dict[str, Any]] = Field(default={}, repr=False)  # sections hold tokens

    @property
    def cap_person(self) -> Money:
        """The most that one payment may send to a person; never above the legal cap."""
        return min(_money(self.limits.to_person), LEGAL_CAP_PERSON)

    @property
    def cap_charity(self) -> Money:
        """The most that one payment may give to a charity; never above the legal cap."""
        return min(_money(self.limits.to_charity), LEGAL_CAP_CHARITY)

    @property
    def spending_limits(self) -> dict[str, Money]:
        """What one person may spend over time, by the name of the setting; those that are set."""
        names = ("per_day", "per_week", "per_30_days")
        return {name: _money(most) for name in names if (most := getattr(self.limits, name)) is not None}

    @property
    def cooling(self) -> timedelta:
        """How long less may be spent after something that a thief would do first."""
        return timedelta(hours=self.limits.cooling_hours)

    @property
    def cooling_per_day(self) -> Money:
        """What may be spent a day meanwhile."""
        return _money(self.limits.cooling_per_day)

    @property
    def confirm_within(self) -> timedelta:
        """How long a payment waits for its PIN."""
        return timedelta(seconds=self.limits.confirm_within_seconds)

    def limit_troubles(self) -> list[str]:
        """Limits that do not hold as they are written, because the legal caps are lower."""
        caps = {"to_person": LEGAL_CAP_PERSON, "to_charity": LEGAL_CAP_CHARITY}
        return [
            f"[limits] {name} is above what one payment may be: {cap.to_decimal_string()} counts, write that or less"
            for name, cap in caps.items()
            if _money(getattr(self.limits, name)) > cap
        ]

    def enrolment_troubles(self, has_channel: bool = False) -> list[str]:
        """What is missing for people to enrol as the settings say, each with its remedy.

        Args:
            has_channel: there is a second channel other than e-mail.
        """
        if self.enrolment.level == "demo":
            return []
        needs = f'[enrolment] level = "{self.enrolment.level}"'
        troubles = []
        if self.language not in self.enrolment.terms:
            troubles.append(
                f"{needs} needs the terms that people accept: write them in enrolment.terms.{self.language}"
            )
        if self.mail is None and not has_channel:
            troubles.append(f"{needs} sends codes by e-mail: add a section [mail] with host and from")
        return troubles

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings names all five
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over what the file says."""
        return (env_settings, init_settings)


def load(path: Path | None = None) -> Settings:
    """The settings of a botpay.toml and the environment. Raises `ConfigError` that names each wrong setting.

    A relative SQLite file is looked for beside the botpay.toml, wherever the command is called from.

    Args:
        path: by default botpay.toml in this folder; it may be missing if the environment says all.
    """
    found = path or DEFAULT_CONFIG
    try:
        written = tomllib.loads(found.read_text(encoding="utf-8")) if path or found.exists() else {}
        if isinstance(keys := written.get("keys"), dict):
            written["keys"] = keyfiles.beside(keys, found.resolve().parent)
        settings = Settings(**written)
    except OSError as error:
        raise ConfigError(f"{found} cannot be read ({error.strerror}): name yours with --config") from None
    except ValidationError as error:
        if path is None and not found.exists():
            raise ConfigError(
                f"there is no {found}: name yours with --config, or write one as the README shows"
            ) from None
        raise ConfigError(explain(error, str(found))) from None
    except SettingsError as error:  # a section in the environment that is not JSON
        raise ConfigError(f"the environment has settings that botpay cannot use: {error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{found} is not valid TOML: {error}") from None
    return settings.model_copy(update={"database": _beside(settings.database, found)})


def explain(error: ValidationError, where: str) -> str:
    """What is wrong with which setting, without the value, which may be a secret."""
    errors = error.errors(include_input=False)
    lines = [
        f"  {'.'.join(map(str, e['loc'])) or '(all)'} {_trouble(dict(e))}"
        for e in errors
        if not (e["type"] == "too_short" and any(e["loc"] == other["loc"][:-1] for other in errors))  # it follows
    ]
    return "\n".join([f"{where} has settings that botpay cannot use:", *lines])


def _trouble(error: dict[str, Any]) -> str:
    kind, place = error["type"], error["loc"]
    if kind == "missing":
        remedy = f"; `openssl rand -hex {KEY_BYTES}` makes a key" if place and place[0] == "keys" else ""
        return f"is missing{remedy}"
    if kind == "extra_forbidden":
        known = _SECTIONS.get(str(place[0]), Settings) if len(place) > 1 else Settings
        near = difflib.get_close_matches(str(place[-1]), known.model_fields, n=1)
        return "is no setting of botpay" + (f": did you mean {near[0]}?" if near else "")
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input ").partition(", unable to parse")[0]
    return f"{message[:1].lower()}{message[1:]}"


_SECTIONS: dict[str, type[BaseModel]] = {
    "keys": Keys,
    "limits": Limits,
    "web": Web,
    "hashing": Hashing,
    "guessing": Guessing,
    "enrolment": Enrolment,
    "mail": Mail,
    "payout": Payout,
    "confirmation": Confirmation,
}


def _beside(database: str, config: Path) -> str:
    """The URL of a database with its SQLite file found from where the configuration stands."""
    prefix, slashes, name = database.partition("sqlite:///")
    if prefix or not slashes or not name or Path(name).is_absolute():
        return database
    return f"sqlite:///{config.resolve().parent / name}"


def _money(euros: Decimal) -> Money:
    return Money(int(euros.scaleb(MINOR_DIGITS["EUR"])), "EUR")

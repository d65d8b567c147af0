"""What names a person in a payment that is over may be blanked, and only that: whoever is forgotten is not in it."""

from alembic import op

from botpay.migrations.triggers import Rule, changed, refuse

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_FINAL = (
    *("transfer_id", "person_id", "amount_minor", "currency", "payee_owner", "payee_kind", "created_at", "expires_at"),
    *(
        "language",
        "origin_adapter",
        "origin_tenant",
        "origin_public",
        "origin_card",
        "prompt_id",
        "asked_at",
        "state",
        "tries",
    ),
    *("entry", "checking_until", "link", "version"),
)
_SHOWN = ("person_id", "amount_minor", "currency", "payee_owner", "payee_kind", "created_at", "expires_at")
_NAMES = ("payee", "origin_actor", "origin_chat")


def upgrade() -> None:
    """Take the two rules for another two."""
    for number in (13, 14):
        op.execute(f"drop trigger challenges_refuse_{number}" + ("" if _is_sqlite() else " on challenges"))
    renamed = " or ".join(f"({changed([name])}) and new.{name} <> ''" for name in _NAMES)
    over = f"old.state <> 'open' and ({changed(_FINAL)} or {renamed})"
    shown = f"{changed(_SHOWN)} or ({changed(['payee'])}) and (new.payee <> '' or old.state = 'open')"
    refuse(
        [
            Rule("challenges", "update", over, "challenges: a challenge ends once"),
            Rule("challenges", "update", shown, "challenges: what the sender was shown is never changed"),
        ],
        first=15,
    )


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"

"""What an adapter says of itself."""

import re

import pytest
from pydantic import SecretStr, ValidationError

from botpay.adapters.base import require_contract
from botpay.testing.contract.base import CAPABILITIES, ContractBase, Rig

_SECRET = re.compile(r"token|secret|password|(^|_)key$")


class Nature(ContractBase):
    """Version, name, settings, capabilities."""

    async def test_version(self, rig: Rig) -> None:
        """It was written for this version of the contract."""
        require_contract(type(rig.adapter))

    async def test_name(self, rig: Rig) -> None:
        """Its name can stand in botpay.toml and in an identity: small letters, digits, no colon."""
        assert re.fullmatch(r"[a-z][a-z0-9_]*", rig.adapter.name)

    async def test_settings(self, rig: Rig) -> None:
        """A setting that it does not know is refused, and the error shows no value."""
        with pytest.raises(ValidationError) as raised:
            rig.adapter.Settings.model_validate({"no_such_setting": "canary"})
        assert "no_such_setting" in str(raised.value)
        assert "canary" not in str(raised.value)

    async def test_secret_settings(self, rig: Rig) -> None:
        """Settings called a token, secret, password or key are `SecretStr`, which is not printed."""
        named = {name: field for name, field in rig.adapter.Settings.model_fields.items() if _SECRET.search(name)}
        assert [name for name, field in named.items() if SecretStr.__name__ not in repr(field.annotation)] == []

    async def test_capabilities(self, rig: Rig) -> None:
        """What its capabilities deny, `cannot` gives the reason for; what they promise, it does not deny."""
        denied = {name for name in CAPABILITIES if not getattr(rig.adapter.capabilities, name)}
        assert denied == {name for name in self.cannot if name in CAPABILITIES}

    async def test_figures(self, rig: Rig) -> None:
        """Limits of texts and rates are positive, and a rate leaves no time of zero length."""
        can = rig.adapter.capabilities
        assert min(can.max_text, can.max_label, can.max_token) > 0
        rates = [rate for rate in (can.per_chat, can.per_group, can.overall) if rate is not None]
        assert all(rate.messages > 0 and rate.seconds > 0 for rate in rates)

    async def test_check(self, rig: Rig) -> None:
        """On a platform that is set up well, `check` has nothing to remark, also while it runs."""
        assert list(await rig.adapter.check()) == []

    async def test_twice(self, rig: Rig) -> None:
        """It can be stopped twice, and started again afterwards."""
        await rig.adapter.stop()
        await rig.adapter.stop()
        await rig.adapter.start(rig.core.receive)
        await rig.adapter.send(rig.private())
        assert rig.texts("alice") == ["Bonjour"]

"""Who may call the adapter, for platforms that call: everything else is refused before it is read."""

import asyncio
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import aiohttp
import pytest

from botpay.errors import Busy
from botpay.testing.contract.base import WITHIN_SECONDS, ContractBase, Rig, needs
from botpay.testing.platform import Call

Headers = Iterable[tuple[str, str]]
Spoil = Callable[[Mapping[str, str], str], Headers]
UNAUTHORIZED = 401
BAD = (400, 401, 413, 415, 422)
MALFORMED = (b"", b"{", b"[]", b"5", b'"x"', b"\xff\xfe{}", b"[" * 100_000, b'{"a":' * 50_000)


class Webhooks(ContractBase):
    """Only the platform is heard, and it is told the truth."""

    @needs("webhook")
    async def test_genuine_call(self, rig: Rig) -> None:
        """What the platform proves to be its own is taken; the same call once more is the same event."""
        call = self.genuine(rig, "public")
        assert [await _status(rig, call) // 100 for _ in range(2)] == [2, 2]
        assert len({inbound.source for inbound in rig.core.received}) == 1

    @pytest.mark.parametrize("spoiled", ["missing", "empty", "wrong", "longer", "not_ascii", "twice"])
    @needs("webhook")
    async def test_forged_call(self, rig: Rig, spoiled: str) -> None:
        """A proof that is missing, wrong, odd or said twice is answered 401, and nothing is handed over."""
        call = self.genuine(rig, "public")
        for proof in call.proofs:
            assert await _status(rig, call, list(SPOILED[spoiled](call.headers, proof))) == UNAUTHORIZED
        assert rig.core.received == []

    @needs("webhook")
    async def test_call_without_proof(self, rig: Rig) -> None:
        """Without any proof it is 401, whatever the body; the answer does not repeat it."""
        call = self.genuine(rig, "public")
        headers = [(name, value) for name, value in call.headers.items() if name not in call.proofs]
        for body in (call.body, b"canary"):
            assert await _status(rig, replace(call, body=body), headers) == UNAUTHORIZED
        assert rig.core.received == []

    @needs("signed_body")
    async def test_changed_body(self, rig: Rig) -> None:
        """A proof for one body is none for another."""
        call = self.genuine(rig, "public")
        assert await _status(rig, replace(call, body=call.body.replace(b"10", b"99"))) == UNAUTHORIZED
        assert rig.core.received == []

    @needs("stale_calls")
    async def test_stale_call(self, rig: Rig) -> None:
        """A call that was proven an hour ago is too old."""
        assert await _status(rig, self.genuine(rig, "public", seconds_ago=3600)) == UNAUTHORIZED
        assert await _status(rig, self.genuine(rig, "public", seconds_ago=-3600)) == UNAUTHORIZED
        assert rig.core.received == []

    @pytest.mark.parametrize("body", MALFORMED, ids=lambda body: repr(body[:8]))
    @needs("webhook")
    async def test_malformed_call(self, rig: Rig, body: bytes) -> None:
        """A genuine call of a body that means nothing is a 4xx, soon, and nothing is handed over."""
        async with asyncio.timeout(WITHIN_SECONDS):
            assert await _status(rig, rig.platform.call(body)) in BAD
        assert rig.core.received == []

    @needs("webhook")
    async def test_huge_call(self, rig: Rig) -> None:
        """A body of more than a mebibyte is a 4xx."""
        body = json.dumps({"text": "x" * 1024 * 1024}).encode()
        assert await _status(rig, rig.platform.call(body)) in BAD

    @needs("webhook")
    async def test_call_not_taken(self, rig: Rig) -> None:
        """What the core could not take is answered 5xx, and taken when the same call comes again."""
        rig.core.faults = [Busy("full")]
        call = self.genuine(rig, "public")
        assert [await _status(rig, call) // 100 for _ in range(2)] == [5, 2]
        assert len(rig.core.received) == 1

    @needs("webhook")
    async def test_call_after_stop(self, rig: Rig) -> None:
        """Stopped, it answers 5xx, so that the platform keeps what it has."""
        await rig.adapter.stop()
        assert await _status(rig, self.genuine(rig, "public")) // 100 == 5
        assert rig.core.received == []


def _without(headers: Mapping[str, str], proof: str) -> Headers:
    return [(name, value) for name, value in headers.items() if name != proof]


def _instead(change: Callable[[str], str]) -> Spoil:
    return lambda headers, proof: [*_without(headers, proof), (proof, change(headers[proof]))]


SPOILED: dict[str, Spoil] = {
    "missing": _without,
    "empty": _instead(lambda _: ""),
    "wrong": _instead(lambda value: value[:-1] + ("1" if value[-1] != "1" else "2")),
    "longer": _instead(lambda value: value + "0"),
    "not_ascii": _instead(lambda value: value[:-1] + "é"),
    "twice": lambda headers, proof: [*headers.items(), (proof, headers[proof])],
}


async def _status(rig: Rig, call: Call, headers: Headers | None = None) -> int:
    sent = [*(call.headers.items() if headers is None else headers)]
    address = rig.base_url + call.path
    async with (
        aiohttp.ClientSession() as session,
        session.post(address, data=io.BytesIO(call.body), headers=sent) as answer,
    ):
        return answer.status

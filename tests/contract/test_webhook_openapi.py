"""The description of the webhooks is true: what it allows is taken, what it does not is refused, and nothing is 5xx."""

import base64
import hashlib
import hmac
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from botpay.adapters.webhook.openapi import description
from botpay.config import Keys
from botpay.testing.play import embedded
from botpay.testing.webhook.platform import SECRET
from botpay.testing.webhook.rig import WebhookRig


class Signed(requests.auth.AuthBase):
    """Signs whatever is sent, as a client does; headers that schemathesis made wrong stay wrong."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set time and signature, where they are what the description says."""
        given = request.body or b""
        body = given.encode() if isinstance(given, str) else given
        assert isinstance(body, bytes)
        odd = [
            name for name, begins in (("timestamp", r"\d+$"), ("signature", "v1,")) if not _is(request, name, begins)
        ]
        if not odd:
            timestamp = str(int(time.time()))
            key = base64.b64decode(SECRET.removeprefix("whsec_"))
            id_ = request.headers.get("webhook-id", b"")
            signed = (id_ if isinstance(id_, bytes) else id_.encode()) + f".{timestamp}.".encode() + body
            mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
            request.headers["webhook-timestamp"] = timestamp
            request.headers["webhook-signature"] = f"v1,{mac}"
        return request


def _is(request: requests.PreparedRequest, name: str, begins: str) -> bool:
    given = request.headers.get(f"webhook-{name}", "")
    return re.match(begins, given if isinstance(given, str) else given.decode("latin-1")) is not None


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real `botpay serve` with the webhooks; its base URL."""
    folder = tmp_path_factory.mktemp("served")
    keys = Keys.fresh()
    embedded(folder / "botpay.sqlite", keys)
    config = folder / "botpay.toml"
    names = ("pepper", "audit", "data")
    config.write_text(
        '[web]\nport = 0\n[enrolment]\nlevel = "demo"\n[keys]\n'
        + "".join(f'{name} = "{getattr(keys, name).get_secret_value()}"\n' for name in names)
        + f'[adapters.webhook.tenants.main]\nurl = "http://127.0.0.1:9/nobody"\nsecrets = ["{SECRET}"]\n'
    )
    command = [sys.executable, "-c", "from botpay.cli import main; main()", "serve", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = (json.loads(line) for line in process.stderr if line.startswith("{"))
        yield str(next(line["web"] for line in lines if line["event"] == "serving"))
        process.terminate()
        process.stderr.read()


@pytest.mark.parametrize(
    ("path", "method", "mode"),
    [
        ("/webhook/messages", "POST", "positive"),
        ("/webhook/messages", "POST", "negative"),
        ("/webhook/openapi.json", "GET", "positive"),
    ],
)
def test_the_running_server_does_what_its_description_says(served: str, path: str, method: str, mode: str) -> None:
    """No 5xx, only described answers, nothing undescribed is taken.

    Not all that is described is taken: spans must fit the text, and times the calendar, which no schema can say.
    """
    described = schemathesis.openapi.from_url(f"{served}/webhook/openapi.json")
    statuses = set()

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(case=described[path][method].as_strategy(generation_mode=GenerationMode(mode)))
    def holds(case: schemathesis.Case[Any]) -> None:
        answer = case.call_and_validate(auth=Signed(), excluded_checks=[positive_data_acceptance])
        statuses.add(answer.status_code)

    holds()
    assert statuses & {200, 422} if mode == "positive" else not statuses & {200}, statuses


async def test_the_description_is_served_as_it_is_made() -> None:
    """The route answers with the document, which names every route of the adapter and no other."""
    async with WebhookRig() as rig, aiohttp.ClientSession() as session:
        async with session.get(f"{rig.base_url}/webhook/openapi.json") as answer:
            served = await answer.json()
        assert served == description()
        assert {route.path for route in rig.adapter.routes()} == set(served["paths"])


def test_what_the_fake_checks_is_what_is_described() -> None:
    """The fields of the bodies that go out are those which the fake platform knows."""
    from botpay.testing.webhook.platform import _FIELDS

    schemas = description()["components"]["schemas"]
    names = {"message": "Say", "delete": "Delete", "ping": "Ping"}
    assert {kind: set(schemas[name]["properties"]) for kind, name in names.items()} == _FIELDS

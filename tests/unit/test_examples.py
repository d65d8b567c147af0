"""The examples run, and print what stands beside them."""

import asyncio
import os
import socket
import sys
from pathlib import Path

from pydantic import SecretStr

from botpay.adapters.webhook import Tenant, WebhookAdapter, WebhookSettings
from botpay.app import Application
from botpay.config import Keys
from botpay.message import Actor, SecretText
from botpay.testing.chat import plain
from botpay.testing.play import ALICE, BOB, embedded
from botpay.testing.webhook.platform import SECRET

EXAMPLES = Path(__file__).parents[2] / "examples"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


async def test_the_webhook_client_pays(tmp_path: Path) -> None:
    """With the standard library alone the client makes a payment, and prints just the expected lines."""
    port = _free_port()
    tenant = Tenant(url=f"http://127.0.0.1:{port}/", secrets=(SecretStr(SECRET),))
    adapter = WebhookAdapter(WebhookSettings(tenants={"main": tenant}))
    application = Application(embedded(tmp_path / "example.sqlite", Keys.fresh()), [adapter])
    for id_, resident in (("1", ALICE), ("2", BOB)):
        actor = Actor("webhook", "main", id_, handle=resident.who)
        person = application.enrolment.add_person(resident.name, "fr", SecretText(resident.pin), [actor])
        application.enrolment.fund(person.id, resident.funds, "example")
    base_url = await application.start_core()
    await application.start_adapters()
    client = await asyncio.create_subprocess_exec(
        *(sys.executable, "-ISX", "utf8", str(EXAMPLES / "webhook" / "client.py")),
        env={**os.environ, "BOTPAY": str(base_url), "SECRET": SECRET, "PORT": str(port)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        printed, _ = await client.communicate(ALICE.pin.encode())
    await application.stop()
    assert client.returncode == 0
    assert plain(printed.decode()) == (EXAMPLES / "webhook" / "expected.txt").read_text(encoding="utf-8")

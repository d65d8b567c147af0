"""A real Synapse, in a folder of its own, on the loop-back interface: what the fake homeserver is compared with."""

import asyncio
import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Self

from botpay.testing.matrix.caller import Caller

SERVER = "localhost"
_PASSWORD = "a password of a test"  # noqa: S105 - of a server that is thrown away
_PATIENCE_SECONDS = 60
_UNLIMITED = {"per_second": 10_000, "burst_count": 10_000}
_RATES = (
    *("rc_message", "rc_registration", "rc_admin_redaction", "rc_third_party_invite", "rc_room_creation"),
    *("rc_login.address", "rc_login.account", "rc_joins.local", "rc_joins_per_room"),
    *("rc_invites.per_room", "rc_invites.per_user", "rc_invites.per_issuer"),
)


class Synapse:
    """`async with Synapse(python, folder) as synapse`; `python` is the interpreter of a venv that has it."""

    def __init__(self, python: Path, folder: Path) -> None:
        self._python, self._folder = python, folder
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._port = port

    async def __aenter__(self) -> Self:
        ours, extra = self._folder / "homeserver.yaml", self._folder / "extra.yaml"
        await asyncio.to_thread(self._run, "--generate-config", "--report-stats=no", "--server-name", SERVER, ours)
        extra.write_text(json.dumps(self._settings()), encoding="utf-8")  # JSON is YAML
        self._process = await asyncio.create_subprocess_exec(
            *(str(self._python), "-m", "synapse.app.homeserver", "-c", str(ours), "-c", str(extra)),
            cwd=self._folder,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not await self._answers():  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(0.2)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.terminate()
        await self._process.wait()

    async def login(self, name: str) -> tuple[str, str]:
        """Make an account and log in; its id and access token."""
        register = self._python.parent / "register_new_matrix_user"
        config = self._folder / "homeserver.yaml"
        command = [str(register), "-c", str(config), "-u", name, "-p", _PASSWORD, "--no-admin", self.url]
        await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
        async with Caller(self.url) as caller:
            who = {"type": "m.id.user", "user": name}
            body = {"type": "m.login.password", "identifier": who, "password": _PASSWORD}
            answer = await caller.ask("POST", "login", body=body)
        return str(answer["user_id"]), str(answer["access_token"])

    def _run(self, *arguments: str | Path) -> None:
        command = [str(self._python), "-m", "synapse.app.homeserver", "--config-path", str(arguments[-1])]
        subprocess.run(  # noqa: S603
            [*command, *map(str, arguments[:-1]), "--data-directory", str(self._folder)],
            check=True,
            capture_output=True,
            cwd=self._folder,
            env={**os.environ},
        )

    def _settings(self) -> dict[str, object]:
        resources = [{"names": ["client"], "compress": False}]
        listener = {"port": self._port, "type": "http", "bind_addresses": ["127.0.0.1"], "resources": resources}
        settings: dict[str, object] = {
            "listeners": [listener],
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
        }
        for rate in _RATES:
            outer, _, inner = rate.partition(".")
            if inner:
                nested = settings.setdefault(outer, {})
                assert isinstance(nested, dict)  # noqa: S101 - it was put there just now
                nested[inner] = _UNLIMITED
            else:
                settings[outer] = _UNLIMITED
        return settings

    async def _answers(self) -> bool:
        if self._process.returncode is not None:
            raise RuntimeError(f"Synapse ended; see {self._folder}")
        async with Caller(self.url) as caller:
            try:
                return (await caller.call("GET", "login"))[0] == 200
            except OSError:
                return False

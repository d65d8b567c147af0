"""How calls of the Bot API are written: parameters in four forms, errors in one (core.telegram.org/bots/api)."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web


class ApiError(Exception):
    """What the server objects, in Telegram's words."""

    def __init__(
        self, code: int, description: str, retry_after: int | None = None, migrate_to_chat_id: int | None = None
    ) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        given = {"retry_after": retry_after, "migrate_to_chat_id": migrate_to_chat_id}
        self.parameters = {name: value for name, value in given.items() if value is not None}

    def to_response(self) -> web.Response:
        """The answer on the wire."""
        body: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            body["parameters"] = self.parameters
        return web.json_response(body, status=self.code)


def bad_request(what: str) -> ApiError:
    """A 400."""
    return ApiError(400, f"Bad Request: {what}")


class Params:
    """The parameters of one call. In a form or a query everything is a string, structures are JSON in it."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = dict(values)

    @classmethod
    async def read(cls, request: web.Request) -> "Params":
        """From the query, a form or a JSON body."""
        values: dict[str, Any] = dict(request.query)
        if request.content_type == "application/json":
            return cls(values | _object(await request.text()))
        return cls(values | dict(await request.post()))

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str) -> str:
        """A string, empty if it is missing."""
        return str(self.values.get(name, ""))

    def integer(self, name: str, default: int = 0) -> int:
        """A whole number."""
        try:
            return int(self.values.get(name, default))
        except (TypeError, ValueError):
            raise bad_request(f'field "{name}" must be a valid Number') from None

    def flag(self, name: str) -> bool:
        """A Boolean, written true or True or 1."""
        return str(self.values.get(name, "")).lower() in ("true", "1")

    def structure(self, name: str) -> Any:
        """A list or an object; None if it is missing."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {name} JSON object") from None


def _object(body: str) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise bad_request("can't parse JSON object")
    return value

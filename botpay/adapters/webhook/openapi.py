"""The description of the webhooks, in OpenAPI 3.1, made from the very types that read and write the bodies."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from botpay.adapters.webhook.bodies import Delete, Fault, Message, Ping, Press, Say, Taken
from botpay.adapters.webhook.signing import ID, ID_PATTERN, SIGNATURE, TIMESTAMP

MESSAGES, DESCRIPTION = "/webhook/messages", "/webhook/openapi.json"
_SCHEMA = "#/components/schemas/{model}"

_ANSWERS = {
    "400": "The body is not one of these; `details` says where.",
    "401": "Not signed with a secret of ours within the last five minutes.",
    "413": "The body is larger than 64 KiB.",
    "415": "The body is not application/json.",
    "422": "The webhook-id was used before, with another body. Nothing was done.",
    "503": "Nothing was done; send the same again after Retry-After seconds.",
}
_SIGNED = "HMAC-SHA256 as in https://www.standardwebhooks.com, over webhook-id.webhook-timestamp.body."


def description() -> dict[str, Any]:
    """The OpenAPI document."""
    models: list[type[BaseModel]] = [Message, Press, Taken, Fault, Say, Delete, Ping]
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=_SCHEMA)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "botpay webhooks",
            "version": "1",
            "description": "What people do is posted here; what the bot says is posted to your address, signed alike.",
        },
        "paths": {MESSAGES: {"post": _messages()}, DESCRIPTION: {"get": _described()}},
        "webhooks": {"said": {"post": _said()}},
        "components": {"schemas": schemas["$defs"]},
    }


def _messages() -> dict[str, Any]:
    return {
        "operationId": "tell",
        "summary": "Tell what a person did. Answered once it is safe; the same id again has no second effect.",
        "parameters": _headers(),
        "requestBody": {"required": True, "content": _one_of("Message", "Press")},
        "responses": {
            "200": {"description": "Taken, now or before.", "content": _content("Taken")},
            **{status: {"description": why, "content": _content("Fault")} for status, why in _ANSWERS.items()},
        },
    }


def _described() -> dict[str, Any]:
    answer = {"description": "OpenAPI 3.1.", "content": {"application/json": {"schema": {"type": "object"}}}}
    return {"operationId": "describe", "summary": "This description.", "responses": {"200": answer}}


def _said() -> dict[str, Any]:
    return {
        "operationId": "say",
        "summary": "Show, replace or take away a message. The same webhook-id may come again: show it once.",
        "parameters": _headers(),
        "requestBody": {"required": True, "content": _one_of("Say", "Delete", "Ping")},
        "responses": {
            "2XX": {
                "description": 'Done. {"ref": "..."} names the message; else its ref is its id, or what it replaces.'
            },
            "404": {"description": 'With {"code": "unreachable"}: this person cannot be written to. Also 410.'},
            "429": {"description": "Too fast; the same comes again after Retry-After seconds."},
            "4XX": {"description": "Refused for ever."},
            "5XX": {"description": "Not now; the same comes again."},
        },
    }


def _headers() -> list[dict[str, Any]]:
    said = {
        ID: ("The idempotency key: the same in every delivery of the same thing.", {"pattern": ID_PATTERN}),
        TIMESTAMP: ("Seconds since 1970 of this delivery.", {"pattern": "^[0-9]{1,12}$"}),
        SIGNATURE: (f'"v1," and base64; several with spaces between. {_SIGNED}', {"pattern": "^v1,"}),
    }
    return [
        {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string", **schema}}
        for name, (text, schema) in said.items()
    ]


def _content(model: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _SCHEMA.format(model=model)}}}


def _one_of(*models: str) -> dict[str, Any]:
    refs: Sequence[dict[str, str]] = [{"$ref": _SCHEMA.format(model=model)} for model in models]
    return {"application/json": {"schema": {"oneOf": refs, "discriminator": {"propertyName": "type"}}}}

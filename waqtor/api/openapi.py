"""The OpenAPI document: FastAPI's, with security schemes and without what only it believes in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

import waqtor
from waqtor.api.routing import SECURITY_SCHEMES
from waqtor.contracts.wire import ErrorBody

_DESCRIPTION = """\
Send WhatsApp messages, read what came in, try and change the bot, query the traffic log.

Every failure has one shape: `{"ok": false, "error": {"code", "message", "details", "request_id"}}`.
Times are UTC, ISO-8601 with `Z`. A send answers with our lasting `message_id`; every route takes that id or the
provider's. The same paths under `/api` without `v1` answer in the older camelCase form.
"""

_TAGS = [
    {"name": "messages", "description": "Send messages; find sent and received ones."},
    {"name": "chats", "description": "Conversations, and keeping the bot quiet in one."},
    {"name": "session", "description": "The numbers that the engine runs."},
    {"name": "smartbot", "description": "Try the bot, read its decisions, change its rules."},
    {"name": "suggestions", "description": "What the bot could learn, and decisions that people judged."},
    {"name": "analytics", "description": "SQL over the traffic log."},
    {"name": "keys", "description": "API keys, tickets for sockets, who am I."},
    {"name": "system", "description": "Health and metrics."},
]


def document_of(app: FastAPI) -> Callable[[], bytes]:
    """Return the function that gives the document as JSON; it is made once, when first asked for."""
    made: list[bytes] = []

    def document() -> bytes:
        if not made:
            made.append(orjson.dumps(app.openapi()))
        return made[0]

    return document


def schema_of(app: FastAPI) -> dict[str, Any]:
    """The document as a dict."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title="WaQtor",
            version=waqtor.__version__,
            description=_DESCRIPTION,
            routes=app.routes,
            tags=_TAGS,
        )
        components = schema["components"]
        components["securitySchemes"] = SECURITY_SCHEMES
        error = ErrorBody.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
        components["schemas"] |= error.pop("$defs") | {"ErrorBody": error}
        app.openapi_schema = schema
    return app.openapi_schema

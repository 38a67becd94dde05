"""Answers: models and dicts to JSON, once, in the spelling that the caller speaks."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from waqtor.api.aliases import legacy_body

JSON = "application/json"


def answer(
    request: Request, value: BaseModel | dict[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with a model or a dict; on the aliases in the older form."""
    if request.scope.get("waqtor.alias"):
        plain = value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value
        content = dumps(legacy_body(plain))
    elif isinstance(value, BaseModel):
        content = value.__pydantic_serializer__.to_json(value, by_alias=True)
    else:
        content = dumps(value)
    return Response(content, status_code=status, headers=dict(headers) if headers else None, media_type=JSON)


def dumps(value: Any) -> bytes:
    """JSON of plain values; models inside are dumped, numbers beyond 64 bits kept, what is unknown becomes text."""
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        finite = _finite(value)
        return json.dumps(finite, default=_plain, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return str(value)

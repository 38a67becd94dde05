"""The one place where errors become HTTP: codes to statuses, and every failure to the one shape."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import structlog
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from waqtor.contracts.faults import causes
from waqtor.errors import InvalidInput, WaqtorError

_log = structlog.get_logger(__name__)

STATUSES: dict[str, int] = {
    "invalid_input": 422,
    "not_found": 404,
    "conflict": 409,
    "unauthorized": 401,
    "forbidden": 403,
    "rate_limited": 429,
    "too_large": 413,
    "unavailable": 503,
    "timeout": 504,
    "send.error": 502,
    "configuration": 500,
    "error": 500,
}
"""HTTP status by error code; a code that is not listed has the status of its parent in the tree."""

CODES: dict[int, str] = {
    400: "invalid_input",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "timeout",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid_input",
    429: "rate_limited",
    500: "internal",
    503: "unavailable",
}
"""Error code by HTTP status, for failures that the HTTP layer itself finds."""

MAX_ISSUES = 20
_MAX_TEXT = 300


class HttpProblem(WaqtorError):
    """A failure that only HTTP has: bad JSON, a wrong method or media type."""

    def __init__(self, status: int, message: str, *, headers: Mapping[str, str] | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.status = status
        self.headers = dict(headers or {})


def status_of(error: WaqtorError) -> int:
    """The HTTP status of an error: that of its own code or of the nearest ancestor's."""
    if isinstance(error, HttpProblem):
        return error.status
    for kind in type(error).__mro__:
        status = STATUSES.get(getattr(kind, "code", ""))
        if status is not None:
            return status
    return 500


def issues_of(errors: Sequence[Any], *, placed: bool) -> list[dict[str, str]]:
    """Validation errors as ``{in, field, message, type}``, without the values that were sent."""
    issues = []
    for path, message, kind in causes(errors)[:MAX_ISSUES]:
        loc = list(path)
        # A body validated by itself has fields of these names too: "header" of a message with buttons is no header.
        place = loc.pop(0) if placed and loc and loc[0] in {"body", "query", "path", "header"} else "body"
        issues.append({"in": place, "field": printable(".".join(loc)), "message": printable(message), "type": kind})
    return issues


def printable(text: str, limit: int = _MAX_TEXT) -> str:
    """Text that is safe to show: no control or direction characters, and not endless."""
    clean = "".join(char if char.isprintable() else "\ufffd" for char in text[: limit + 1])
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def route_of(scope: Scope) -> str:
    """The template of the matched route (a path itself may hold a phone number); ``unmatched`` without one."""
    return str(getattr(scope.get("route"), "path_format", "unmatched"))


def error_response(scope: Scope, error: BaseException) -> Response:
    """Answer any failure in the one shape: ``{"ok": false, "error": {code, message, details, request_id}}``."""
    status, code, message, details, headers = _facts(error)
    if status >= 500 and status != 503:
        _log.error("http.failed", code=code, route=route_of(scope), exc_info=error if status == 500 else None)
    request_id = scope.get("waqtor.request_id")
    body: dict[str, Any] = {
        "ok": False,
        "error": {"code": code, "message": message, "details": details, "request_id": request_id},
    }
    if scope.get("waqtor.alias"):
        body["message"] = message
    return Response(
        orjson.dumps(body, default=str, option=orjson.OPT_NON_STR_KEYS),
        status_code=status,
        headers=headers,
        media_type="application/json",
    )


def _facts(error: BaseException) -> tuple[int, str, str, dict[str, Any], dict[str, str]]:
    headers: dict[str, str] = {}
    if isinstance(error, WaqtorError):
        status = status_of(error)
        code = error.code
        if isinstance(error, HttpProblem):
            code, headers = CODES.get(status, "error"), error.headers
        if status == 500:
            return 500, "internal", _INTERNAL, {}, headers
        details = dict(error.details)
        retry_after = details.get("retry_after")
        if isinstance(retry_after, int | float) and math.isfinite(retry_after):
            headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
        if status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="waqtor"'
        if status == 403 and "missing" in details:
            scopes = " ".join(details["missing"])
            headers["WWW-Authenticate"] = f'Bearer realm="waqtor", error="insufficient_scope", scope="{scopes}"'
        if status in {408, 413}:
            headers["Connection"] = "close"
        return status, code, error.message, details, headers
    if isinstance(error, RequestValidationError | ValidationError):
        issues = issues_of(error.errors(), placed=isinstance(error, RequestValidationError))
        return 422, InvalidInput.code, _summary(issues), {"issues": issues}, headers
    if isinstance(error, HTTPException):
        status = error.status_code
        code = CODES.get(status, "error")
        return status, code, _WORDS.get(status, str(error.detail)), {}, dict(error.headers or {})
    return 500, "internal", _INTERNAL, {}, headers


_INTERNAL = "Something failed inside. The log has the details under this request id."
_WORDS = {
    404: "There is no such path.",
    405: "This path does not take this method.",
}


def _summary(issues: list[dict[str, str]]) -> str:
    parts = [f"{issue['field'] or issue['in']}: {issue['message']}" for issue in issues[:3]]
    more = f" (and {len(issues) - 3} more)" if len(issues) > 3 else ""
    return "; ".join(parts) + more

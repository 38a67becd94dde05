"""The one error shape, as a check."""

from __future__ import annotations

from typing import Any

import httpx


def assert_error(response: httpx.Response, status: int, code: str, *, field: str | None = None) -> dict[str, Any]:
    """Check status, code and shape of an error answer; returns its inner part."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert set(body) <= {"ok", "error", "message"}
    assert body["ok"] is False
    error = body["error"]
    assert set(error) == {"code", "message", "details", "request_id"}
    assert error["code"] == code, error
    assert error["message"]
    assert isinstance(error["details"], dict)
    assert error["request_id"] == response.headers["x-request-id"]
    if field is not None:
        assert field in [issue["field"] for issue in error["details"]["issues"]], error
    return error

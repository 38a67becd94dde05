"""What both executors share: requests from calls, errors from answers, and when to try again."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from waqtor import errors
from waqtor.backoff import retry_delay
from waqtor.client.calls import Answer, Call

if TYPE_CHECKING:
    import httpx

PREFIX = "/api/v1"
RETRY_STATUSES = frozenset({429, 502, 503, 504})
LONGEST_RETRY_AFTER = 60.0

_BY_STATUS: dict[int, type[errors.WaqtorError]] = {
    400: errors.InvalidInput,
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    412: errors.RevisionConflict,
    413: errors.TooLarge,
    422: errors.InvalidInput,
    429: errors.RateLimited,
    502: errors.Unavailable,
    503: errors.Unavailable,
    504: errors.Timeout,
}


def _tree(root: type[errors.WaqtorError]) -> Iterator[type[errors.WaqtorError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient the client is: seconds per request, and retries after the first attempt."""

    timeout: float = 30.0
    retries: int = 3


def request_of(call: Call[Any]) -> dict[str, Any]:
    """The arguments of an httpx request; the same for every attempt, its key included."""
    headers = dict(call.headers)
    if call.keyed:
        headers["Idempotency-Key"] = call.key or uuid.uuid4().hex
    params = {name: value for name, value in call.params.items() if value is not None}
    request: dict[str, Any] = {
        "method": call.method,
        "url": call.path if call.rooted else PREFIX + call.path,
        "headers": headers,
        "params": params or None,
    }
    if call.timeout is not None:
        request["timeout"] = call.timeout
    if call.content is not None:
        request["content"] = call.content
    if call.json is not None:
        try:
            text = json.dumps(call.json, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            request["content"] = text.encode("utf-8")
        except (TypeError, ValueError) as error:
            raise errors.InvalidInput(f"The request cannot be written as JSON: {error}") from None
        headers["Content-Type"] = "application/json"
    return request


def result_of(call: Call[Any], response: httpx.Response) -> Any:
    """Parse an answer, or raise the error it carries."""
    body = _json(response)
    if response.is_success or response.status_code in call.accept:
        return call.parse(Answer(response.status_code, response.headers, response.content, body))
    raise error_of(response.status_code, body, response.headers)


def error_of(status: int, body: Any, headers: Mapping[str, str]) -> errors.WaqtorError:
    """The exception of an error body: by its code where this client knows it, else by the status.

    ``details`` gains ``status``, ``request_id`` and, when the server named one, ``retry_after`` in seconds.
    """
    error = body.get("error") if isinstance(body, dict) else None
    detail = error if isinstance(error, dict) else {}
    code = str(detail.get("code") or "")
    known = {kind.code: kind for kind in _tree(errors.WaqtorError)}
    kind = known.get(code) or _BY_STATUS.get(status, errors.WaqtorError)
    message = str(detail.get("message") or f"The server answered {status}.")
    details = dict(detail["details"]) if isinstance(detail.get("details"), dict) else {}
    details["status"] = status
    details["request_id"] = detail.get("request_id") or headers.get("x-request-id")
    if code and code != kind.code:
        details["code"] = code
    wait = retry_after(headers)
    if wait is not None:
        details.setdefault("retry_after", wait)
    made = kind.__new__(kind, message)
    errors.WaqtorError.__init__(made, message)
    made.details = details
    if isinstance(made, errors.SendRefused):
        made.error_code = str(details.get("error_code", ""))
        made.retryable = bool(details.get("retryable", False))
        made.retry_after = details.get("retry_after")
    return made


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asked to wait; ``None`` when it did not say."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e9 else None


def wait_before_retry(call: Call[Any], policy: Policy, attempt: int, response: httpx.Response) -> float | None:
    """Seconds to wait before repeating after this answer; ``None`` when it is final. ``attempt`` counts from 1."""
    status = response.status_code
    if status in call.accept or status not in RETRY_STATUSES or attempt > policy.retries or not call.repeatable:
        return None
    asked = retry_after(response.headers)
    if asked is None:
        return retry_delay(attempt, base=0.25, cap=10.0)
    return asked if asked <= LONGEST_RETRY_AFTER else None


def wait_after_failure(call: Call[Any], policy: Policy, attempt: int, failure: Exception) -> float | None:
    """Seconds to wait before repeating after a failed connection; ``None`` to give up."""
    import httpx

    refused = isinstance(failure, httpx.ConnectError | httpx.ConnectTimeout)
    if attempt > policy.retries or not (refused or call.repeatable):
        return None
    return retry_delay(attempt, base=0.25, cap=10.0)


def failure_of(failure: Exception, url: str) -> errors.WaqtorError:
    """The exception for a request that got no answer."""
    import httpx

    if isinstance(failure, httpx.TimeoutException):
        return errors.Timeout(f"No answer from {url} in time.")
    if isinstance(failure, httpx.ConnectError):
        return errors.Unavailable(f"Nobody answers at {url}. Is WaQtor running? Start it with: waqtor up")
    return errors.Unavailable(f"The connection to {url} broke ({type(failure).__name__}).")


def _json(response: httpx.Response) -> Any:
    if "json" not in response.headers.get("content-type", ""):
        return None
    try:
        return response.json()
    except ValueError:
        return None

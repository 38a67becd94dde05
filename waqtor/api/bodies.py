"""Request bodies: read within their limits, parsed strictly, refused with a clear word."""

from __future__ import annotations

import asyncio
from email.message import Message
from typing import Any

import orjson
from starlette.requests import Request

from waqtor.api.aliases import snake_name
from waqtor.api.errors import HttpProblem, printable
from waqtor.errors import InvalidInput

MAX_DEPTH = 32
"""Deepest nesting of arrays and objects that is taken."""

MAX_NUMBER = 2**63
"""Numbers must stay below this, either side of zero."""

READ_TIMEOUT_S = 30.0
"""Longest wait for a body, seconds."""

OPAQUE = frozenset(
    {
        "variables",
        "contact",
        "params",
        "fallbacks",
        "components",
        "examples",
        "keywords",
        "negatives",
        "recipients",
        "columns",
    }
)
"""Fields whose inner keys are data: their spelling is never changed."""


class JsonRequest(Request):
    """A request whose body is strict JSON: UTF-8, no NUL, no NaN, bounded numbers and nesting."""

    async def body(self) -> bytes:
        """The body, within the time limit.

        Raises:
            HttpProblem: 408 when it does not arrive.
        """
        if hasattr(self, "_body"):
            return self._body
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                return await super().body()
        except TimeoutError as error:
            raise HttpProblem(408, "The body did not arrive in time.") from error

    async def json(self) -> Any:
        """The parsed body, its field names in snake_case.

        Raises:
            HttpProblem: 400 when it is not JSON.
            InvalidInput: When it is JSON that is not taken.
        """
        if not hasattr(self, "_json"):
            self._json = parse(await self.body())
        return self._json


def check_media_type(request: Request) -> None:
    """Refuse a body that does not say that it is plain UTF-8 JSON.

    Raises:
        HttpProblem: 415.
    """
    headers = request.headers
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise HttpProblem(415, "Compressed bodies are not taken.", headers={"Accept-Encoding": "identity"})
    given = headers.get("content-type")
    if given == "application/json":
        return
    message = Message()
    message["content-type"] = given or ""
    kind = message.get_content_type() if given else ""
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise HttpProblem(415, "Send JSON with the header Content-Type: application/json.")
    charset = message.get_param("charset")
    if charset is not None and str(charset).lower() not in {"utf-8", "utf8", "us-ascii"}:
        raise HttpProblem(415, "JSON is UTF-8.")


def parse(body: bytes) -> Any:
    """Parse a body strictly.

    Raises:
        HttpProblem: 400, with the position of the fault.
        InvalidInput: Naming the field that holds what is not taken.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HttpProblem(400, f"The body is not valid JSON: {printable(str(error))}.") from None
    return clean(value, "", 0)


def clean(value: Any, path: str, depth: int, *, names: bool = True) -> Any:
    """Check a parsed value and spell its field names in snake_case.

    Raises:
        InvalidInput: NUL characters, numbers of 2**63 and more, too deep nesting, a field in both spellings.
    """
    kind = type(value)
    if kind is str:
        if "\x00" in value:
            raise _refused(path, "must not hold NUL characters")
        return value
    if kind is dict:
        _check_depth(path, depth)
        return {
            name: clean(item, f"{path}.{name}" if path else name, depth + 1, names=names and name not in OPAQUE)
            for name, item in (_named(value, path) if names else _checked(value, path)).items()
        }
    if kind is list:
        _check_depth(path, depth)
        return [clean(item, f"{path}.{i}" if path else str(i), depth + 1, names=names) for i, item in enumerate(value)]
    if (kind is int or kind is float) and not -MAX_NUMBER < value < MAX_NUMBER:
        raise _refused(path, "is too large a number (2^63 and more are not taken)")
    return value


def _checked(value: dict[str, Any], path: str) -> dict[str, Any]:
    for name in value:
        if "\x00" in name:
            raise _refused(path, "has a field name with a NUL character")
    return value


def _named(value: dict[str, Any], path: str) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for name, item in _checked(value, path).items():
        snake = snake_name(name)
        if snake in named:
            raise _refused(f"{path}.{name}" if path else name, "is given twice, in two spellings")
        named[snake] = item
    return named


def _check_depth(path: str, depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise _refused(path, f"is nested deeper than {MAX_DEPTH} levels")


def _refused(path: str, words: str) -> InvalidInput:
    field = printable(path, 200)
    issue = {"in": "body", "field": field, "message": words, "type": "refused"}
    return InvalidInput(f"{field or 'body'}: {words}", issues=[issue])

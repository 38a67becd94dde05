"""What clients may say: parsing, limits, and a typed refusal of everything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from waqtor.contracts.wire import CLIENT_FRAME, ErrorDetail


@dataclass(frozen=True, slots=True)
class Refusal(Exception):
    """A frame that is not carried out, and why."""

    detail: ErrorDetail


def parse(text: str, size: int, largest: int) -> Any:
    """Read the JSON of a frame.

    Raises:
        Refusal: Too large, or not JSON.
    """
    if size > largest:
        raise Refusal(
            ErrorDetail(
                code="too_large",
                message=f"A message has at most {largest} bytes.",
                details={"size": size, "limit": largest},
            )
        )
    try:
        return orjson.loads(text)
    except (ValueError, RecursionError):
        raise Refusal(ErrorDetail(code="invalid_input", message="A message must be one JSON object.")) from None


def name_of(value: Any) -> dict[str, Any]:
    """Type and id of a frame as far as it has any, to name it in a refusal."""
    if not isinstance(value, dict):
        return {}
    named = {}
    for part, longest in (("type", 64), ("id", 64)):
        if isinstance(value.get(part), str):
            named[part] = value[part][:longest]
    return named


def check(value: Any, longest: int) -> Any:
    """Turn parsed JSON into a client frame of ``contracts.wire``.

    Raises:
        Refusal: A string that is too long, an unknown type, unknown or wrong fields.
    """
    if not isinstance(value, dict):
        raise Refusal(ErrorDetail(code="invalid_input", message="A message must be one JSON object."))
    if _longest_string(value) > longest:
        raise Refusal(
            ErrorDetail(
                code="too_large",
                message=f"A string in a message has at most {longest} characters.",
                details={"limit": longest},
            )
        )
    if "topics" in value and "events" in value:
        raise Refusal(ErrorDetail(code="invalid_input", message="Give topics or events: they are the same field."))
    try:
        return CLIENT_FRAME.validate_python(value)
    except ValidationError as error:
        issues = [
            {"field": ".".join(str(part) for part in issue["loc"]), "message": issue["msg"]}
            for issue in error.errors(include_url=False, include_input=False, include_context=False)[:10]
        ]
        known = "Known types: subscribe, unsubscribe, ping, get_state."
        raise Refusal(
            ErrorDetail(code="invalid_input", message=f"Not a known message. {known}", details={"issues": issues})
        ) from None


def _longest_string(value: Any) -> int:
    longest, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            longest = max(longest, len(item))
        elif isinstance(item, dict):
            waiting.extend(item.keys())
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return longest

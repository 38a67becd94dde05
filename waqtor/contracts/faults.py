"""What pydantic found wrong, as a person can use it: the field, and the limit that it breaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def causes(errors: Sequence[Any]) -> list[tuple[tuple[str, ...], str, str]]:
    """Validation errors as ``(path, message, type)``, without those that only follow from another one.

    A row that is not valid is left out of its list, and an empty list is then too short: that is no second mistake.
    """
    found = [(tuple(str(part) for part in error["loc"]), error) for error in errors]
    return [
        (path, str(error["msg"]).removeprefix("Value error, "), str(error["type"]))
        for path, error in found
        if error["type"] != "too_short" or not any(_below(other, path) for other, _ in found)
    ]


def _below(path: tuple[str, ...], parent: tuple[str, ...]) -> bool:
    return len(path) > len(parent) and path[: len(parent)] == parent

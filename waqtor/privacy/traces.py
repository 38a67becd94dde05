"""Recognising a person in what is stored: their number in any spelling, in texts, JSON and the provider's ids. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

ERASED = "[erased]"
"""What stands in the place of a number or name that was taken out of somebody else's text."""
_OWN = ("from", "to", "chat_id", "contact")
_LOCAL = 9
"""Digits of a number that are enough to know it in a national spelling."""


class Traces:
    """Finds one person.

    Args:
        contact: Their canonical address: digits, or ``…@lid`` and the like.
    """

    def __init__(self, contact: str) -> None:
        self.contact = contact
        self.needle = contact.partition("@")[0]
        self._pattern = re.compile(rf"(?<![0-9])(?:\+|00)?{re.escape(self.needle)}(?![0-9])")
        self._tail = self.needle[-_LOCAL:] if self.needle.isdigit() and len(self.needle) > _LOCAL else ""

    def owns(self, payload: Mapping[str, Any]) -> bool:
        """Whether the personal fields of an event are of this person."""
        return any(payload.get(name) == self.contact for name in _OWN)

    def named_in(self, text: str) -> bool:
        """Whether a text holds the number as digits that stand alone."""
        return self.needle in text and self._pattern.search(text) is not None

    def is_number(self, text: str) -> bool:
        """Whether a cell (a spelling with spaces, dashes, Arabic digits, or a national one) is this number."""
        digits = "".join(_digit(char) for char in text)
        return digits == self.needle or bool(self._tail and digits.endswith(self._tail))

    def in_provider_id(self, provider_id: str) -> bool:
        """Whether a message id of the provider's holds the number: WhatsApp's own ids are base64 around it."""
        if self.needle in provider_id:
            return True
        _, _, encoded = provider_id.partition(".")
        try:
            decoded = base64.b64decode(encoded + "=" * (-len(encoded) % 4))
        except (binascii.Error, ValueError):
            return False
        return self.needle.encode() in decoded

    def redact(self, text: str) -> str:
        """The text without the number; JSON stays JSON."""
        if not self.named_in(text):
            return text
        if text[:1] in ("{", "["):
            try:
                return orjson.dumps(self.redacted(orjson.loads(text))).decode()
            except orjson.JSONDecodeError:
                pass
        return self._pattern.sub(ERASED, text)

    def redacted(self, value: Any) -> Any:
        """A JSON value without the number, in keys and texts and as a bare number."""
        if isinstance(value, str):
            return self._pattern.sub(ERASED, value)
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int):
            return ERASED if str(value) == self.needle else value
        if isinstance(value, dict):
            return {self._pattern.sub(ERASED, name): self.redacted(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.redacted(item) for item in value]
        return value


def blanked(data: Mapping[str, Any], traces: Traces | None) -> dict[str, Any]:
    """The public data of a person's event without what may name them: the provider's id and words, a choice's title."""
    found: dict[str, Any] = dict(data)
    for name in ("provider_id", "quoted"):
        if found.get(name):
            found[name] = ""
    error = found.get("error")
    if isinstance(error, dict):
        found["error"] = {**error, "reason": ""}
    elif isinstance(error, str):
        found["error"] = ""
    choice = found.get("choice")
    if isinstance(choice, dict):
        found["choice"] = {**choice, "title": ""}
    return traces.redacted(found) if traces is not None else found


@lru_cache(maxsize=1024)
def _digit(char: str) -> str:
    return str(int(char)) if char.isdecimal() else ""

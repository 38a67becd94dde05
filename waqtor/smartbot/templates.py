"""Step 7, render: the variables that replies have, and which variant of a reply is drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

from waqtor.messaging.templates import (
    FILTERS,
    MAX_VALUE,
    Template,
    TemplateError,
    Unfilled,
    clean,
    compile_template,
)

__all__ = [
    "BUILTIN",
    "FILTERS",
    "MAX_VALUE",
    "Template",
    "TemplateError",
    "Unfilled",
    "clean",
    "compile_template",
    "draw",
]

BUILTIN = frozenset({"contact.name", "contact.phone", "shop.name", "time.now", "time.date", "message.body"})
"""Variables that always exist (they may be empty: give contact.name a default)."""

Item = TypeVar("Item")


def draw(variants: Sequence[tuple[int, Item]], *seeds: str) -> list[Item]:
    """Return the variants with the drawn one first; the draw depends on ``seeds`` and the weights alone."""
    if len(variants) < 2:
        return [item for _, item in variants]
    digest = hashlib.blake2b("\x1f".join(seeds).encode("utf-8", "replace"), digest_size=8).digest()
    ticket = int.from_bytes(digest, "big") % sum(weight for weight, _ in variants)
    at = 0
    for i, (weight, _) in enumerate(variants):
        ticket -= weight
        if ticket < 0:
            at = i
            break
    return [item for _, item in (*variants[at:], *variants[:at])]

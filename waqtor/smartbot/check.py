"""Step 8, check: the last look at a text before it leaves."""

from __future__ import annotations

import regex

_HIDDEN = regex.compile(r"[\p{Cs}\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

TEXT_LIMIT = 4096
INTERACTIVE_LIMIT = 1024


def problems(text: str, *, interactive: bool = False) -> list[str]:
    """Return why ``text`` must not be sent; empty when it may.

    Args:
        text: The text of a part of the reply.
        interactive: Whether it stands beside buttons or a list (1024 characters at most instead of 4096).
    """
    found: list[str] = []
    if not text.strip():
        found.append("the text is empty")
    limit = INTERACTIVE_LIMIT if interactive else TEXT_LIMIT
    if len(text) > limit:
        found.append(f"{len(text)} characters, at most {limit} are allowed")
    hidden = _HIDDEN.search(text)
    if hidden is not None:
        found.append(f"control or direction character U+{ord(hidden[0]):04X}")
    if "{{" in text or "}}" in text:
        found.append("a variable was not filled")
    return found

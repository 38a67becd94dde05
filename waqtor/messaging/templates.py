"""The one template language, of replies and campaigns: ``{{variable | default("…")}}``, compiled before it is used.

Not a programming language on purpose: a name from a fixed list and filters from a fixed list, nothing else.
Unknown names are errors when it is compiled. Values are data: their length is capped, control and direction
characters are taken out, and what they contain is never expanded again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import regex

MAX_VALUE = 500
"""Longest inserted value, characters."""

_PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"\s*([^\W\d]\w*(?:\.[^\W\d]\w*)*)\s*")
_FILTER = re.compile(r"\|\s*([a-z_]+)\s*(?:\(\s*(?:\"([^\"]*)\"|'([^']*)'|(\d{1,4}))?\s*\))?\s*")
_UNSAFE = regex.compile(r"[\p{Cc}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")

_BRACES = re.compile(r"\{{2,}|\}{2,}")

_FILTERS: Mapping[str, Callable[[str, str], str]] = {
    "default": lambda value, given: value or given,
    "upper": lambda value, _: value.upper(),
    "lower": lambda value, _: value.lower(),
    "title": lambda value, _: value.title(),
    "trim": lambda value, _: value.strip(),
    "first": lambda value, _: (value.split() or [""])[0],
    "truncate": lambda value, given: value[: int(given or 40)],
}
FILTERS = frozenset(_FILTERS)


class TemplateError(ValueError):
    """The template cannot be compiled; ``at`` is the offset of the fault in the text."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


class Unfilled(ValueError):
    """A variable is empty and has no default; ``name`` is the variable."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{{{{{name}}}}} is empty and has no default")
        self.name = name


@dataclass(frozen=True, slots=True)
class _Place:
    name: str
    filters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled text."""

    source: str
    parts: tuple[str | _Place, ...]

    @property
    def variables(self) -> tuple[str, ...]:
        """The names it uses."""
        return tuple(part.name for part in self.parts if isinstance(part, _Place))

    def render(self, values: Mapping[str, str]) -> str:
        """Return the text with ``values`` filled in.

        Raises:
            Unfilled: A variable is empty and has no default.
        """
        out: list[str] = []
        for part in self.parts:
            if isinstance(part, str):
                out.append(part)
                continue
            value = clean(values.get(part.name, ""))
            for name, argument in part.filters:
                value = _FILTERS[name](value, argument)
            if not value:
                raise Unfilled(part.name)
            out.append(value)
        return "".join(out)


def clean(value: str) -> str:
    """Return a value as it may be inserted: one line, nothing hidden, no double braces, at most 500 long."""
    text = _UNSAFE.sub(" ", value[: 4 * MAX_VALUE])
    return " ".join(_BRACES.sub(lambda match: match[0][0], text).split())[:MAX_VALUE]


def compile_template(text: str, known: frozenset[str] | None = None) -> Template:
    """Compile a text.

    Args:
        text: The text with ``{{ }}`` places.
        known: Names that exist; ``None`` accepts any.

    Raises:
        TemplateError: Unknown name or filter, or something that is neither.
    """
    parts: list[str | _Place] = []
    end = 0
    for found in _PLACE.finditer(text):
        parts.append(text[end : found.start()])
        parts.append(_place(found[1], found.start(), known))
        end = found.end()
    rest = text[end:]
    for lone in ("{{", "}}"):
        at = rest.find(lone)
        if at >= 0:
            raise TemplateError(f"{lone!r} without its other half", end + at)
    parts.append(rest)
    return Template(text, tuple(part for part in parts if part != ""))


def _place(inner: str, at: int, known: frozenset[str] | None) -> _Place:
    named = _NAME.match(inner)
    if named is None:
        raise TemplateError(f"{{{{{inner}}}}} does not name a variable", at)
    name = named[1]
    if known is not None and name not in known:
        raise TemplateError(f"unknown variable {{{{{name}}}}}; known are {', '.join(sorted(known))}", at)
    filters: list[tuple[str, str]] = []
    position = named.end()
    while position < len(inner):
        found = _FILTER.match(inner, position)
        if found is None:
            raise TemplateError(f"cannot read {inner[position:].strip()!r} after {name}", at)
        if found[1] not in _FILTERS:
            raise TemplateError(f"unknown filter {found[1]!r}; known are {', '.join(sorted(FILTERS))}", at)
        argument = found[2] if found[2] is not None else found[3] if found[3] is not None else found[4] or ""
        filters.append((found[1], argument))
        position = found.end()
    return _Place(name, tuple(filters))

"""Regular expressions of rules: folded like the messages, and with a limit on time.

Matching uses the ``regex`` package because it can stop: a pattern that runs away costs its time limit, not the
engine. At load every pattern is tried on inputs built from its own letters, so that most never get that far.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import regex

from waqtor.smartbot.normalise import ARABIC, fold

TIMEOUT_S = 0.02
"""Longest search of one pattern in a message."""
TRIAL_S = 0.05
_MOST_TRIALS = 24
_DROPPED = regex.compile(r"[ءـ\u064b-\u0652](?:[?*+]|\{\d*,?\d*\})?")
_LITERALS = regex.compile(r"\\[wdsbWDSB]|[^\W_]|\s")


class PatternError(ValueError):
    """The pattern is malformed, matches everything, or takes too long."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern."""

    source: str
    compiled: Any

    def search(self, folded: str, timeout: float = TIMEOUT_S) -> str | None:
        """Return what matched in a folded text, or ``None``.

        Raises:
            TimeoutError: The search took too long.
        """
        found = self.compiled.search(folded, timeout=timeout)
        return None if found is None else str(found[0])


def _fold_pattern(source: str) -> str:
    kept: str = _DROPPED.sub("", source)  # a letter that folding drops goes with its repetition
    return kept.translate(ARABIC)


def compile_pattern(source: str) -> Pattern:
    """Compile a pattern; Arabic letters in it are unified as in messages, case does not matter.

    Raises:
        PatternError: It is malformed.
    """
    try:
        return Pattern(source, regex.compile(_fold_pattern(source), regex.IGNORECASE | regex.VERSION0))
    except (regex.error, RecursionError, OverflowError, MemoryError) as error:
        raise PatternError(f"not a regular expression: {error}") from error


def examine(source: str) -> Pattern:
    """Compile a pattern and try it on hostile input.

    Raises:
        PatternError: It is malformed, matches the empty text, or takes more than 50 ms on 3,000 characters.
    """
    pattern = compile_pattern(source)
    try:
        if pattern.search("", TRIAL_S) is not None:
            raise PatternError("matches the empty text, so every message")
        for trial in _trials(source):
            pattern.search(trial, TRIAL_S)
    except TimeoutError as error:
        raise PatternError(
            "takes too long on some messages (nested repetition such as (a+)+ ?); write it without"
        ) from error
    return pattern


def _trials(source: str) -> list[str]:
    letters: dict[str, None] = {}
    for token in _LITERALS.findall(fold(source) + source):
        for char in {"\\w": "aا", "\\d": "1", "\\s": " "}.get(token, token if len(token) == 1 else ""):
            letters[char] = None
    letters.update(dict.fromkeys("a1 ا"))
    chosen = list(letters)[: _MOST_TRIALS // 2]
    singles = [char * 3000 + "\x01" for char in chosen]
    pairs = [(left + right) * 1500 + "\x01" for left, right in pairwise(chosen)]
    return singles + pairs

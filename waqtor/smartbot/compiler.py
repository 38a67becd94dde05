"""From a folder of rules to a set that serves: read, check, compile, encode, fit. Blocking; runs in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from waqtor.errors import RuleFileError
from waqtor.smartbot.encoders import Encoder, VectorCache, Vectors
from waqtor.smartbot.fit_cache import FitCache
from waqtor.smartbot.rule_names import name_examples
from waqtor.smartbot.rules_check import check
from waqtor.smartbot.rules_io import Loaded, issue_details, load_folder
from waqtor.smartbot.ruleset import RuleSet, compile_rules
from waqtor.smartbot.scorer import Example, FusedScorer, Scorer

EMPTY = RuleSet("", {}, {}, {}, 0, (), frozenset(), ())
"""No rules: every message is silent."""


class RuleCompiler:
    """Makes rule sets; vectors of examples are kept between builds.

    Args:
        folder: Where the rules are.
        encoder: Encodes the examples.
        cache_dir: Where vectors are kept over restarts; ``None``: not at all.
        threshold: Where neither rule nor file names one.
        scorer: Default: the fused scorer, with quick heads for a light encoder.
    """

    def __init__(
        self, folder: Path, encoder: Encoder, cache_dir: Path | None, threshold: float, scorer: Scorer | None = None
    ) -> None:
        self._folder = folder
        self._encoder = encoder
        self._vectors = VectorCache(cache_dir, encoder)
        self._threshold = threshold
        fits = FitCache(None if encoder.light else cache_dir)
        self._scorer = scorer or FusedScorer(quick=encoder.light, cache=fits, encoder=encoder.name, parts=encoder.parts)

    def read(self, *, near: bool = False) -> Loaded:
        """Read and check the folder."""
        return check(load_folder(self._folder), near=near)

    def build(self, loaded: Loaded) -> RuleSet:
        """Compile what was read.

        Raises:
            RuleFileError: It has errors.
        """
        refuse(loaded)
        rules = compile_rules(loaded, self._threshold)
        examples = [*rules.examples, *name_examples(rules.examples, trusted_examples(self._encoder, rules.examples))]
        vectors, trusted = encoded(self._encoder, self._vectors, examples)
        return replace(rules, scorer=self._scorer.fit(examples, vectors, trusted))


def encoded(encoder: Encoder, cache: VectorCache, examples: Sequence[Example]) -> tuple[Vectors, list[bool]]:
    """Return the vectors of examples (zeros where the encoder does not count) and where it counts."""
    trusted = trusted_examples(encoder, examples)
    found = cache.vectors([e.original for e, known in zip(examples, trusted, strict=True) if known])
    vectors = np.zeros((len(examples), max(1, found.shape[1])), np.float32)
    if any(trusted):
        vectors[np.array(trusted)] = found
    return vectors, trusted


def trusted_examples(encoder: Encoder, examples: Sequence[Example]) -> list[bool]:
    """Tell for each example whether the encoder knows its language."""
    return [encoder.weight(e.language, _script(e.text)) > 0 for e in examples]


def _script(text: str) -> str:
    letters = [char for char in text if char.isalpha()]
    if not letters:
        return "none"
    latin = sum(char < "\u0250" for char in letters)
    arabic = sum("\u0600" <= char <= "\u06ff" for char in letters)
    return "latin" if 2 * latin >= len(letters) else "arabic" if 2 * arabic >= len(letters) else "other"


def refuse(loaded: Loaded) -> None:
    """Raise when rule files have errors.

    Raises:
        RuleFileError: With the issues in ``details``.
    """
    errors = loaded.refusals
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise RuleFileError(f"{errors[0]}{more}", issues=issue_details(errors[:50]))

"""The names of rules as evidence: ``card_arrival`` says what its rule is about much as an example does.

A name is learned from as one more phrase of its rule, by rules that have examples in a language that the encoder
knows. It never hits outright, and it is never the nearest example: what resembles a name alone resembles nothing that
a customer is known to write. With one example a rule it is worth most, with a hundred nothing
(figures in docs/evaluation.md).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from waqtor.smartbot.normalise import normalise
from waqtor.smartbot.scorer import Example

_EMPTY = frozenset({"rule", "intent", "class", "label", "category", "faq", "custom", "test"})
"""Words of ids that say what a rule is, not what it is about."""
_FEWEST = 3
_COMMON = 3
"""From so many rules on, a word in more than half of their names counts as a prefix that says nothing."""


def names_of(rule_ids: Iterable[str]) -> dict[str, str]:
    """Return the words of every rule id that has telling ones: ``rule_12`` has none."""
    words = {rule_id: [w for w in re.findall(r"[a-z]+", rule_id.lower()) if len(w) > 1] for rule_id in set(rule_ids)}
    seen = Counter(word for found in words.values() for word in set(found))
    common = {word for word, n in seen.items() if len(words) >= _COMMON and 2 * n > len(words)} | _EMPTY
    telling = {rule_id: [w for w in found if w not in common] for rule_id, found in words.items()}
    return {rule_id: " ".join(found) for rule_id, found in telling.items() if any(len(word) > 2 for word in found)}


def name_examples(examples: Sequence[Example], trusted: Sequence[bool]) -> list[Example]:
    """Return the names to learn from beside examples, sorted.

    Args:
        examples: What is learned from; rules without an example among them add no name, and fewer than three rules
            add none at all: nothing could be calibrated.
        trusted: Whether the encoder knows the language of each.
    """
    if len({example.rule_id for example in examples}) < _FEWEST:
        return []
    held = {example.text for example in examples}
    found = {
        Example(example.rule_id, normalise(example.rule_name), "en", False, example.rule_name, example.rule_name, True)
        for example, known in zip(examples, trusted, strict=True)
        if known and example.rule_name and not example.negative
    }
    return sorted(name for name in found if name.text and name.text not in held)

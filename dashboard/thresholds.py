"""What thresholds would do to messages whose right rule is known: counted here, so that a slider answers at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from waqtor.contracts.workbench import TriedMessage

OUTRIGHT = ("exact", "keyword", "pattern", "button")
POINTS = 101


@dataclass(frozen=True, slots=True)
class Effect:
    """Shares of a labelled set: answered, answered wrongly of all and of the answers, answered rightly of those due."""

    messages: int
    answered: int
    right: int
    wrong: int
    due: int

    @property
    def coverage(self) -> float:
        """Share of messages that get an answer."""
        return self.answered / self.messages if self.messages else 0.0

    @property
    def false_share(self) -> float:
        """Share of the answers that are wrong."""
        return self.wrong / self.answered if self.answered else 0.0

    @property
    def recall(self) -> float:
        """Share of the messages that some rule should answer which are answered rightly."""
        return self.right / self.due if self.due else 0.0


class Labelled:
    """A labelled set and what the rules make of it.

    Outright hits are answered at any threshold; a message for which the bot asks back, and one that goes to a rule
    which ignores, get no answer at any.

    Args:
        tried: What the bot made of each message.
        labels: The right rule of each; ``None``: no rule should answer.
        ignored: Rules that ignore.
    """

    def __init__(
        self, tried: Sequence[TriedMessage], labels: Sequence[str | None], ignored: frozenset[str] = frozenset()
    ) -> None:
        self.rules = [
            (item.rule_id if item.stage in OUTRIGHT else item.top.rule_id if item.top else "") or "" for item in tried
        ]
        self.languages = np.array([item.language for item in tried], object)
        hit = np.array([item.stage in OUTRIGHT for item in tried], bool)
        score = np.array([item.top.confidence if item.top else 0.0 for item in tried])
        self._score = np.where(hit, 1.0, score)
        mute = [
            item.decision == "clarify" or rule in ignored or not rule
            for item, rule in zip(tried, self.rules, strict=True)
        ]
        self._score[np.array(mute, bool)] = -1.0
        self._hit = hit & (self._score >= 0)
        self._right = np.array([rule == label for rule, label in zip(self.rules, labels, strict=True)], bool)
        self._due = int(sum(label is not None for label in labels))
        self.held = np.array([item.threshold if item.threshold is not None else 0.5 for item in tried])

    def __len__(self) -> int:
        return len(self.rules)

    def effect(self, thresholds: np.ndarray) -> Effect:
        """Count with a threshold for each message."""
        answered = self._hit | ((self._score >= 0) & (self._score >= thresholds))
        right = int((answered & self._right).sum())
        return Effect(len(self), int(answered.sum()), right, int(answered.sum()) - right, self._due)

    def at(self, general: float | None, languages: Mapping[str, float], rule: tuple[str, float] | None) -> np.ndarray:
        """Thresholds of the messages: those held now, a general one, one a language, and one of a rule; later wins."""
        found = self.held.copy() if general is None else np.full(len(self), general)
        for name, value in languages.items():
            found[self.languages == name] = value
        if rule is not None:
            found[np.array([name == rule[0] for name in self.rules], bool)] = rule[1]
        return found

    def sweep(self) -> pd.DataFrame:
        """Shares of all messages answered rightly and wrongly for every threshold, as the plots take them."""
        rows = []
        for value in np.linspace(0, 1, POINTS):
            effect = self.effect(np.full(len(self), value))
            rows.append((float(value), effect.right / max(1, len(self)), effect.wrong / max(1, len(self))))
        return pd.DataFrame(rows, columns=["threshold", "right", "wrong"])

"""Suggestions: from clusters of unanswered messages to "add these examples to rule R" or "a new rule".

A suggestion keeps its id over runs, so that a person's work on it stays: a new cluster is the old suggestion when they
share most of their questions, or when their centres nearly coincide. What a person rejected or put aside is taken out
of the questions before they are clustered, and what still resembles it is dropped.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from waqtor.contracts.learning import SuggestionKind, SuggestionStatus
from waqtor.smartbot.encoders import unit
from waqtor.smartbot.suggestion_clusters import Cluster, Question, diverse

EXAMPLES = 15
"""Examples that a suggestion proposes at most."""
EVIDENCE = 40
"""Messages that it shows at most."""
SAME_SHARE = 0.5
"""Share of the smaller one's questions from which two groups are the same."""
SAME_CENTRE = 0.85
"""Cosine of centres from which two groups are about the same."""
EXTENDS_SHARE = 0.6
"""Share of a group that must have the same nearest rule, for that rule to be extended."""
EXTENDS_CONFIDENCE = 0.7
"""Their median confidence as a share of the rule's threshold, at least."""

Action = Literal["reply", "handoff", "ignore"]


@dataclass(slots=True)
class Suggestion:
    """A suggestion as it is stored.

    ``examples`` are ids of messages by language, until a person has edited them: then ``texts`` has the phrases.
    ``keys``, ``centre`` and ``words`` recognise it in the next run.
    """

    id: str
    kind: SuggestionKind
    status: SuggestionStatus
    language: str
    title: str
    rule_id: str
    words: tuple[str, ...] = ()
    description: str = ""
    action: Action = "reply"
    examples: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[str, list[str]] | None = None
    replies: dict[str, str] = field(default_factory=dict)
    messages: int = 0
    customers: int = 0
    corrected: int = 0
    evidence: list[dict[str, Any]] = field(default_factory=list)
    nearest: list[dict[str, Any]] = field(default_factory=list)
    effect: dict[str, Any] | None = None
    edited: bool = False
    reason: str = ""
    snoozed_until: int | None = None
    created: int = 0
    updated: int = 0
    commit: str | None = None
    keys: list[str] = field(default_factory=list)
    centre: list[float] = field(default_factory=list)
    members: list[str] = field(default_factory=list)

    @property
    def closed(self) -> bool:
        """Whether a person has put it away."""
        return self.status in ("rejected", "snoozed")


class SuggestionStore(Protocol):
    """Where suggestions are kept."""

    async def all(self, statuses: Collection[str] | None = None) -> list[Suggestion]:
        """Suggestions, those that serve most customers first."""
        ...

    async def get(self, suggestion_id: str) -> Suggestion | None:
        """One suggestion."""
        ...

    async def save(self, changed: Sequence[Suggestion], *, gone: Sequence[str] = (), event: Any = None) -> None:
        """Write suggestions, delete those ``gone``, and journal an event, in one transaction."""
        ...


def take_out_closed(questions: Sequence[Question], held: Iterable[Suggestion]) -> list[Question]:
    """Return the questions that no rejected or snoozed suggestion holds."""
    put_away = {key for s in held if s.closed for key in s.keys}
    return [q for q in questions if q.key not in put_away]


def corrected(questions: Sequence[Question], known: Collection[str]) -> list[Cluster]:
    """Return one group for each rule and language that people named as the right one."""
    groups: dict[tuple[str, str], list[Question]] = {}
    for q in questions:
        if q.label and q.label in known:
            groups.setdefault((q.label, q.language), []).append(q)
    return [
        Cluster(language, found, (rule_id,), np.zeros((len(found), 1), np.float32))
        for (rule_id, language), found in sorted(groups.items())
    ]


def made_of(
    found: Cluster,
    thresholds: Mapping[str, float],
    held: Sequence[Suggestion],
    taken: set[str],
    now: int,
    new_id: str,
) -> Suggestion | None:
    """Return the suggestion that a cluster makes, under its old id where it had one.

    Args:
        found: The cluster.
        thresholds: Least confidence to answer, by rule id; what is not in it is no rule.
        held: The suggestions of earlier runs.
        taken: Ids used in this run; added to.
        now: UTC microseconds.
        new_id: For a suggestion that was not there before.

    Returns:
        ``None`` when a person has rejected or snoozed it.
    """
    old = _recognised(found, held, taken)
    if old is not None and old.closed:
        return None
    label = next((q.label for q in found.questions if q.label), None)
    target = label if label in thresholds else _extends(found, thresholds)
    examples: dict[str, list[str]] = {}
    for question in diverse(found, EXAMPLES):
        examples.setdefault(_file_language(question.language), []).append(question.messages[0])
    fresh = Suggestion(
        id=new_id,
        kind="extend" if target else "new_rule",
        status="open",
        language=found.language,
        title=", ".join(found.words),
        rule_id=target or rule_id_of(found, thresholds),
        words=found.words,
        examples=examples,
        messages=found.messages,
        customers=found.customers,
        corrected=sum(q.label is not None for q in found.questions),
        evidence=[
            {
                "message_id": q.messages[0],
                "times": len(q.messages),
                "decision": q.decision,
                "nearest": q.nearest,
                "confidence": round(q.confidence, 4),
            }
            for q in found.questions[:EVIDENCE]
        ],
        nearest=_nearest(found),
        created=now,
        updated=now,
        keys=sorted(found.keys),
        centre=[round(float(x), 4) for x in _centre(found)],
        members=[m for q in found.questions for m in q.messages][:5000],
    )
    if old is not None:
        taken.add(old.id)
        fresh.id, fresh.created = old.id, old.created
        if old.edited:  # a person's words stay; the counts are new
            for name in ("kind", "rule_id", "description", "action", "texts", "replies", "edited"):
                setattr(fresh, name, getattr(old, name))
            if fresh.kind == "extend" and fresh.rule_id not in thresholds:
                fresh.kind = "new_rule"
    taken.add(fresh.id)
    return fresh


def _recognised(found: Cluster, held: Sequence[Suggestion], taken: Collection[str]) -> Suggestion | None:
    keys, centre = found.keys, _centre(found)
    best: tuple[float, Suggestion] | None = None
    for old in held:
        if old.id in taken or old.status == "accepted" or old.language != found.language:
            continue
        shared = len(keys & set(old.keys)) / max(1, min(len(keys), len(old.keys)))
        near = float(centre @ np.array(old.centre)) if len(old.centre) == len(centre) > 1 else 0.0
        if len(centre) <= 1 and old.words:
            near = len(set(old.words) & set(found.words)) / max(len(old.words), len(found.words))
        score = max(shared if shared >= SAME_SHARE else 0.0, near if near >= SAME_CENTRE else 0.0)
        if score and (best is None or score > best[0]):
            best = (score, old)
    return best[1] if best else None


def _centre(found: Cluster) -> Any:
    if found.vectors.shape[1] <= 1 or not len(found.vectors):
        return np.zeros(0)
    return unit(found.vectors.mean(axis=0))


def _extends(found: Cluster, thresholds: Mapping[str, float]) -> str | None:
    counted = Counter(q.nearest for q in found.questions if q.nearest)
    if not counted:
        return None
    name, n = counted.most_common(1)[0]
    sure = float(np.median([q.confidence for q in found.questions if q.nearest == name]))
    if name in thresholds and n >= EXTENDS_SHARE * len(found.questions):
        return name if sure >= EXTENDS_CONFIDENCE * thresholds[name] else None
    return None


def _nearest(found: Cluster) -> list[dict[str, Any]]:
    sums: dict[str, list[float]] = {}
    for q in found.questions:
        if q.nearest:
            sums.setdefault(q.nearest, []).append(q.confidence)
    ordered = sorted(sums.items(), key=lambda item: (-len(item[1]), item[0]))[:3]
    return [{"rule_id": name, "confidence": round(float(np.mean(values)), 4)} for name, values in ordered]


def rule_id_of(found: Cluster, known: Collection[str]) -> str:
    """Return an id for a new rule: its typical words in Latin letters, else a number that stays the same."""
    plain = "_".join(unicodedata.normalize("NFKD", w).encode("ascii", "ignore").decode() for w in found.words[:3])
    base = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:56]
    if not base or not base[0].isalpha():
        digest = hashlib.sha256("|".join(found.words).encode()).hexdigest()[:6]
        base = f"topic_{digest}"
    name, number = base, 2
    while name in known:
        name, number = f"{base}_{number}", number + 1
    return name


def _file_language(language: str) -> str:
    return language if language in ("ar", "en", "arabizi") else "en"

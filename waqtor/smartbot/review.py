"""The learning loop over a list of messages, without an engine: for notebooks, and to try rules on an export.

It is the desk of the engine (:mod:`waqtor.smartbot.suggestion_desk`) over messages in memory; its methods are those of
``client.suggestions``, so what is written for one runs on the other.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from waqtor.contracts import learning as c
from waqtor.errors import InvalidInput
from waqtor.kernel.clock import SystemClock
from waqtor.settings import Settings
from waqtor.smartbot.crossfit import Matcher, outcome
from waqtor.smartbot.ruleset import RuleSet
from waqtor.smartbot.service import BotService
from waqtor.smartbot.suggestion_desk import SuggestionDesk
from waqtor.smartbot.suggestion_run import Recorded
from waqtor.smartbot.suggestions import Suggestion

SERVED = 2000
"""Most messages that are answered already and looked at, as in the engine."""


Message = tuple[str, str]
"""Who wrote, and what."""


def read_messages(path: Path) -> list[Message]:
    """Read a JSONL of messages: ``{"text": …, "from"?: …}``; where nobody is named, every line is somebody else.

    Raises:
        InvalidInput: It cannot be read, or a line is not such a row; the message names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}") from None
    found: list[Message] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise InvalidInput(f"{path}:{number}: not JSON.") from None
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise InvalidInput(f'{path}:{number}: a row needs a "text".')
        found.append((str(row.get("from") or f"line-{number}"), row["text"]))
    return found


class Review:
    """Suggestions made of messages by the rules of a folder; a context manager.

    Args:
        rules: Folder of the rules; accepting writes there.
        messages: What people wrote, in order.
        data_dir: Where vectors are kept.
        encoder: ``minilm``, ``mpnet``, ``hashing``, or a sentence-transformers model.
    """

    def __init__(self, rules: Path, messages: Sequence[Message], data_dir: Path, encoder: str = "minilm") -> None:
        settings = Settings(_env_file=None, rules_dir=rules, data_dir=data_dir, encoder=encoder)
        clock = SystemClock()
        self._bot = BotService(settings, clock)
        self._held = _Held(messages)
        self._desk = SuggestionDesk(self._held, settings, self._bot.trial, clock, self._bot.reload)

    async def __aenter__(self) -> Self:
        await self._bot.start(watch=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._bot.stop()

    async def refresh(self, *, days: float = 30.0, least: int = 5) -> dict[str, Any]:
        """Judge the messages by the rules of today and make suggestions of those that are not answered.

        Args:
            days: For the engine, which has messages of many days.
            least: Fewest messages of a group.
        """
        trial = self._bot.trial
        await trial.run(lambda: self._held.judge(trial.serving(), trial.matcher))
        return await self._desk.refresh(c.RefreshSuggestions(days=days, least=least))

    async def list(self, status: c.SuggestionStatus | None = None) -> list[c.SuggestionView]:
        """Suggestions, those that serve most customers first."""
        return await self._desk.listed(status)

    async def get(self, suggestion_id: str) -> c.SuggestionView:
        """One suggestion with its evidence."""
        return await self._desk.get(suggestion_id)

    async def diff(self, suggestion_id: str) -> c.SuggestionDiff:
        """What accepting it would write, and the revision to pass to accept."""
        return await self._desk.diff(suggestion_id)

    async def edit(
        self,
        suggestion_id: str,
        *,
        rule_id: str | None = None,
        description: str | None = None,
        action: Literal["reply", "handoff", "ignore"] | None = None,
        examples: Mapping[str, Sequence[str]] | None = None,
        replies: Mapping[str, str] | None = None,
    ) -> c.SuggestionView:
        """Change a suggestion before it is accepted."""
        given = {
            "rule_id": rule_id, "description": description, "action": action, "examples": examples, "replies": replies,
        }  # fmt: skip
        known = {name: value for name, value in given.items() if value is not None}
        return await self._desk.edit(c.EditSuggestion.model_validate({"suggestion_id": suggestion_id, **known}))

    async def accept(self, suggestion_id: str, **given: Any) -> c.CheckReport:
        """Write it into the rules; ``revision``, ``commit``, ``message``, ``force`` and ``evaluate`` as in the SDK."""
        return await self._desk.accept(c.AcceptSuggestion(suggestion_id=suggestion_id, **given))

    async def reject(self, suggestion_id: str, *, reason: str = "") -> c.SuggestionView:
        """Reject it; it does not come back."""
        return await self._desk.reject(c.RejectSuggestion(suggestion_id=suggestion_id, reason=reason))

    async def snooze(self, suggestion_id: str, *, days: float = 7.0, reason: str = "") -> c.SuggestionView:
        """Put it aside for some days."""
        return await self._desk.snooze(c.SnoozeSuggestion(suggestion_id=suggestion_id, days=days, reason=reason))

    async def reopen(self, suggestion_id: str) -> c.SuggestionView:
        """Take a rejection or a snooze back."""
        return await self._desk.reopen(c.ReopenSuggestion(suggestion_id=suggestion_id))


class _Held:
    """The :class:`waqtor.smartbot.suggestion_desk.LearningStore` in memory. Nobody judges decisions here."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = {f"m{n:06d}": message for n, message in enumerate(messages)}
        self._suggestions: dict[str, Suggestion] = {}
        self._unanswered: list[Recorded] = []
        self._answered: list[str] = []

    def judge(self, rules: RuleSet, matcher: Matcher) -> None:
        """Tell the messages that the rules answer from those that they do not; blocking."""
        self._unanswered, self._answered = [], []
        judged = matcher.messages([text for _, text in self._messages.values()])
        for (message_id, (sender, text)), message in zip(self._messages.items(), judged, strict=True):
            found = outcome(message, rules.scorer, rules) if rules.scorer is not None else None
            rule = rules.rules.get(found.rule) if found is not None else None
            if found is None or rule is None or found.score < rule.threshold[message.language]:
                self._unanswered.append(Recorded(message_id, "default", sender, text, "silent"))
            else:
                self._answered.append(text)

    async def all(self, statuses: Collection[str] | None = None) -> list[Suggestion]:
        found = sorted(self._suggestions.values(), key=lambda s: (-s.customers, -s.messages, s.id))
        return [s for s in found if statuses is None or s.status in statuses]

    async def get(self, suggestion_id: str) -> Suggestion | None:
        return self._suggestions.get(suggestion_id)

    async def save(self, changed: Sequence[Suggestion], *, gone: Sequence[str] = (), event: Any = None) -> None:
        self._suggestions.update((s.id, s) for s in changed)
        for suggestion_id in gone:
            self._suggestions.pop(suggestion_id, None)

    async def texts(self, message_ids: Sequence[str]) -> dict[str, str]:
        return {each: self._messages[each][1] for each in message_ids if each in self._messages}

    async def unanswered(self, since_us: int, limit: int = 20_000) -> tuple[list[Recorded], int, int]:
        return self._unanswered[:limit], len(self._messages), len(self._answered)

    async def answered(self, since_us: int, limit: int = SERVED) -> list[str]:
        return self._answered[-limit:]

    async def label(self, trace_id: str, *, right: bool, rule_id: str | None, note: str, by: str) -> c.LabelView | None:
        return None

    async def unlabel(self, trace_id: str) -> bool:
        return False

    async def labels(self, before: str | None = None, limit: int = 50) -> list[c.LabelView]:
        return []

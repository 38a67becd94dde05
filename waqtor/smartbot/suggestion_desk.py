"""The desk at which people work on suggestions: look again, list, edit, accept, reject, snooze, and judge decisions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from waqtor.contracts import learning as c
from waqtor.contracts.event_data import Candidate
from waqtor.contracts.events import Event
from waqtor.contracts.wire import iso
from waqtor.errors import Conflict, Forbidden, NotFound, RevisionConflict
from waqtor.kernel.clock import Clock
from waqtor.settings import Settings
from waqtor.smartbot import rules_git, suggestion_change
from waqtor.smartbot.rule_tests import run_cases
from waqtor.smartbot.suggestion_change import Change
from waqtor.smartbot.suggestion_effect import Traffic
from waqtor.smartbot.suggestion_run import Recorded, propose
from waqtor.smartbot.suggestions import Suggestion, SuggestionStore
from waqtor.smartbot.trial import Trial

DAY_US = 86_400_000_000


class LearningStore(SuggestionStore, Protocol):
    """Suggestions, the texts they point at, unanswered messages and labels."""

    async def texts(self, message_ids: Sequence[str]) -> dict[str, str]:
        """Texts of messages by id; those erased are missing."""
        ...

    async def unanswered(self, since_us: int, limit: int = 20_000) -> tuple[list[Recorded], int, int]:
        """Messages that were not answered or were judged; the total, and how many were answered."""
        ...

    async def answered(self, since_us: int, limit: int = 2000) -> list[str]:
        """Texts of the latest messages that a rule answered and nobody judged."""
        ...

    async def label(self, trace_id: str, *, right: bool, rule_id: str | None, note: str, by: str) -> c.LabelView | None:
        """Keep a judgement; ``None`` when there is no such decision."""
        ...

    async def unlabel(self, trace_id: str) -> bool:
        """Take a judgement back."""
        ...

    async def labels(self, before: str | None = None, limit: int = 50) -> list[c.LabelView]:
        """Judgements, those of the latest decisions first."""
        ...


class SuggestionDesk:
    """Work on suggestions; changes of the rules are one at a time.

    Args:
        store: Where suggestions and labels are.
        settings: Rules folder, encoder, thresholds.
        trial: Compiles rules and tries them aside from the serving ones.
        clock: UTC microseconds.
        reload: Has the bot take over the changed files.
    """

    def __init__(
        self,
        store: LearningStore,
        settings: Settings,
        trial: Trial,
        clock: Clock,
        reload: Callable[[], Awaitable[Any]],
    ) -> None:
        self._store = store
        self._settings = settings
        self._trial = trial
        self._clock = clock
        self._reload = reload
        self._lock = asyncio.Lock()

    @property
    def _folder(self) -> Path:
        return self._settings.rules_dir

    # --- looking

    async def refresh(self, command: c.RefreshSuggestions) -> dict[str, Any]:
        """Make suggestions of the messages of the last days; returns how many there are of each status.

        New ones are journaled as ``smartbot.suggestions-ready``, with the number of all that are open.
        """
        async with self._lock:
            now = self._clock.now_us()
            recorded, total, answered = await self._store.unanswered(now - int(command.days * DAY_US))
            served = await self._store.answered(now - int(command.days * DAY_US))
            held = await self._woken(now)
            run = await self._trial.run(
                lambda: propose(
                    self._trial.serving(),
                    self._trial.matcher,
                    recorded,
                    Traffic(total, answered, tuple(served)),
                    held=held,
                    least=command.least,
                    threshold=self._settings.bot_threshold,
                    light=self._trial.light,
                    now=now,
                )
            )
            known = {s.id for s in held}
            fresh = any(s.status == "open" and s.id not in known for s in run.suggestions)
            ready = {s.id for s in (*held, *run.suggestions) if s.status == "open"} - set(run.gone)
            event = Event("smartbot.suggestions-ready", "", {"count": len(ready)}) if fresh else None
            await self._store.save(run.suggestions, gone=run.gone, event=event)
        counts: dict[str, int] = {}
        for s in await self._store.all():
            counts[s.status] = counts.get(s.status, 0) + 1
        return {"messages": total, "answered": answered, "unanswered": len(recorded), "suggestions": counts}

    async def _woken(self, now: int) -> list[Suggestion]:
        held = await self._store.all()
        woken = [s for s in held if s.status == "snoozed" and s.snoozed_until is not None and s.snoozed_until <= now]
        for s in woken:
            s.status, s.snoozed_until, s.updated = "open", None, now
        if woken:
            await self._store.save(woken)
        return held

    async def listed(self, status: str | None = None) -> list[c.SuggestionView]:
        """Suggestions, those that serve most customers first."""
        found = await self._store.all({status} if status else None)
        wanted = [m for s in found for m in _shown(s, 3)]
        texts = await self._store.texts(sorted(set(wanted)))
        return [_view(s, texts, 3) for s in found]

    async def get(self, suggestion_id: str) -> c.SuggestionView:
        """One suggestion with all its evidence.

        Raises:
            NotFound: No such suggestion.
        """
        found = await self._found(suggestion_id)
        return _view(found, await self._store.texts(sorted(set(_shown(found)))))

    async def diff(self, suggestion_id: str) -> c.SuggestionDiff:
        """What accepting would write; errors as in :meth:`accept`."""
        found = await self._found(suggestion_id)
        change = await self._change(found)
        return c.SuggestionDiff(suggestion_id=found.id, file=change.file, diff=change.diff, revision=change.revision)

    async def _found(self, suggestion_id: str) -> Suggestion:
        found = await self._store.get(suggestion_id)
        if found is None:
            raise NotFound("There is no such suggestion.", suggestion_id=suggestion_id)
        return found

    async def _change(self, found: Suggestion) -> Change:
        texts = await self._store.texts(sorted({m for ids in found.examples.values() for m in ids}))
        return await self._trial.run(partial(suggestion_change.change_of, self._folder, found, _examples(found, texts)))

    # --- deciding

    async def edit(self, command: c.EditSuggestion) -> c.SuggestionView:
        """Change a suggestion before it is accepted.

        Raises:
            NotFound: No such suggestion.
            Conflict: It was accepted already.
        """
        found = self._changeable(await self._found(command.suggestion_id))
        if command.rule_id is not None:
            found.rule_id = command.rule_id
            found.kind = "extend" if command.rule_id in self._trial.rule_ids() else "new_rule"
        if command.description is not None:
            found.description = command.description
        if command.action is not None:
            found.action = command.action
        if command.examples is not None:
            found.texts = {name: list(phrases) for name, phrases in command.examples.items()}
        if command.replies is not None:
            found.replies = {name: text for name, text in command.replies.items() if text.strip()}
        found.edited = True
        return await self._put(found, "edited")

    async def accept(self, command: c.AcceptSuggestion) -> c.CheckReport:
        """Write a suggestion into the rules: check, tests, quick evaluation, file, commit.

        Raises:
            NotFound: No such suggestion.
            Conflict: Tests fail that passed before (and no ``force``), it cannot be committed, or it is done.
            RevisionConflict: The file is not the one that ``revision`` belongs to.
            InvalidInput: It is not complete.
            Forbidden: Rules are read-only.
        """
        if not self._settings.rules_writable:
            raise Forbidden("The rules are read-only here (rules_writable is off); change the files instead.")
        async with self._lock:
            found = self._changeable(await self._found(command.suggestion_id))
            change = await self._change(found)
            if command.revision is not None and command.revision != change.revision:
                raise RevisionConflict(
                    f"{change.file} changed since; look at the diff again.", revision=change.revision
                )
            if command.commit:
                await self._trial.run(partial(rules_git.require_clean, self._folder, change.file))
            passed, fresh_failures, failures = await self._tried(change)
            if fresh_failures and not command.force:
                raise Conflict(
                    f"{len(fresh_failures)} tests beside the rules would fail that pass now; the first: "
                    f"{fresh_failures[0]}",
                    failures=fresh_failures[:20],
                )
            accuracy: tuple[float | None, float | None] = (None, None)
            if command.evaluate:
                accuracy = await self._trial.run(partial(self._trial.accuracies, change.loaded))
            await self._trial.run(partial(suggestion_change.write, self._folder, change))
            found.status, found.kind, found.updated = "accepted", "extend", self._clock.now_us()
            try:
                if command.commit:
                    message = command.message.strip() or f"Answer more messages with {found.rule_id}"
                    found.commit = await self._trial.run(
                        partial(rules_git.commit_file, self._folder, change.file, message)
                    )
            finally:
                await self._put(found, "accepted")
                await self._reload()
        return c.CheckReport(
            suggestion_id=found.id, rule_id=found.rule_id, file=change.file, diff=change.diff,
            revision=change.loaded.revision, tests_passed=passed, tests_failed=len(failures),
            failures=tuple(failures[:20]), accuracy_before=accuracy[0], accuracy_after=accuracy[1], commit=found.commit,
        )  # fmt: skip

    async def _tried(self, change: Change) -> tuple[int, list[str], list[str]]:
        """Tests that pass with the change, those that fail because of it, and all that fail."""
        candidate = await self._trial.run(partial(self._trial.build, change.loaded))
        serving = self._trial.serving()
        after = await run_cases(change.loaded.cases, partial(self._trial.test, candidate))
        failing = [r for r in after if r.fault]
        before = await run_cases([r.case for r in failing], partial(self._trial.test, serving))
        fresh = [str(r) for r, was in zip(failing, before, strict=True) if not was.fault]
        return len(after) - len(failing), fresh, [str(r) for r in failing]

    async def reject(self, command: c.RejectSuggestion) -> c.SuggestionView:
        """Reject a suggestion for good; errors as in :meth:`edit`."""
        found = self._changeable(await self._found(command.suggestion_id))
        found.status, found.reason, found.snoozed_until = "rejected", command.reason, None
        return await self._put(found, "rejected")

    async def snooze(self, command: c.SnoozeSuggestion) -> c.SuggestionView:
        """Put a suggestion aside; errors as in :meth:`edit`."""
        found = self._changeable(await self._found(command.suggestion_id))
        found.status, found.reason = "snoozed", command.reason
        found.snoozed_until = self._clock.now_us() + int(command.days * DAY_US)
        return await self._put(found, "snoozed")

    async def reopen(self, command: c.ReopenSuggestion) -> c.SuggestionView:
        """Take a rejection or a snooze back; errors as in :meth:`edit`."""
        found = self._changeable(await self._found(command.suggestion_id))
        found.status, found.reason, found.snoozed_until = "open", "", None
        return await self._put(found, "reopened")

    def _changeable(self, found: Suggestion) -> Suggestion:
        if found.status == "accepted":
            raise Conflict("This suggestion was accepted already.", suggestion_id=found.id)
        return found

    async def _put(self, found: Suggestion, change: str) -> c.SuggestionView:
        found.updated = self._clock.now_us()
        data = c.SuggestionUpdated(
            suggestion_id=found.id,
            change=change,
            rule_id=found.rule_id,
            reason=found.reason,
            commit=found.commit,
        )
        await self._store.save([found], event=Event("smartbot.suggestion-updated", "", data.model_dump(mode="json")))
        return await self.get(found.id)

    # --- judging decisions

    async def label(self, command: c.LabelDecision, by: str = "") -> c.LabelView:
        """Keep a person's judgement of a decision.

        Raises:
            NotFound: No such decision.
        """
        made = await self._store.label(
            command.trace_id, right=command.right, rule_id=command.rule_id, note=command.note, by=by
        )
        if made is None:
            raise NotFound("There is no such decision.")
        return made

    async def unlabel(self, command: c.UnlabelDecision) -> dict[str, Any]:
        """Take a judgement back."""
        return {"trace_id": command.trace_id, "removed": await self._store.unlabel(command.trace_id)}

    async def labels(self, before: str | None = None, limit: int = 50) -> list[c.LabelView]:
        """Judgements, those of the latest decisions first."""
        return await self._store.labels(before, limit)

    def handlers(self) -> Mapping[type, Callable[[Any], Awaitable[Any]]]:
        """What carries out each command."""
        return {
            c.RefreshSuggestions: self.refresh, c.EditSuggestion: self.edit, c.AcceptSuggestion: self.accept,
            c.RejectSuggestion: self.reject, c.SnoozeSuggestion: self.snooze, c.ReopenSuggestion: self.reopen,
            c.LabelDecision: self.label, c.UnlabelDecision: self.unlabel,
        }  # fmt: skip


def _shown(s: Suggestion, most: int | None = None) -> list[str]:
    return [e["message_id"] for e in s.evidence[:most]] + [m for ids in s.examples.values() for m in ids]


def _examples(s: Suggestion, texts: Mapping[str, str]) -> dict[str, list[str]]:
    if s.texts is not None:
        return {name: list(phrases) for name, phrases in s.texts.items()}
    return {
        name: list(dict.fromkeys(" ".join(texts[m].split())[:1000] for m in ids if m in texts))
        for name, ids in s.examples.items()
    }


def _view(s: Suggestion, texts: Mapping[str, str], most: int | None = None) -> c.SuggestionView:
    return c.SuggestionView(
        id=s.id, kind=s.kind, status=s.status, title=s.title, language=s.language, words=s.words, rule_id=s.rule_id,
        description=s.description, action=s.action, examples=_examples(s, texts), replies=s.replies,
        messages=s.messages, customers=s.customers, corrected=s.corrected,
        evidence=tuple(c.SuggestionEvidence(text=texts.get(e["message_id"]), **e) for e in s.evidence[:most]),
        nearest=tuple(Candidate(**n) for n in s.nearest),
        effect=c.SuggestionEffect(**s.effect) if s.effect else None, edited=s.edited, reason=s.reason,
        snoozed_until=iso(s.snoozed_until) if s.snoozed_until else None, created=iso(s.created),
        updated=iso(s.updated), commit=s.commit,
    )  # fmt: skip

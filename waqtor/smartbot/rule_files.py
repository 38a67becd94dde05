"""The rule files as text: read, checked while somebody edits, saved when nothing changed underneath, and their past.

Everything blocks and is handed to the thread that builds rules, so that a save and a reload never cross.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from waqtor.contracts.workbench import (
    RuleCommit,
    RuleFileInfo,
    RuleFileView,
    RuleIssue,
    RuleSpan,
    SaveRuleFile,
)
from waqtor.errors import Forbidden, InvalidInput, NotFound, RevisionConflict
from waqtor.smartbot.compiler import refuse
from waqtor.smartbot.rules_check import check
from waqtor.smartbot.rules_edit import write_atomically
from waqtor.smartbot.rules_git import changes_of, commit_file, commits_of, require_clean
from waqtor.smartbot.rules_io import Loaded, is_test_file, load_folder, load_texts, read_texts
from waqtor.smartbot.yaml_tree import Issue

T = TypeVar("T")


class RuleFiles:
    """Reads and writes the files of the rules folder.

    Args:
        folder: Where they are.
        writable: Whether they may be written.
        run: Runs blocking work off the event loop.
        reload: Takes the files over; returns after the rules serve.
        live: Gives the revision of the rules that serve.
    """

    def __init__(
        self,
        folder: Path,
        *,
        writable: bool,
        run: Callable[[Callable[[], Any]], Awaitable[Any]],
        reload: Callable[[], Awaitable[bool]],
        live: Callable[[], str],
    ) -> None:
        self._folder = folder
        self._writable = writable
        self._run = run
        self._reload = reload
        self._live = live

    def handlers(self) -> dict[type, Callable[[Any], Awaitable[Any]]]:
        """The commands that it carries out."""
        return {SaveRuleFile: self.save}

    async def listed(self) -> list[RuleFileInfo]:
        """Return the files in the order of their names."""
        found: list[RuleFileInfo] = await self._run(self._listed)
        return found

    async def get(self, name: str) -> RuleFileView:
        """Return a file with its rules' places and its issues.

        Raises:
            NotFound: No such file.
        """
        view: RuleFileView = await self._run(lambda: self._viewed(load_folder(self._folder), name))
        return view

    async def checked(self, name: str, text: str) -> RuleFileView:
        """Return what is wrong with a file as it is being edited, beside the others as they are; nothing is written."""
        view: RuleFileView = await self._run(lambda: self._viewed(self._with(name, text)[1], name))
        return view

    async def save(self, command: SaveRuleFile) -> RuleFileView:
        """Write a file and have it serve.

        Raises:
            Forbidden: Rules are read-only.
            RevisionConflict: The file changed since it was read.
            RuleFileError: It has errors; nothing was written.
            Conflict: A commit is wanted and git refuses.
        """
        commit = await self._run(lambda: self._save(command))
        await self._reload()
        view = await self.get(command.name)
        return view.model_copy(update={"commit": commit})

    async def commits(self, name: str, limit: int = 50) -> list[RuleCommit]:
        """Return the commits that touched a file, the latest first.

        Raises:
            Conflict: The rules are in no git repository.
        """
        found: list[RuleCommit] = await self._run(lambda: commits_of(self._folder, name, limit))
        return found

    async def changes(self, name: str, ref: str = "") -> str:
        """Return what a commit changed in a file as a diff; without ``ref`` what is not committed yet."""
        found: str = await self._run(lambda: changes_of(self._folder, name, ref))
        return found

    def _listed(self) -> list[RuleFileInfo]:
        loaded = check(load_folder(self._folder), near=False)
        counts = {file.name: len(file.content.rules) for file in loaded.files}
        return [
            RuleFileInfo(
                name=name,
                revision=text_revision(text),
                rules=counts.get(name, 0),
                cases=sum(case.file == name for case in loaded.cases),
                errors=sum(issue.file == name for issue in loaded.errors),
            )
            for name, text in sorted(loaded.texts.items())
        ]

    def _viewed(self, loaded: Loaded, name: str) -> RuleFileView:
        text = loaded.texts.get(name)
        if text is None:
            raise NotFound(f"There is no rule file {name!r}.")
        issues = sorted(check(loaded, near=False).issues)
        return RuleFileView(
            name=name,
            text=text,
            revision=text_revision(text),
            rules=tuple(_spans(loaded, name)),
            issues=tuple(_shown(issue) for issue in issues if issue.file == name)[:200],
            live=self._live(),
        )

    def _with(self, name: str, text: str) -> tuple[Mapping[str, str], Loaded]:
        texts, _ = read_texts(self._folder)
        return texts, load_texts({**texts, name: text})

    def _save(self, command: SaveRuleFile) -> str | None:
        if not self._writable:
            raise Forbidden("The rules are read-only here (rules_writable is off); change the files instead.")
        name = command.name
        path = self._folder / name
        if not path.resolve().is_relative_to(self._folder.resolve()):
            raise InvalidInput(f"{name} leads out of the rules folder.")
        text = command.text.replace("\r\n", "\n").rstrip("\n") + "\n"
        texts, after = self._with(name, text)
        self._unchanged(texts, command)
        before = check(load_texts(texts), near=False)
        known = {str(issue) for issue in before.errors if issue.file != name}
        check(after, near=False)
        after.issues = [issue for issue in after.issues if issue.warning or str(issue) not in known]
        if is_test_file(name) and (wrong := [issue for issue in after.errors if issue.file == name]):
            raise InvalidInput(str(wrong[0]), issues=[_shown(issue).model_dump() for issue in wrong[:50]])
        refuse(after)
        if command.commit:
            require_clean(self._folder, name)
        self._unchanged(read_texts(self._folder)[0], command)
        write_atomically(path, text)
        if not command.commit:
            return None
        return commit_file(self._folder, name, command.message.strip() or f"Change {name}")

    def _unchanged(self, texts: Mapping[str, str], command: SaveRuleFile) -> None:
        held = texts.get(command.name)
        now = text_revision(held) if held is not None else ""
        if command.revision is not None and command.revision.strip('"') != now:
            raise RevisionConflict(f"{command.name} has changed since; read it again.", revision=now)


def text_revision(text: str) -> str:
    """Return the hash of a file's text, 12 hex digits."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def _shown(issue: Issue) -> RuleIssue:
    return RuleIssue(
        file=issue.file, line=issue.line, column=issue.column, message=issue.message, warning=issue.warning
    )


def _spans(loaded: Loaded, name: str) -> list[RuleSpan]:
    items = sorted((item for item in loaded.rules if item.file.name == name), key=lambda item: item.line)
    lines = loaded.texts[name].splitlines()
    spans = []
    for i, item in enumerate(items):
        end = items[i + 1].line - 1 if i + 1 < len(items) else _after_rules(lines, item.line)
        while end > item.line and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
            end -= 1
        spans.append(RuleSpan(id=item.rule.id, line=item.line, end_line=end, enabled=item.rule.enabled))
    return spans


def _after_rules(lines: list[str], begin: int) -> int:
    """The last line before another key of the file begins."""
    for i in range(begin, len(lines)):
        if lines[i] and not lines[i][0].isspace() and not lines[i].startswith(("-", "#")):
            return i
    return len(lines)

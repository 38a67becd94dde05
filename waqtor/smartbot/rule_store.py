"""The rules as files that people and programs change: views of them, and guarded writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from waqtor.contracts.rules import Rule
from waqtor.contracts.views import RuleView
from waqtor.errors import Conflict, Forbidden, InvalidInput, NotFound, RevisionConflict, RuleFileError
from waqtor.smartbot.compiler import refuse
from waqtor.smartbot.rules_check import check
from waqtor.smartbot.rules_edit import CUSTOM, add_rule, delete_rule, plain, replace_rule, write_atomically
from waqtor.smartbot.rules_io import Loaded, LoadedRule, load_folder, load_texts, read_texts


class RuleStore:
    """Reads and writes the rule files of a folder. Writing blocks; one writer at a time.

    Args:
        folder: Where the files are.
        writable: Whether programs may change them.
    """

    def __init__(self, folder: Path, *, writable: bool = True) -> None:
        self._folder = folder
        self._writable = writable
        self.last_view: RuleView | None = None

    def views(self, loaded: Loaded) -> list[RuleView]:
        """Return all rules, by file and line."""
        return [_view(item) for item in loaded.rules]

    def view(self, loaded: Loaded, rule_id: str) -> RuleView:
        """Return one rule.

        Raises:
            NotFound: No such rule.
        """
        return _view(_find(loaded, rule_id))

    def create(self, rule: Rule | Mapping[str, Any]) -> str:
        """Append a rule to :data:`CUSTOM` and return its id; errors as in the service."""
        self._may_write()
        fresh = as_rule(rule)
        loaded = load_folder(self._folder)
        if any(item.rule.id == fresh.id for item in loaded.rules):
            raise Conflict(f"There is a rule {fresh.id!r} already.", rule_id=fresh.id)
        self._put(loaded, CUSTOM, add_rule(loaded.texts.get(CUSTOM, ""), fresh), fresh.id)
        return fresh.id

    def update(self, rule_id: str, rule: Rule | Mapping[str, Any], revision: str | None) -> str:
        """Replace a rule where it stands and return its id; errors as in the service."""
        self._may_write()
        content = dict(rule) if isinstance(rule, Mapping) else rule
        if isinstance(content, dict):
            content.setdefault("id", rule_id)
        fresh = as_rule(content)
        if fresh.id != rule_id:
            raise InvalidInput(f"The rule's id {fresh.id!r} differs from the one addressed, {rule_id!r}.")
        loaded = load_folder(self._folder)
        item = self._guarded(loaded, rule_id, revision)
        self._put(loaded, item.file.name, replace_rule(loaded.texts[item.file.name], rule_id, fresh), rule_id)
        return rule_id

    def delete(self, rule_id: str, revision: str | None) -> str:
        """Remove a rule and return its id; errors as in the service."""
        self._may_write()
        loaded = load_folder(self._folder)
        item = self._guarded(loaded, rule_id, revision)
        view = _view(item)
        self._put(loaded, item.file.name, delete_rule(loaded.texts[item.file.name], rule_id), None)
        self.last_view = view
        return rule_id

    def _may_write(self) -> None:
        if not self._writable:
            raise Forbidden("The rules are read-only here (rules_writable is off); change the files instead.")

    def _guarded(self, loaded: Loaded, rule_id: str, revision: str | None) -> LoadedRule:
        item = _find(loaded, rule_id)
        if revision is not None and revision.strip('"') not in (item.revision, loaded.revision, "*"):
            raise RevisionConflict(
                f"The rule {rule_id!r} has changed since; read it again.", rule_id=rule_id, revision=item.revision
            )
        return item

    def _put(self, before: Loaded, name: str, text: str, rule_id: str | None) -> None:
        """Write one file after all of them together, with the change, have passed the checks."""
        texts = {**before.texts, name: text}
        after = check(load_texts(texts), near=False)
        known = {str(issue) for issue in check(before, near=False).errors}
        after.issues = [
            issue for issue in after.issues if issue.warning or str(issue) not in known or issue.file == name
        ]
        refuse(after)
        current, _ = read_texts(self._folder)
        if current.get(name) != before.texts.get(name):
            raise RevisionConflict(f"{name} was changed by somebody else at the same moment; try again.")
        write_atomically(self._folder / name, text)
        self.last_view = self.view(after, rule_id) if rule_id is not None else None


def as_rule(rule: Rule | Mapping[str, Any]) -> Rule:
    """Validate a rule given as data.

    Raises:
        RuleFileError: It does not fit the model; ``details['issues']`` say where.
    """
    if isinstance(rule, Rule):
        return rule
    try:
        return Rule.model_validate(dict(rule))
    except ValidationError as error:
        issues = [
            {"field": ".".join(map(str, e["loc"])), "message": e["msg"].removeprefix("Value error, ")}
            for e in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        first = issues[0]
        raise RuleFileError(f"{first['field'] or 'rule'}: {first['message']}", issues=issues[:50]) from error


def _find(loaded: Loaded, rule_id: str) -> LoadedRule:
    for item in loaded.rules:
        if item.rule.id == rule_id:
            return item
    raise NotFound(f"There is no rule {rule_id!r}.", rule_id=rule_id)


def _view(item: LoadedRule) -> RuleView:
    rule = item.rule
    return RuleView(
        id=rule.id,
        file=item.file.name,
        line=item.line,
        revision=item.revision,
        enabled=rule.enabled,
        action=rule.action,
        description=rule.description,
        rule={"id": rule.id, **plain(rule)},
    )

"""Reading a folder of rule files: models with their places, every fault as ``file:line:column``, and a revision.

``rules/**/*.yaml`` are rules, ``*.tests.yaml`` beside them are their test cases. Files whose name begins with a
dot are left out. The revision is a hash of names and contents: equal rules, equal revision, on any machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from waqtor.contracts.rules import Rule, RuleCase, RuleCaseFile, RuleFile
from waqtor.smartbot.yaml_tree import Issue, Tree, parse

MAX_FILES = 2000
_UNION_TAGS = ("function-", "tuple[", "dict[", "constrained-", "float", "str")

Parsed = TypeVar("Parsed", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """A rule file: ``name`` is its path inside the folder, with ``/``."""

    name: str
    content: RuleFile
    tree: Tree


@dataclass(frozen=True, slots=True)
class LoadedRule:
    """A rule, where it stands, and the hash of what it says."""

    rule: Rule
    file: LoadedFile
    number: int

    @property
    def line(self) -> int:
        """Line of the rule in its file."""
        return self.file.tree.place(("rules", self.number))[0]

    @property
    def revision(self) -> str:
        """Hash of the rule's content; changes when the rule changes."""
        return hashlib.sha256(self.rule.model_dump_json().encode("utf-8", "replace")).hexdigest()[:12]

    def issue(self, path: tuple[str | int, ...], message: str, *, warning: bool = False) -> Issue:
        """Return an issue at a place inside the rule."""
        return self.file.tree.issue(("rules", self.number, *path), message, warning=warning)


@dataclass(frozen=True, slots=True)
class LoadedCase:
    """A test case and where it stands."""

    case: RuleCase
    file: str
    line: int


@dataclass(slots=True)
class Loaded:
    """A folder as it was read; usable when :attr:`errors` is empty."""

    files: list[LoadedFile] = field(default_factory=list)
    rules: list[LoadedRule] = field(default_factory=list)
    cases: list[LoadedCase] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    revision: str = ""
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def errors(self) -> list[Issue]:
        """The issues that stop loading."""
        return sorted(issue for issue in self.issues if not issue.warning)

    @property
    def refusals(self) -> list[Issue]:
        """The errors in rule files; those in test files stop no rule from serving."""
        return [issue for issue in self.errors if not is_test_file(issue.file)]

    @property
    def warnings(self) -> list[Issue]:
        """The issues that do not."""
        return sorted(issue for issue in self.issues if issue.warning)


def is_test_file(name: str) -> bool:
    """Tell whether a file holds test cases."""
    return name.endswith((".tests.yaml", ".tests.yml"))


def read_texts(folder: Path) -> tuple[dict[str, str], list[Issue]]:
    """Read every YAML file under ``folder``: name → text, and what could not be read."""
    texts: dict[str, str] = {}
    issues: list[Issue] = []
    root = folder.resolve()
    names = sorted(p for kind in ("*.yaml", "*.yml") for p in folder.rglob(kind)) if folder.is_dir() else []
    for path in names[:MAX_FILES]:
        name = path.relative_to(folder).as_posix()
        if any(part.startswith(".") for part in Path(name).parts) or not path.is_file():
            continue
        if not path.resolve().is_relative_to(root):
            issues.append(Issue(name, 1, 1, "leads out of the rules folder"))
            continue
        try:
            texts[name] = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            issues.append(Issue(name, 1, 1, f"not UTF-8 at byte {error.start}"))
        except OSError as error:
            issues.append(Issue(name, 1, 1, f"cannot be read: {error.strerror}"))
    if not folder.is_dir():
        issues.append(Issue(str(folder), 1, 1, "there is no such folder"))
    elif len(names) > MAX_FILES:
        issues.append(Issue(str(folder), 1, 1, f"more than {MAX_FILES} files"))
    return texts, issues


def load_texts(texts: Mapping[str, str]) -> Loaded:
    """Parse and validate the files of a folder, given as name → text."""
    loaded = Loaded(revision=revision_of(texts), texts=dict(texts))
    for name in sorted(texts):
        if is_test_file(name):
            tree, cases = _parsed_cases(name, texts[name])
            loaded.issues += tree.issues
            if cases is not None:
                loaded.cases += [
                    LoadedCase(case, name, tree.place(("tests", i))[0]) for i, case in enumerate(cases.tests)
                ]
            continue
        tree, content = _parsed_rules(name, texts[name])
        loaded.issues += tree.issues
        if content is not None:
            file = LoadedFile(name, content, tree)
            loaded.files.append(file)
            loaded.rules += [LoadedRule(rule, file, i) for i, rule in enumerate(content.rules)]
    _duplicate_ids(loaded)
    return loaded


def load_folder(folder: Path) -> Loaded:
    """Read, parse and validate a folder; see :func:`load_texts`. Semantic checks are in ``rules_check``."""
    texts, issues = read_texts(folder)
    loaded = load_texts(texts)
    loaded.issues += issues
    return loaded


def revision_of(texts: Mapping[str, str]) -> str:
    """Return the revision of rule files (test files do not count), 12 hex digits."""
    digest = hashlib.sha256()
    for name in sorted(texts):
        if not is_test_file(name):
            content = hashlib.sha256(texts[name].encode("utf-8", "replace")).hexdigest()
            digest.update(f"{name}\0{content}\n".encode())
    return digest.hexdigest()[:12]


@lru_cache(maxsize=512)
def _parsed_rules(name: str, text: str) -> tuple[Tree, RuleFile | None]:
    return _validated(name, text, RuleFile)


@lru_cache(maxsize=512)
def _parsed_cases(name: str, text: str) -> tuple[Tree, RuleCaseFile | None]:
    return _validated(name, text, RuleCaseFile)


def _validated(name: str, text: str, model: type[Parsed]) -> tuple[Tree, Parsed | None]:
    tree = parse(text, name)
    if tree.data is None:
        return tree, None
    if not isinstance(tree.data, dict):
        tree.issues.append(Issue(name, 1, 1, "the file must be a mapping with 'version: 1'"))
        return tree, None
    try:
        found = model.model_validate(tree.data)
    except ValidationError as error:
        tree.issues += model_issues(tree, error)
        return tree, None
    return tree, found if not tree.issues else None


def model_issues(tree: Tree, error: ValidationError) -> list[Issue]:
    """Return a model's errors as issues at their places; several at one place (unions) become one."""
    known = {(issue.line, issue.column) for issue in tree.issues}
    found: dict[tuple[int, int], Issue] = {}
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        steps = [step for step in detail["loc"] if not (isinstance(step, str) and step.startswith(_UNION_TAGS))]
        place = tree.place(steps)
        message = detail["msg"].removeprefix("Value error, ")
        shown = ".".join(str(step) for step in steps)
        if place not in known and place not in found:
            found[place] = Issue(tree.file, *place, f"{shown}: {message}" if shown else message)
    return list(found.values())


def _duplicate_ids(loaded: Loaded) -> None:
    first: dict[str, LoadedRule] = {}
    for item in loaded.rules:
        earlier = first.setdefault(item.rule.id, item)
        if earlier is not item:
            loaded.issues.append(
                item.issue(("id",), f"the id {item.rule.id!r} is taken by {earlier.file.name}:{earlier.line}")
            )


def issue_details(issues: list[Issue]) -> list[dict[str, Any]]:
    """Return issues as JSON-serialisable facts, for error bodies."""
    return [
        {"file": i.file, "line": i.line, "column": i.column, "message": i.message, "warning": i.warning} for i in issues
    ]

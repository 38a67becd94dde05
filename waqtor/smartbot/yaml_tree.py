"""YAML text to plain data with the line and column of every value, refusing what is read differently elsewhere.

YAML 1.1 readers turn ``no``, ``on``, ``012``, ``12:30`` and dates into something else than text. Where the rule
files want text such a value has to be quoted. Duplicate keys, tags and merge keys are refused, and a file cannot
grow by aliases.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_BYTES = 2_000_000
MAX_NODES = 200_000

_TRAP = re.compile(
    r"(?:y|yes|n|no|on|off|true|false|null|~)|[-+]?0[0-7_]+|[-+]?0[xob][0-9a-f_]+|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+"
    r"|[-+]?(?:[0-9][0-9_,]*)?\.?[0-9][0-9_]*(?:e[-+]?[0-9]+)?|[-+]?\.(?:inf|nan)"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?",
    re.IGNORECASE,
)
_NOT_TEXT = frozenset({"enabled", "weight", "version", "threshold", "groups"})
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "null", "map", "seq", "timestamp"))

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Issue:
    """Something wrong at a place; ``warning`` does not stop loading."""

    file: str
    line: int
    column: int
    message: str
    warning: bool = False

    def __str__(self) -> str:
        kind = "warning: " if self.warning else ""
        return f"{self.file}:{self.line}:{self.column}: {kind}{self.message}"


@dataclass(slots=True)
class Tree:
    """A parsed file: its data and where each value and key stands (1-based line and column)."""

    file: str
    data: Any = None
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)

    def place(self, path: Sequence[str | int]) -> tuple[int, int]:
        """Return where ``path`` stands, or the nearest thing above it; tags of unions in it are skipped."""
        at: Path = ()
        for step in path:
            if (*at, step) in self.places:
                at = (*at, step)
        return self.places.get(at, (1, 1))

    def issue(self, path: Sequence[str | int], message: str, *, warning: bool = False) -> Issue:
        """Return an issue at ``path``."""
        return Issue(self.file, *self.place(path), message, warning)


def parse(text: str, file: str, *, lenient: bool = False) -> Tree:
    """Parse a file; whatever is wrong is in :attr:`Tree.issues`, never raised.

    Args:
        text: Its content.
        file: Its name, for the issues.
        lenient: Take every value but null as text, whatever other YAML readers take it for.
    """
    tree = Tree(file)
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        tree.issues.append(Issue(file, 1, 1, f"larger than {MAX_BYTES} bytes; split the file by topic"))
        return tree
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        tree.issues.append(Issue(file, line, column, f"not YAML: {error.problem or error.context}"))
        return tree
    except (YAMLError, ValueError, RecursionError) as error:
        tree.issues.append(Issue(file, 1, 1, f"not YAML: {str(error).splitlines()[0][:200] or type(error).__name__}"))
        return tree
    if root is None:
        tree.issues.append(Issue(file, 1, 1, "the file is empty; begin with 'version: 1'"))
        return tree
    try:
        tree.data = _Reader(tree, lenient).read(root, (), 0)
    except _TooBig as error:
        tree.issues.append(Issue(file, 1, 1, str(error)))
    return tree


class _TooBig(Exception):
    pass


class _Reader:
    def __init__(self, tree: Tree, lenient: bool) -> None:
        self._tree = tree
        self._lenient = lenient
        self._nodes = 0

    def read(self, node: Node, path: Path, depth: int) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _TooBig(f"more than {MAX_NODES} values (by aliases?)")
        if depth > 40:
            raise _TooBig("nested more than 40 deep")
        self._tree.places.setdefault(path, _start(node))
        if str(node.tag) not in _PLAIN_TAGS:
            self._report(node, f"tags such as {node.tag} are not allowed")
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, SequenceNode):
            return [self.read(child, (*path, i), depth + 1) for i, child in enumerate(node.value)]
        return self._scalar(node, path) if isinstance(node, ScalarNode) else None

    def _mapping(self, node: MappingNode, path: Path, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self._report(key, "a key must be plain text")
                continue
            name = str(key.value)
            if name == "<<":
                self._report(key, "merge keys are not supported; write the values out")
                continue
            if name in found:
                line, _ = self._tree.places[(*path, name)]
                self._report(key, f"the key {name!r} stands here a second time (first in line {line})")
                continue
            self._tree.places[(*path, name)] = _start(value) if isinstance(value, ScalarNode) else _start(key)
            found[name] = self.read(value, (*path, name), depth + 1)
        return found

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        text = str(node.value)
        tag = str(node.tag).removeprefix(_TAG)
        if self._lenient:
            return None if tag == "null" and node.style is None else text
        if node.style is None and _wants_text(path) and (tag not in ("str",) or _TRAP.fullmatch(text)):
            if text or tag != "null":
                self._report(node, f"{text} is read as something else than text by YAML readers; quote it: '{text}'")
            elif isinstance(path[-1], int):
                self._report(node, "an empty item; remove it or quote it")
            else:
                return None
            return text
        return _value(tag, text)

    def _report(self, node: Node, message: str) -> None:
        self._tree.issues.append(Issue(self._tree.file, *_start(node), message))


def _start(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _wants_text(path: Path) -> bool:
    names = [step for step in path if isinstance(step, str)]
    if not names or names[-1] in _NOT_TEXT or "threshold" in names:
        return False
    return not (path[:1] == ("tests",) and names[-1] in ("rule", "lang", "reply_contains"))


def _value(tag: str, text: str) -> Any:
    if tag == "null":
        return None
    if tag == "bool":
        return text.lower() == "true"
    if tag in ("int", "float"):
        try:
            return int(text.replace("_", ""), 0 if not text.lstrip("+-").startswith("0") or len(text) < 2 else 10)
        except ValueError:
            try:
                return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
            except ValueError:
                return text
    return text

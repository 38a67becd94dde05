"""Rule files from what other tools keep: JSONL, CSV, Rasa NLU YAML, and JSON with keywords and responses.

What comes out are rules with examples. Replies are taken over where the source holds them; elsewhere a placeholder
says which answer is to be written.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from waqtor.contracts.rules import Reply, Rule
from waqtor.errors import InvalidInput
from waqtor.smartbot.normalise import visible
from waqtor.smartbot.rules_edit import HEADER, format_text, round_trip
from waqtor.smartbot.rules_edit import plain as plain_rule
from waqtor.smartbot.samples import Sample, language_of, read_samples, rule_ids, rules_of

Format = Literal["auto", "jsonl", "csv", "rasa", "json"]
MAX_BYTES = 50_000_000
_TEXT_COLUMNS = ("text", "message", "utterance", "sentence", "query", "example", "question")
_LABEL_COLUMNS = ("label", "intent", "category", "rule", "class", "tag")
_LANG_COLUMNS = ("lang", "language", "locale")
_REPLY_COLUMNS = ("reply", "answer", "response")
_ENTITY = re.compile(r"\[([^\[\]]*)\](?:\([^()]*\)|\{[^{}]*\})")
_BULLET = re.compile(r"^\s*[-*]\s+")


def import_rules(path: Path, kind: Format = "auto") -> list[Rule]:
    """Read a file of another tool and return its rules.

    Args:
        path: The file.
        kind: What it is; ``auto`` goes by the name.

    Raises:
        InvalidInput: It cannot be read or holds nothing of use; the message says where.
    """
    found = _kind(path) if kind == "auto" else kind
    if found == "jsonl":
        samples = read_samples(path)
        return _some(rules_of(samples), path)
    text = _read(path)
    if found == "csv":
        return _some(_from_csv(text, path), path)
    if found == "rasa":
        return _some(_from_rasa(text, path), path)
    return _some(_from_json(text, path), path)


def rules_text(rules: Sequence[Rule], source: str) -> str:
    """Return rules as a rule file in canonical form."""
    out = io.StringIO()
    round_trip().dump({"rules": [plain_rule(rule) for rule in rules]}, out)
    note = f"# Imported from {source}. Write the replies that are still placeholders.\n"
    return format_text(HEADER.removesuffix("rules:\n").replace("version: 1", f"{note}version: 1") + out.getvalue())


def _kind(path: Path) -> Format:
    suffix = path.suffix.lower()
    known: dict[str, Format] = {
        ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv", ".yml": "rasa", ".yaml": "rasa",
        ".json": "json",
    }  # fmt: skip
    if suffix not in known:
        raise InvalidInput(f"{path}: what is it? Say --format jsonl, csv, rasa or json.")
    return known[suffix]


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
        if len(data) > MAX_BYTES:
            raise InvalidInput(f"{path} is larger than {MAX_BYTES} bytes.")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 at byte {error.start}.") from error


def _some(rules: list[Rule], path: Path) -> list[Rule]:
    if not rules:
        raise InvalidInput(f"{path} holds no examples.")
    return rules


def _from_csv(text: str, path: Path) -> list[Rule]:
    try:
        dialect: Any = csv.Sniffer().sniff(text[:20_000], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    try:
        rows = [row for row in csv.reader(io.StringIO(text), dialect) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InvalidInput(f"{path}: not CSV ({error}).") from error
    if not rows:
        return []
    header = [cell.strip().lower() for cell in rows[0]]
    at = {name: _column(header, names) for name, names in _COLUMNS.items()}
    if at["text"] is None or at["label"] is None:
        if len(rows[0]) != 2:
            raise InvalidInput(f'{path}:1: the header needs the columns "text" and "label" (or "intent", "category").')
        at, rows = {"text": 0, "label": 1, "lang": None, "reply": None}, [header, *rows]
    samples: list[Sample] = []
    replies: dict[str, str] = {}
    for row in rows[1:]:
        cell = {name: row[i].strip() if i is not None and i < len(row) else "" for name, i in at.items()}
        if cell["text"]:
            label = cell["label"] or None
            samples.append(Sample(cell["text"], label, cell["lang"]))
            if label and cell["reply"]:
                replies.setdefault(label, _without_braces(cell["reply"]))
    return rules_of(samples, replies=replies)


_COLUMNS = {"text": _TEXT_COLUMNS, "label": _LABEL_COLUMNS, "lang": _LANG_COLUMNS, "reply": _REPLY_COLUMNS}


def _column(header: Sequence[str], names: Sequence[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _from_rasa(text: str, path: Path) -> list[Rule]:
    """Rasa's ``nlu:`` intents with examples (entities are unmarked), and ``responses:`` named ``utter_<intent>``."""
    try:
        data = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{path}: not YAML ({str(error).splitlines()[0][:120]}).") from error
    items = data.get("nlu") if isinstance(data, Mapping) else None
    if not isinstance(items, list):
        raise InvalidInput(f'{path}: no list "nlu:" in it.')
    samples: list[Sample] = []
    for item in items:
        if isinstance(item, Mapping) and isinstance(item.get("intent"), str):
            label = None if item["intent"] in ("nlu_fallback", "out_of_scope") else item["intent"]
            samples += [Sample(phrase, label) for phrase in _rasa_examples(item.get("examples"))]
    replies: dict[str, str] = {}
    responses = data.get("responses")
    for name, variants in (responses if isinstance(responses, Mapping) else {}).items():
        texts = [v["text"] for v in variants or () if isinstance(v, Mapping) and isinstance(v.get("text"), str)]
        if texts:
            replies[str(name).removeprefix("utter_")] = _without_braces(texts[0])
    return rules_of(samples, replies=replies)


def _rasa_examples(value: Any) -> list[str]:
    if isinstance(value, str):
        lines = [_BULLET.sub("", line).strip() for line in value.splitlines() if _BULLET.match(line)]
    elif isinstance(value, list):
        found = [v.get("text") if isinstance(v, Mapping) else v for v in value]
        lines = [_BULLET.sub("", v).strip() for v in found if isinstance(v, str)]
    else:
        return []
    return [_ENTITY.sub(r"\1", line) for line in lines if line]


def _without_braces(text: str) -> str:
    """A reply of another tool holds no variables of ours: single braces stay text, double ones would be templates."""
    return text.replace("{{", "{").replace("}}", "}").strip()[:4096] or "…"


def _from_json(text: str, path: Path) -> list[Rule]:
    """A list (or an object with a list ``rules``, ``intents`` or ``faqs``) of objects with phrases and replies.

    Phrases stand under ``examples``, ``patterns``, ``questions`` or ``question``, keywords under ``keywords``, replies
    under ``replies``, ``responses``, ``response``, ``reply`` or ``answer``, the name under ``id``, ``name``, ``tag`` or
    ``intent``. A plain object of texts is read as question → answer.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path}: not JSON ({str(error)[:80]}).") from error
    if isinstance(data, Mapping):
        listed = next(
            (data[key] for key in ("rules", "intents", "faqs", "faq") if isinstance(data.get(key), list)), None
        )
        if listed is None and data and all(isinstance(value, str) for value in data.values()):
            listed = [{"question": question, "answer": answer} for question, answer in data.items()]
        data = listed
    if not isinstance(data, list):
        raise InvalidInput(f'{path}: neither a list of rules nor an object with "rules", "intents" or "faqs".')
    drafts: list[tuple[str, dict[str, Any]]] = []
    for i, item in enumerate(data):
        if not isinstance(item, Mapping):
            raise InvalidInput(f"{path}: entry {i + 1} is not an object.")
        phrases = _by_language(
            _strings(item, "examples", "patterns", "questions", "question", "utterances", "triggers")
        )
        keywords = _by_language(_strings(item, "keywords", "keyword"))
        if not phrases and not keywords:
            continue
        name = (
            _strings(item, "id", "name", "tag", "intent", "title")
            or _strings(item, "question", "questions")
            or ["rule"]
        )
        replies = [
            _without_braces(reply) for reply in _strings(item, "replies", "responses", "response", "reply", "answer")
        ]
        draft: dict[str, Any] = {"examples": phrases, "keywords": keywords}
        fallback = next(iter(phrases or keywords))
        draft["replies"] = {}
        for reply in replies or ["Write the answer here."]:
            language = language_of(reply) if replies else fallback
            draft["replies"].setdefault(language, []).append(Reply(text=reply))
        drafts.append((name[0], draft))
    labels = [
        f"{name}\0{i:06d}" if [n for n, _ in drafts].count(name) > 1 else name for i, (name, _) in enumerate(drafts)
    ]
    ids = rule_ids(labels)
    return [Rule.model_validate({"id": ids[label], **draft}) for label, (_, draft) in zip(labels, drafts, strict=True)]


def _strings(item: Mapping[str, Any], *names: str) -> list[str]:
    """The texts under the first of the names that holds any; mappings (by language) are flattened."""
    for name in names:
        value = item.get(name)
        parts = value if isinstance(value, list) else list(value.values()) if isinstance(value, Mapping) else [value]
        flat = [x for part in parts for x in (part if isinstance(part, list) else [part])]
        texts = [x["text"] if isinstance(x, Mapping) and isinstance(x.get("text"), str) else x for x in flat]
        found = [x.strip() for x in texts if isinstance(x, str) and x.strip()]
        if found:
            return found
    return []


def _by_language(phrases: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, dict[str, None]] = {}
    for text in phrases:
        phrase = " ".join(visible(text).split())[:1000].strip()
        if phrase:
            found.setdefault(language_of(phrase), {})[phrase] = None
    return {name: list(found[name]) for name in ("ar", "en", "arabizi") if name in found}

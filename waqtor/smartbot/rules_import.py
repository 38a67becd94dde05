"""Rule files from what other tools keep: JSONL, CSV, Rasa NLU YAML, and JSON with keywords and responses.

What comes out are rules with examples. Replies are taken over where the source holds them; elsewhere a placeholder
says which answer is to be written. Sources are other people's files: whatever is wrong with one is said with its line,
and none may take long or grow by tricks.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from waqtor.contracts.rules import Reply, Rule
from waqtor.errors import InvalidInput
from waqtor.smartbot.normalise import normalise, visible
from waqtor.smartbot.rules_edit import HEADER, format_text, round_trip, styled
from waqtor.smartbot.rules_edit import plain as plain_rule
from waqtor.smartbot.samples import Sample, language_of, rule_ids, rules_of, samples_of
from waqtor.smartbot.yaml_tree import parse

Format = Literal["auto", "jsonl", "csv", "rasa", "json"]
MAX_BYTES = 50_000_000
MAX_ROWS = 200_000
"""Rows of a source: some thirty times what a rule file may hold."""
_TEXT_COLUMNS = ("text", "message", "utterance", "sentence", "query", "example", "question")
_LABEL_COLUMNS = ("label", "intent", "category", "rule", "class", "tag")
_LANG_COLUMNS = ("lang", "language", "locale")
_REPLY_COLUMNS = ("reply", "answer", "response")
_ENTITY = re.compile(r"\[([^\[\]]*)\](?:\((?:[^()]|\([^()]*\))*\)|\{[^{}]*\})")
_NESTING = 8
_FIELD = 131_072
_BULLET = re.compile(r"^\s*[-*]\s+")
_BRACES = re.compile(r"\{{2,}|\}{2,}")
_HIDDEN = re.compile("[\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
"""What no reply may hold (:mod:`waqtor.smartbot.check`), and what breaks lines unseen."""
_UNSPOKEN = ("nlu_fallback", "out_of_scope")
"""Rasa's intents for what no rule should answer."""


@dataclass(frozen=True, slots=True)
class Imported:
    """Rules, and what of the source did not become part of them.

    Attributes:
        rules: By id.
        doubled: Messages that stood under another label first; one message cannot have two answers.
    """

    rules: list[Rule]
    doubled: tuple[str, ...] = ()


def import_rules(path: Path, kind: Format = "auto") -> Imported:
    """Read a file of another tool and return its rules.

    Args:
        path: The file.
        kind: What it is; ``auto`` goes by the name.

    Raises:
        InvalidInput: It cannot be read or holds nothing of use; the message says where.
    """
    found = _kind(path) if kind == "auto" else kind
    text = _read(path)
    try:
        if found == "jsonl":
            rules = rules_of(_few(samples_of(text, str(path)), path))
        elif found == "csv":
            rules = _from_csv(text, path)
        else:
            rules = _from_rasa(text, path) if found == "rasa" else _from_json(text, path)
    except ValidationError as error:  # of a kind that nobody foresaw: still an answer, not a traceback
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise InvalidInput(f"{path}: makes no rule: {first['msg']}.") from error
    told = _told_apart(rules)
    if not told.rules:
        raise InvalidInput(f"{path} holds no examples.")
    return told


def _few(samples: list[Sample], path: Path) -> list[Sample]:
    if len(samples) > MAX_ROWS:
        raise InvalidInput(f"{path} holds more than {MAX_ROWS} rows.")
    return samples


def _told_apart(rules: Sequence[Rule]) -> Imported:
    """Leave each message to the first rule that has it: the check of rules refuses a message of two."""
    owner: dict[str, str] = {}
    doubled: list[str] = []
    kept: list[Rule] = []
    for rule in rules:
        examples: dict[Any, tuple[str, ...]] = {}
        for language, phrases in rule.examples.items():
            said = [(phrase, normalise(phrase)) for phrase in phrases]
            mine = tuple(p for p, text in said if not text or owner.setdefault(text, rule.id) == rule.id)
            doubled += [p for p, text in said if text and owner[text] != rule.id]
            if mine:
                examples[language] = mine
        if examples == rule.examples:
            kept.append(rule)
        elif examples or any(rule.keywords.values()):
            kept.append(rule.model_copy(update={"examples": examples}))
    return Imported(kept, tuple(doubled))


def rules_text(rules: Sequence[Rule], source: str) -> str:
    """Return rules as a rule file in canonical form."""
    out = io.StringIO()
    round_trip().dump({"rules": [styled(plain_rule(rule)) for rule in rules]}, out)
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
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{path} is larger than {MAX_BYTES} bytes.")
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # what spreadsheets call "Unicode text"
    try:
        return data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 at byte {error.start}; save it as UTF-8.") from error


def _from_csv(text: str, path: Path) -> list[Rule]:
    csv.field_size_limit(_FIELD)  # one for the whole process: another reader may have raised it
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InvalidInput(f"{path}:{reader.line_num}: not CSV ({error}).") from error
    if not rows:
        return []
    _few([Sample("", None)] * len(rows), path)
    header = [cell.strip().lower() for cell in rows[0][1]]
    at = {name: _column(header, names) for name, names in _COLUMNS.items()}
    if at["text"] is None or at["label"] is None:
        if len(header) != 2:
            raise InvalidInput(f'{path}:1: the header needs the columns "text" and "label" (or "intent", "category").')
        at, rows = {"text": 0, "label": 1, "lang": None, "reply": None}, [(0, []), *rows]
    samples: list[Sample] = []
    replies: dict[str, str] = {}
    for line, row in rows[1:]:
        if len(row) > len(header) and any(cell.strip() for cell in row[len(header) :]):
            # A comma that is not quoted would move the rest of the message into the label, without a word.
            raise InvalidInput(
                f"{path}:{line}: {len(row)} columns where the header has {len(header)}; "
                "a message with a separator in it needs quotes."
            )
        cell = {name: row[i].strip() if i is not None and i < len(row) else "" for name, i in at.items()}
        if cell["text"]:
            label = cell["label"] or None
            samples.append(Sample(cell["text"], label, cell["lang"]))
            if label and cell["reply"]:
                replies.setdefault(label, _plain_reply(cell["reply"]))
    return rules_of(samples, replies=replies)


def _delimiter(text: str) -> str:
    """The separator that stands most often in the first line, outside of quotes.

    csv.Sniffer would guess quotes too, and takes the apostrophes of "can't, don't" for some.
    """
    first = re.sub(r'"(?:[^"]|"")*"', "", text[:10_000].lstrip("\r\n")).split("\n", 1)[0]
    counts = {mark: first.count(mark) for mark in ",;\t|"}
    return max(counts, key=lambda mark: counts[mark])


_COLUMNS = {"text": _TEXT_COLUMNS, "label": _LABEL_COLUMNS, "lang": _LANG_COLUMNS, "reply": _REPLY_COLUMNS}


def _column(header: Sequence[str], names: Sequence[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _from_rasa(text: str, path: Path) -> list[Rule]:
    """Rasa's ``nlu:`` intents with examples (entities are unmarked), and ``responses:`` named ``utter_<intent>``."""
    tree = parse(text, str(path), lenient=True)
    if tree.issues:
        raise InvalidInput(f"{min(tree.issues)}.")
    data = tree.data
    items = data.get("nlu") if isinstance(data, Mapping) else None
    if not isinstance(items, list):
        raise InvalidInput(f'{path}: no list "nlu:" in it.')
    samples: list[Sample] = []
    for item in items:
        if isinstance(item, Mapping) and isinstance(item.get("intent"), str):
            name = item["intent"].strip()
            label = None if name in _UNSPOKEN or not name else name
            samples += [Sample(phrase, label) for phrase in _rasa_examples(item.get("examples"))]
            _few(samples, path)
    replies: dict[str, str] = {}
    responses = data.get("responses")
    for name, variants in (responses if isinstance(responses, Mapping) else {}).items():
        listed = variants if isinstance(variants, list) else ()
        texts = [v["text"] for v in listed if isinstance(v, Mapping) and isinstance(v.get("text"), str)]
        if texts:
            replies[name.removeprefix("utter_")] = _plain_reply(texts[0])
    return rules_of(samples, replies=replies)


def _rasa_examples(value: Any) -> list[str]:
    if isinstance(value, str):
        lines = [_BULLET.sub("", line).strip() for line in value.splitlines() if _BULLET.match(line)]
    elif isinstance(value, list):
        found = [v.get("text") if isinstance(v, Mapping) else v for v in value]
        lines = [_BULLET.sub("", v).strip() for v in found if isinstance(v, str)]
    else:
        return []
    return [_unmarked(line) for line in lines if line]


def _unmarked(phrase: str) -> str:
    """A phrase without the marks of entities: ``[Riyadh](city)`` → ``Riyadh``, also one inside another."""
    for _ in range(_NESTING):
        plain = _ENTITY.sub(r"\1", phrase)
        if plain == phrase:
            break
        phrase = plain
    return phrase


def _plain_reply(text: str) -> str:
    """A reply of another tool holds no variables of ours: single braces stay text, double ones would be templates."""
    plain = _HIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _BRACES.sub(lambda found: found[0][0], plain).strip()[:4096].strip() or "…"


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
    if len(data) > MAX_ROWS:
        raise InvalidInput(f"{path} holds more than {MAX_ROWS} entries.")
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
            _plain_reply(reply) for reply in _strings(item, "replies", "responses", "response", "reply", "answer")
        ]
        draft: dict[str, Any] = {"examples": phrases, "keywords": keywords}
        fallback = next(iter(phrases or keywords))
        draft["replies"] = {}
        for reply in replies or ["Write the answer here."]:
            language = language_of(reply) if replies else fallback
            draft["replies"].setdefault(language, []).append(Reply(text=reply))
        drafts.append((name[0], draft))
    held = Counter(name for name, _ in drafts)
    labels = [f"{name}\0{i:06d}" if held[name] > 1 else name for i, (name, _) in enumerate(drafts)]
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

"""The shipped rule files themselves: valid, complete, formatted so that a machine's edit is a one-line diff."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from waqtor.contracts.rules import Reply, Rule, RuleCase, RuleCaseFile, RuleFile
from waqtor.smartbot.normalise import fold
from waqtor.smartbot.patterns import compile_pattern, examine

RULES = Path(__file__).resolve().parents[2] / "rules"
RULE_FILES = sorted(path for path in RULES.glob("*.yaml") if not path.name.endswith(".tests.yaml"))
CASE_FILES = sorted(RULES.glob("*.tests.yaml"))

BUILTINS = {"contact.name", "contact.phone", "shop.name", "time.now", "time.date"}
PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}")
EXPRESSION = re.compile(r'\s*([a-z][a-z0-9_.]*)\s*(?:\|\s*default\(("[^"]*"|\'[^\']*\')\)\s*)?')
INVISIBLE = re.compile(r"[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffd]")
ENDLESS = re.compile(r"(?<!\\)[*+](?![^\[]*\])|\{\d+,\}")


@cache
def load_rules(path: Path) -> RuleFile:
    return RuleFile.model_validate(YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")))


@cache
def load_cases(path: Path) -> tuple[RuleCase, ...]:
    return RuleCaseFile.model_validate(YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))).tests


def all_rules() -> list[Rule]:
    return [rule for path in RULE_FILES for rule in load_rules(path).rules]


def all_cases() -> list[RuleCase]:
    return [case for path in CASE_FILES for case in load_cases(path)]


def plain(text: str) -> str:
    """A rough common form, enough to see that two phrases are the same one."""
    folded = text.casefold().translate(str.maketrans("أإآةى", "اااهي"))
    return " ".join(re.findall(r"[\w#]+", folded))


def texts_of(reply: Reply) -> list[str]:
    rows = [row for section in reply.sections for row in section.rows]
    return [
        reply.text,
        reply.list_button or "",
        *(button.title for button in reply.buttons),
        *(section.title or "" for section in reply.sections),
        *(row.title for row in rows),
        *(row.description or "" for row in rows),
    ]


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.stem)
def test_rule_file_is_valid_and_points_editors_to_its_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.splitlines()[0] == "# yaml-language-server: $schema=./rules.schema.json"
    assert load_rules(path).rules
    assert path.with_name(f"{path.stem}.tests.yaml") in CASE_FILES


@pytest.mark.parametrize("path", CASE_FILES, ids=lambda path: path.stem)
def test_case_file_is_valid_and_points_editors_to_its_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.splitlines()[0] == "# yaml-language-server: $schema=./rules.schema.json"
    assert load_cases(path)


@pytest.mark.parametrize("path", RULE_FILES + CASE_FILES, ids=lambda path: path.name)
def test_round_trip_is_byte_identical(path: Path) -> None:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(
        type(None), lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    before = path.read_bytes()
    out = io.BytesIO()
    yaml.dump(yaml.load(before), out)
    assert out.getvalue() == before


def test_there_are_enough_rules_and_ids_are_unique() -> None:
    ids = [rule.id for rule in all_rules()]
    assert len(ids) >= 45
    assert [rule_id for rule_id, count in Counter(ids).items() if count > 1] == []


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_rule_speaks_both_languages(rule: Rule) -> None:
    assert rule.description
    assert len(rule.examples.get("ar", ())) >= 5
    assert len(rule.examples.get("en", ())) >= 5
    assert len(rule.examples.get("arabizi", ())) >= 3
    if rule.action == "ignore":
        assert not rule.replies
    else:
        assert rule.replies.get("ar")
        assert rule.replies.get("en")


def test_no_two_rules_share_an_example() -> None:
    owners: dict[str, set[str]] = {}
    for rule in all_rules():
        for phrases in rule.examples.values():
            for phrase in phrases:
                owners.setdefault(plain(phrase), set()).add(rule.id)
    assert {phrase: ids for phrase, ids in owners.items() if len(ids) > 1} == {}


def test_no_rule_repeats_an_example() -> None:
    for rule in all_rules():
        said = Counter(plain(phrase) for phrases in rule.examples.values() for phrase in phrases)
        assert [phrase for phrase, count in said.items() if count > 1] == [], rule.id


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.stem)
def test_every_variable_is_declared_and_used(path: Path) -> None:
    file = load_rules(path)
    used: set[str] = set()
    for rule in file.rules:
        for reply in (reply for variants in rule.replies.values() for reply in variants):
            for text in texts_of(reply):
                assert text.count("{{") == text.count("}}") == len(PLACEHOLDER.findall(text)), (rule.id, text)
                for expression in PLACEHOLDER.findall(text):
                    parsed = EXPRESSION.fullmatch(expression)
                    assert parsed, (rule.id, expression)
                    used.add(parsed[1])
                    if parsed[1].startswith("contact."):
                        assert parsed[2], f"{rule.id}: {expression} is unknown for a new contact and needs a default"
    assert used - BUILTINS <= set(file.variables)
    assert set(file.variables) <= used
    for name, value in file.variables.items():
        assert isinstance(value, str) or {"ar", "en"} <= set(value), name


def test_a_variable_means_the_same_in_every_file() -> None:
    values: dict[str, object] = {}
    for path in RULE_FILES:
        for name, value in load_rules(path).variables.items():
            assert values.setdefault(name, value) == value, f"{name} differs in {path.name}"


def test_texts_hold_no_invisible_characters() -> None:
    for path in RULE_FILES + CASE_FILES:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not INVISIBLE.search(line), f"{path.name}:{number}"


def test_arabic_replies_are_arabic_and_english_ones_are_not() -> None:
    arabic = re.compile(r"[\u0620-\u064a]")
    for rule in all_rules():
        for reply in rule.replies.get("ar", ()):
            assert arabic.search(PLACEHOLDER.sub("", reply.text)), rule.id
        for reply in rule.replies.get("en", ()):
            if rule.id != "language_arabic":
                assert not arabic.search(reply.text), rule.id


def test_buttons_and_lists_fit_whatsapp() -> None:
    replies = [reply for rule in all_rules() for variants in rule.replies.values() for reply in variants]
    assert sum(bool(reply.buttons) for reply in replies) >= 4
    assert sum(bool(reply.sections) for reply in replies) >= 2
    for reply in replies:
        rows = [row.id for section in reply.sections for row in section.rows]
        assert len(rows) <= 10
        assert len(set(rows)) == len(rows)
        assert len({button.id for button in reply.buttons}) == len(reply.buttons)
        assert len({button.title for button in reply.buttons}) == len(reply.buttons)


def test_patterns_are_bounded_and_spare_the_ordinary_words_around_them() -> None:
    # An unbounded repeat before another one makes a long hostile message quadratic.
    for rule in all_rules():
        for pattern in rule.patterns:
            examine(pattern)
            assert not ENDLESS.search(pattern), (rule.id, pattern)
    optout = next(rule for rule in all_rules() if rule.id == "opt_out")
    hit = [compile_pattern(pattern) for pattern in optout.patterns]
    assert all(any(p.search(fold(text)) for p in hit) for text in ("STOP", " stop. ", "انهاء", "إنهاء", "إيقاف!"))
    assert not any(
        p.search(fold(text)) for p in hit for text in ("bus stop", "stop my order", "انهاء الطلب", "وقفت السيارة")
    )


def test_every_rule_has_cases_in_both_languages() -> None:
    spoken: dict[str | None, list[RuleCase]] = {}
    for case in all_cases():
        spoken.setdefault(case.rule, []).append(case)
    ids = {rule.id for rule in all_rules()}
    assert {case.rule for case in all_cases()} - {None} == ids
    for rule_id in ids:
        languages = Counter(case.lang for case in spoken[rule_id])
        assert len(spoken[rule_id]) >= 3, rule_id
        assert languages["ar"], rule_id
        assert languages["en"], rule_id
    assert len(spoken[None]) >= 40


def test_cases_are_not_copies_of_the_examples() -> None:
    known = {plain(p) for rule in all_rules() for phrases in rule.examples.values() for p in phrases}
    deciding = {"opt_out", "opt_in"}  # there the bare word is what must be tested
    copies = [case.say for case in all_cases() if case.rule not in deciding and plain(case.say) in known]
    assert copies == []


def test_sample_conversation_speaks_of_real_rules() -> None:
    lines = (RULES.parent / "data" / "sample_conversation.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) >= 60
    assert all(row.keys() - {"label"} == {"text", "lang", "from", "name"} for row in rows)
    assert {row["lang"] for row in rows} == {"ar", "en", "arabizi"}
    assert len({row["from"] for row in rows}) >= 5
    labels = {row["label"] for row in rows if "label" in row}
    assert labels - {rule.id for rule in all_rules()} == set()
    assert labels >= {"human", "opt_out"}
    assert any("label" not in row for row in rows)

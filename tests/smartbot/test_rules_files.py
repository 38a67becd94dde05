from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smartbot_samples import SHOP

from waqtor.contracts.rules import Rule
from waqtor.smartbot.patterns import PatternError, examine
from waqtor.smartbot.rules_check import check
from waqtor.smartbot.rules_edit import add_rule, delete_rule, format_text, plain, replace_rule, write_atomically
from waqtor.smartbot.rules_io import Loaded, load_folder, load_texts
from waqtor.smartbot.ruleset import compile_rules
from waqtor.smartbot.yaml_tree import parse


def issues(text: str, name: str = "a.yaml", **more: str) -> list[str]:
    return [str(issue) for issue in check(load_texts({name: text, **more})).errors]


HEAD = "version: 1\nrules:\n"
GOOD = "  - id: good\n    examples: {en: [hello there]}\n    replies: {en: [{text: hi}]}\n"


def test_good_rules_have_no_issues() -> None:
    loaded = check(load_texts({"shop.yaml": SHOP}))
    assert loaded.errors == []
    assert [str(w) for w in loaded.warnings] == ["shop.yaml:49:5: warning: asked in 'ar' but no reply in it"]
    assert [item.rule.id for item in loaded.rules] == ["track", "hours", "refund", "human", "stop", "thanks"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: 1\nrules: [", "a.yaml:2:9: not YAML"),
        ("version: 1\nversion: 1\n", "a.yaml:2:1: the key 'version' stands here a second time (first in line 1)"),
        ("- a\n", "a.yaml:1:1: the file must be a mapping"),
        ("", "a.yaml:1:1: the file is empty"),
        ("rules: []\n", "a.yaml:1:1: version: Field required"),
        ("version: 2\n", "a.yaml:1:10: version: Input should be 1"),
        (HEAD + GOOD + "    colour: red\n", "a.yaml:6:13: rules.0.colour: Extra inputs are not permitted"),
        (
            HEAD + GOOD + "    threshold: 1.5\n",
            "a.yaml:6:16: rules.0.threshold: Input should be less than or equal to 1",
        ),
        (HEAD + GOOD + "    threshold: {en: 2}\n", "a.yaml:6:21: rules.0.threshold.en: Input should be less than"),
        (HEAD + GOOD.replace("good", "Good One"), "a.yaml:3:9: rules.0.id: String should match pattern"),
        (HEAD + "  - id: x\n    examples: {en: [hi]}\n", "a.yaml:3:5: rules.0: a rule with action reply needs replies"),
        (HEAD + GOOD + GOOD, "a.yaml:6:9: the id 'good' is taken by a.yaml:3"),
        (HEAD + GOOD.replace("text: hi", "text: 'hi {{nobody}}'"), "a.yaml:5:27: unknown variable {{nobody}}"),
        (HEAD + GOOD + "    patterns: ['(a+)+$', '(']\n", "a.yaml:6:26: pattern '(' not a regular expression"),
        (HEAD + GOOD + "    patterns: ['x*']\n", "a.yaml:6:16: pattern 'x*' matches the empty text"),
        (HEAD + GOOD.replace("hello there", "no"), "a.yaml:4:21: no is read as something else"),
        (HEAD + GOOD.replace("hello there", "12:30"), "a.yaml:4:21: 12:30 is read as something else"),
        (HEAD + GOOD.replace("hello there", "012"), "a.yaml:4:21: 012 is read as something else"),
        (HEAD + GOOD.replace("hello there", "2026-11-23"), "a.yaml:4:21: 2026-11-23 is read as something else"),
        (HEAD + GOOD.replace("hello there", "+966501234567"), "a.yaml:4:21: +966501234567 is read as something else"),
        (HEAD + GOOD.replace("hello there", "~"), "a.yaml:4:21: ~ is read as something else"),
        (HEAD + GOOD.replace("text: hi", "text: On"), "a.yaml:5:27: On is read as something else"),
        ("version: 1\nx: !!python/object:os.system x\n", "a.yaml:2:4: tags such as"),
        ("a: &a [1]\nb: *c\n", "a.yaml:2:4: not YAML"),
        ("version: 1\n<<: {rules: []}\n", "a.yaml:2:1: merge keys are not supported"),
        ("\x00", "a.yaml:1:1: not YAML"),
        ("a: " + "[" * 300 + "]" * 300, "a.yaml:1:1: nested more than 40 deep"),
    ],
)
def test_faults_are_named_with_their_place(text: str, expected: str) -> None:
    found = issues(text)
    assert any(issue.startswith(expected) for issue in found), found


def test_catastrophic_patterns_are_refused_in_time() -> None:
    began = time.perf_counter()
    for source in (r"(a|aa)+$", r"^(([a-z])+.)+[A-Z]([a-z])+$"):
        with pytest.raises(PatternError, match="too long"):
            examine(source)
    assert time.perf_counter() - began < 5
    assert examine(r"\border\s*#?\d{3,}\b").search("my order #1234") == "order #1234"
    assert examine("[إا]نهاء?").search("انها") is not None


def test_aliases_cannot_grow_a_file() -> None:
    bomb = "a: &a ['x','x','x','x','x','x','x','x','x']\n"
    for i, name in enumerate("bcdefghij"):
        before = "abcdefghij"[i]
        bomb += f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n"
    assert "values (by aliases?)" in str(parse(bomb, "x").issues[0])


def test_an_example_of_two_rules_is_an_error_unless_conditions_tell_them_apart() -> None:
    twin = GOOD.replace("good", "twin").replace("hello there", "'Hello, THERE!'")
    assert any("stands in rule 'good' too" in issue for issue in issues(HEAD + GOOD + twin))
    timed = twin + "    conditions: {from_time: '09:00', to_time: '17:00'}\n"
    loaded = check(load_texts({"a.yaml": HEAD + GOOD + timed}))
    assert loaded.errors == []
    assert len(loaded.warnings) == 1


def test_near_duplicates_are_warnings() -> None:
    near = GOOD.replace("good", "near").replace(
        "hello there", "could you please tell me where the nearest branch of your shop is now"
    )
    other = GOOD.replace("hello there", "could you please tell me where the nearest branch of your shop is")
    assert any("is nearly" in str(w) for w in check(load_texts({"a.yaml": HEAD + other + near})).warnings)


def test_unreadable_folders_and_files(tmp_path: Path) -> None:
    assert "no such folder" in str(load_folder(tmp_path / "none").errors[0])
    (tmp_path / "bad.yaml").write_bytes(b"version: 1\n\xff\xfe")
    (tmp_path / ".hidden.yaml").write_text("nonsense: [")
    (tmp_path / "out.yaml").symlink_to("/etc/hostname")
    found = [str(issue) for issue in load_folder(tmp_path).errors]
    assert found == ["bad.yaml:1:1: not UTF-8 at byte 11", "out.yaml:1:1: leads out of the rules folder"]


@given(st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_order_of_files_and_rules_changes_nothing(rng: random.Random) -> None:
    loaded = load_texts({"shop.yaml": SHOP})
    rules = [item.rule for item in loaded.rules]
    reference = compile_rules(loaded, 0.6)
    rng.shuffle(rules)
    shuffled = Loaded(files=loaded.files, rules=[i for r in rules for i in loaded.rules if i.rule is r])
    again = compile_rules(shuffled, 0.6)
    assert again.exact == reference.exact
    assert again.keywords == reference.keywords
    assert again.examples == reference.examples
    assert [(i, p.source) for i, p in again.patterns] == [(i, p.source) for i, p in reference.patterns]


def changed_lines(before: str, after: str) -> set[str]:
    return set(after.splitlines()) ^ set(before.splitlines())


def rule(text: str, rule_id: str) -> Rule:
    return next(item.rule for item in load_texts({"a.yaml": text}).rules if item.rule.id == rule_id)


def test_a_replaced_rule_changes_only_its_lines() -> None:
    held = rule(SHOP, "track")
    data = plain(held)
    data["examples"]["en"].append("locate my box")
    changed = replace_rule(SHOP, "track", Rule.model_validate(data))
    assert changed_lines(SHOP, changed) == {"        - locate my box"}
    assert "# the classic" in changed
    assert "# where is it" in changed
    data["examples"]["en"].remove("where is my order")
    again = replace_rule(changed, "track", Rule.model_validate(data))
    assert rule(again, "track") == Rule.model_validate(data)
    with pytest.raises(KeyError):
        replace_rule(SHOP, "nobody", held)


def test_added_and_deleted_rules_leave_the_rest_alone() -> None:
    fresh = Rule.model_validate(
        {
            "id": "gift",
            "examples": {"ar": ["تغليف هدية"], "en": ["no", "gift: wrap # it"]},
            "replies": {"en": [{"text": "Yes"}]},
        }
    )
    added = add_rule(SHOP, fresh)
    assert added.startswith(SHOP.rstrip("\n"))
    assert rule(added, "gift") == fresh
    assert delete_rule(added, "gift") == SHOP
    gone = delete_rule(SHOP, "track")
    assert "where is it" not in gone
    assert [r.rule.id for r in load_texts({"a": gone}).rules] == ["hours", "refund", "human", "stop", "thanks"]
    alone = add_rule("", fresh)
    emptied = delete_rule(alone, "gift")
    assert check(load_texts({"a.yaml": emptied})).errors == []
    assert rule(add_rule(emptied, fresh), "gift") == fresh


@given(
    st.lists(
        st.text(min_size=1, max_size=30).filter(lambda t: t.strip() and t.isprintable())
        | st.sampled_from(["no", "12:30", "- x", "#a", "a: b", "'", '"', "{}", "1", "~"]),
        min_size=1, max_size=4, unique=True,
    )
)  # fmt: skip
@settings(max_examples=20, deadline=None)
def test_any_phrases_survive_writing(phrases: list[str]) -> None:
    fresh = Rule.model_validate({"id": "any", "examples": {"en": phrases}, "replies": {"en": [{"text": phrases[0]}]}})
    assert rule(add_rule(SHOP, fresh), "any") == fresh
    assert (
        rule(replace_rule(add_rule(SHOP, rule(SHOP, "hours").model_copy(update={"id": "any"})), "any", fresh), "any")
        == fresh
    )


def test_formatting_is_stable_and_keeps_comments() -> None:
    once = format_text("version:   1\nrules:\n- id: a   # note\n  examples:\n    en: [x]\n")
    assert format_text(once) == once
    assert "# note" in once
    with pytest.raises(ValueError):
        format_text("a: [")


def test_writing_is_atomic_and_keeps_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("old")
    path.chmod(0o640)
    write_atomically(path, "new\n")
    assert path.read_text() == "new\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from waqtor.cli.application import app
from waqtor.contracts.rules import Rule
from waqtor.errors import InvalidInput
from waqtor.smartbot import rules_import
from waqtor.smartbot.check import problems
from waqtor.smartbot.rules_check import check
from waqtor.smartbot.rules_import import import_rules, rules_text
from waqtor.smartbot.rules_io import load_texts
from waqtor.smartbot.templates import BUILTIN, compile_template


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def imported(folder: Path, name: str, content: str | bytes) -> dict[str, Rule]:
    """The rules of a source, after they were written as a rule file and read again without an error."""
    found = import_rules(write(folder, name, content))
    again = check(load_texts({"x.yaml": rules_text(found.rules, name)}), near=False)
    assert again.errors == []
    assert [item.rule for item in again.rules] == found.rules
    return {rule.id: rule for rule in found.rules}


def test_rasa_entities_lose_their_marks_also_inside_each_other(tmp_path: Path) -> None:
    text = """version: "3.1"
nlu:
- intent: faq/trip
  examples: |
    - from [Riyadh](city) to [جدة]{"entity": "city", "role": "to"}
    - [[next](when) friday](date) please
    - the [Ritz](hotel:Ritz (Riyadh)) now
    - price [1] and [a b] stay
    - أريد [تذكرة](thing:ticket)
    not an example
- intent: yes
  examples:
  - text: |
      - yes
  - 12:30
- intent: out_of_scope
  examples: |
    - sing a song
- regex: x
  examples: |
    - [0-9]
responses:
  utter_faq/trip:
  - image: x
  - text: "Fly {{{{to}}}} \\u202enow"
"""
    found = imported(tmp_path, "nlu.yml", text)
    assert found["faq_trip"].examples == {
        "ar": ("أريد تذكرة",),
        "en": ("from Riyadh to جدة", "next friday please", "the Ritz now", "price [1] and [a b] stay"),
    }
    assert found["yes"].examples == {"en": ("yes", "12:30")}
    assert found["ignored_messages"].examples == {"en": ("sing a song",)}
    (reply,) = found["faq_trip"].replies["ar"]
    assert reply.text == "Fly {to} now"
    assert problems(reply.text) == []


def test_arabic_labels_keep_their_words_as_descriptions(tmp_path: Path) -> None:
    rows = [("وين طلبي", "حالة الطلب"), ("كم السعر", "السعر"), ("رقم ١٢", "card arrival"), ("12", "Card-Arrival?")]
    lines = "".join(json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n" for text, label in rows)
    found = imported(tmp_path, "rows.jsonl", lines)
    assert sorted(found) == ["card_arrival", "card_arrival_2", "rule", "rule_2"]
    assert {found["rule"].description, found["rule_2"].description} == {"حالة الطلب", "السعر"}
    assert found["card_arrival"].description == ""


def test_a_message_of_two_labels_stays_with_the_first_and_is_named(tmp_path: Path) -> None:
    source = write(tmp_path, "a.csv", 'text,label\nHello!,greet\n"hello",bye\nsee you,bye\nHELLO,\nspam,\n')
    found = import_rules(source)
    assert {rule.id: rule.examples["en"] for rule in found.rules} == {
        "bye": ("hello", "see you"), "ignored_messages": ("spam",),
    }  # fmt: skip
    assert found.doubled == ("Hello!", "HELLO")
    rules = tmp_path / "rules"
    told = CliRunner().invoke(app, ["rules", "import", str(source), "--rules", str(rules), "--json"])
    assert json.loads(told.stdout)["doubled"] == ["Hello!", "HELLO"]
    again = write(tmp_path, "b.csv", "text,label\nsee YOU,leave\nlater,leave\n")
    clash = CliRunner().invoke(app, ["rules", "import", str(again), "--rules", str(rules)])
    assert clash.exit_code == 1
    assert "stands in rule 'bye' too" in clash.stdout
    assert not (rules / "imported_b.yaml").exists()


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_csv_with_apostrophes_quotes_and_line_breaks(tmp_path: Path, mark: str) -> None:
    rows = [("I can't, don't, won't", "refuse"), ('say "hi", please', "greet"), ("two\nlines", "greet"), ("a|b;c", "x")]
    quoted = [[f'"{text.replace(chr(34), chr(34) * 2)}"', label] for text, label in rows]
    text = "\r\n".join(mark.join(cells) for cells in [["Text", "Intent"], *quoted])
    for number, data in enumerate((text.encode("utf-8-sig"), text.encode("utf-16"))):
        found = imported(tmp_path, f"{number}.csv", data)
        assert {e for rule in found.values() for e in rule.examples["en"]} == {
            "I can't, don't, won't", 'say "hi", please', "two lines", "a|b;c",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "text,label\nhello, there,greet\n", ":2: 3 columns where the header has 2"),
        ("a.csv", 'text,label\nhi,greet\n"open,greet\nbye,leave\n', ":4: not CSV"),
        ("a.csv", f"text,label\n{'x' * 200_000},greet\n", "field larger than"),
        ("a.csv", "text,label\nمرحبا,greet\n".encode("cp1256"), "not UTF-8 at byte 11; save it as UTF-8"),
        ("a.jsonl", "مرحبا".encode("utf-16")[:-1], "not UTF-8"),
        ("a.jsonl", '{"text": "a", "label": "b"}\n{"text": "a", "label": 3}\n', ':2: "label" must be text'),
        ("a.yml", "nlu:\n- intent: a\n  examples: |\n    - x\nnlu: []\n", ":5:1: the key 'nlu' stands here a second"),
        ("a.yml", "nlu: !!python/object:os.system x\n", ":1:6: tags such as"),
        ("a.yml", "nlu: " + "[" * 300 + "]" * 300, "nested more than 40 deep"),
        ("a.yml", "a: [" + "x, " * 700_000 + "x]", "larger than 2000000 bytes"),
        ("a.yml", "nlu:\n- intent: a\n  examples: 7\n", "holds no examples"),
        ("a.yml", "nlu:\n- intent: a\n  examples: |\n    - \u200b\u202e\n", "holds no examples"),
        ("a.json", '[{"patterns": ["\u200b"]}]', "holds no examples"),
        ("a.json", json.dumps([{"patterns": ["a"], "id": "x"}, 3]), "entry 2 is not an object"),
        ("none.csv", None, "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, name: str, content: str | bytes | None, words: str
) -> None:
    path = tmp_path / name if content is None else write(tmp_path, name, content)
    with pytest.raises(InvalidInput) as caught:
        import_rules(path)
    assert words in str(caught.value)


def test_aliases_and_many_rows_cannot_grow_an_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = "a: &a [{text: hi}" + ", {text: hi}" * 900 + "]\nnlu:\n" + "- {intent: x, examples: *a}\n" * 900
    began = time.monotonic()
    with pytest.raises(InvalidInput, match="by aliases"):
        import_rules(write(tmp_path, "bomb.yml", bomb))
    assert time.monotonic() - began < 60
    monkeypatch.setattr(rules_import, "MAX_ROWS", 3)
    monkeypatch.setattr(rules_import, "MAX_BYTES", 200)
    for name, text in {
        "a.csv": "text,label\n" + "a,b\n" * 4, "a.jsonl": '{"text": "a", "label": "b"}\n' * 4,
        "a.json": json.dumps([{"q": 1}] * 4), "a.yml": "nlu:\n- intent: a\n  examples: [a, b, c, d]\n",
    }.items():  # fmt: skip
        with pytest.raises(InvalidInput, match="more than 3"):
            import_rules(write(tmp_path, name, text))
    with pytest.raises(InvalidInput, match="larger than 200 bytes"):
        import_rules(write(tmp_path, "b.csv", "text,label\n" + "a,b\n" * 60))


def test_many_entries_of_one_name_take_no_quadratic_time(tmp_path: Path) -> None:
    entries = [{"tag": "same", "patterns": [f"phrase {i}"], "response": "ok"} for i in range(30_000)]
    began = time.monotonic()
    found = import_rules(write(tmp_path, "a.json", json.dumps(entries)))
    assert len(found.rules) == 30_000
    assert time.monotonic() - began < 60


@given(st.lists(st.tuples(st.text(max_size=40), st.text(max_size=20), st.text(max_size=60)), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_makes_rules_that_can_be_written_read_and_sent(
    tmp_path: Path, entries: list[tuple[str, str, str]]
) -> None:
    rows = [{"id": name, "examples": [text], "reply": reply} for name, text, reply in entries]
    found = imported(tmp_path, "a.json", json.dumps([{"id": "first", "examples": ["hi"]}, *rows]))
    for rule in found.values():
        for reply in (reply for variants in rule.replies.values() for reply in variants):
            compile_template(reply.text, frozenset(BUILTIN))
            assert problems(reply.text) == []

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from waqtor.cli.application import app
from waqtor.contracts.rules import RuleFile
from waqtor.smartbot.rules_import import import_rules, rules_text
from waqtor.smartbot.rules_io import load_texts
from waqtor.smartbot.thresholds import Choice, Thresholds
from waqtor.smartbot.tuning import MARK, set_default, tuned_files
from waqtor.smartbot.yaml_tree import parse

runner = CliRunner()
KEYS = (
    "accuracy", "macro_f1", "auroc", "fpr95", "coverage", "false_reply_rate", "right_at_far", "ece", "n", "fit_s",
)  # fmt: skip
WORDS = {
    "where": ("parcel", "shipment", "package", "courier"), "Money": ("refund", "cashback", "chargeback", "rebate"),
    "hours": ("opening", "closing", "schedule", "timetable"), "login": ("password", "passcode", "account", "signin"),
}  # fmt: skip
FRAMES = ("my {} please", "tell me of {}", "{} question", "problem with {}", "about the {} again", "{} is wrong")


def write(path: Path, step: int, strangers: int = 0) -> Path:
    rows = [
        {"text": frame.format(word), "label": label, "lang": "en"}
        for label, words in WORDS.items()
        for i, word in enumerate(words)
        for j, frame in enumerate(FRAMES)
        if (i + j) % 2 == step
    ]
    rows += [{"text": f"zzz qqq {i}", "label": None} for i in range(strangers)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAQTOR_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("WAQTOR_ENCODER", "hashing")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rules = tmp_path / "rules"
    text = rules_text(import_rules(write(tmp_path / "own.jsonl", 0)).rules, "own.jsonl")
    rules.mkdir()
    (rules / "shop.yaml").write_text(text.replace("  - id: hours", "  # when are we open\n  - id: hours"), "utf-8")
    return rules


def test_eval_prints_one_object_with_the_agreed_keys(tmp_path: Path) -> None:
    train, test = write(tmp_path / "train.jsonl", 0), write(tmp_path / "test.jsonl", 1, 20)
    kept = tmp_path / "kept"
    result = runner.invoke(
        app, ["eval", "--train", str(train), "--test", str(test), "--target-far", "0.1", "--json", "--keep", str(kept)]
    )
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert set(KEYS) <= set(report)
    assert all(len(report[f"{key}_ci"]) == 2 for key in KEYS[:8])
    assert (report["n"], report["n_in_scope"], report["target_far"]) == (68, 48, 0.1)
    assert "money" in report["rules"]
    assert "cross-fit 1 of" in result.stderr
    rows = [json.loads(line) for line in (kept / "predictions.jsonl").read_text().splitlines()]
    wrong = sum(row["answered"] and not row["right"] for row in rows) / len(rows)
    assert wrong == pytest.approx(report["false_reply_rate"], abs=1e-6)
    assert json.loads((kept / "report.json").read_text())["accuracy"] == report["accuracy"]

    better = {**report, "accuracy": 1.0, "accuracy_ci": [0.999, 1.0]}
    worse = {**report, "accuracy": 0.2, "accuracy_ci": [0.1, 0.3]}
    for baseline, code in ((report, 0), (worse, 0), ({**better, "ece": 0.0, "ece_ci": [0, 0]}, 1)):
        (tmp_path / "base.json").write_text(json.dumps(baseline))
        again = runner.invoke(
            app, ["eval", "--train", str(train), "--test", str(test), "--target-far", "0.1", "--json",
                  "--gate", str(tmp_path / "base.json")],
        )  # fmt: skip
        assert (again.exit_code, json.loads(again.stdout)["gate"]["ok"]) == (code, code == 0)


def test_eval_of_rules_by_cross_validation(folder: Path, tmp_path: Path) -> None:
    result = runner.invoke(app, ["eval", "--rules", str(folder)])
    assert result.exit_code == 0, result.output
    assert "false_reply_rate" in result.stdout
    assert "expected to get a wrong reply" in result.stdout
    (tmp_path / "bad.jsonl").write_text('{"text": 1}\n')
    for options in (["--test", str(tmp_path / "bad.jsonl")], ["--gate", str(tmp_path / "bad.jsonl")]):
        faulty = runner.invoke(app, ["eval", "--rules", str(folder), "--json", *options])
        assert (faulty.exit_code, json.loads(faulty.stdout)["ok"]) == (1, False)


def test_tune_writes_thresholds_and_keeps_comments(folder: Path) -> None:
    before = (folder / "shop.yaml").read_text()
    dry = runner.invoke(app, ["tune", "--rules", str(folder), "--dry-run", "--target-far", "0.1"])
    assert dry.exit_code == 0, dry.output
    assert "+  threshold: 0." in dry.stdout
    assert (folder / "shop.yaml").read_text() == before
    told = runner.invoke(app, ["tune", "--rules", str(folder), "--json", "--target-far", "0.1"])
    assert json.loads(told.stdout)["written"] == ["shop.yaml"], told.output
    after = (folder / "shop.yaml").read_text()
    assert "# when are we open\n  - id: hours" in after
    loaded = load_texts({"shop.yaml": after})
    assert loaded.errors == []
    assert loaded.files[0].content.defaults.threshold == json.loads(told.stdout)["overall"]["threshold"]
    again = runner.invoke(app, ["tune", "--rules", str(folder), "--target-far", "0.1"])
    assert again.exit_code == 0
    assert (folder / "shop.yaml").read_text() == after  # the same evidence, the same file


def test_tune_on_traffic_and_without_evidence(folder: Path, tmp_path: Path) -> None:
    before = (folder / "shop.yaml").read_text()
    few = tmp_path / "few.jsonl"
    few.write_text('{"text": "my timetable thing", "label": "hours"}\n' * 5)
    result = runner.invoke(app, ["tune", "--rules", str(folder), "--labelled", str(few)])
    assert result.exit_code == 1
    assert "needs 19" in result.stdout
    assert (folder / "shop.yaml").read_text() == before
    enough = write(tmp_path / "many.jsonl", 1, 30)
    enough.write_text(enough.read_text().replace('"Money"', '"money"'))
    result = runner.invoke(app, ["tune", "--rules", str(folder), "--labelled", str(enough), "--json"])
    assert json.loads(result.stdout)["ok"], result.output
    assert "labelled traffic" in (folder / "shop.yaml").read_text()


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\n\nrules: []\n",
        "version: 1\ndefaults:\n    owner: me  # us\n    # old\n    threshold:\n      ar: 0.1\n      en: 0.2\n"
        "    tags: [a]\nrules: []\n",
        "version: 1\ndefaults: {owner: me, threshold: 0.3}\n# note\nrules: []\n",
        "# top\nversion: 1\nrules: []\ndefaults:\n  # tuned: before\n  # tuned: long ago\n  threshold: 0.4  # hm\n",
        "{version: 1, rules: []}\n",
    ],
)
@pytest.mark.parametrize("value", [0.71, {"ar": 0.5, "en": 0.625}])
def test_setting_a_default_changes_nothing_else(text: str, value: float | dict[str, float]) -> None:
    changed = set_default(text, value, [f"{MARK} evidence"])
    before, after = parse(text, "").data, parse(changed, "").data
    assert after["defaults"].pop("threshold") == value
    (before.get("defaults") or {}).pop("threshold", None)
    assert after == {"defaults": {}, **before}
    assert changed.count(MARK) == 1
    assert set(text.split()) & {"us", "#", "old", "note", "top"} <= set(changed.split())
    assert set_default(changed, value, [f"{MARK} evidence"]) == changed


def test_tuning_by_rule_respects_what_was_set_by_hand(folder: Path) -> None:
    loaded = load_texts({"shop.yaml": (folder / "shop.yaml").read_text()})
    found = Thresholds(Choice(0.7, 99), {}, {"hours": Choice(0.55, 60)})
    changed = load_texts(tuned_files(loaded.files, loaded.texts, found))
    assert {r.rule.id: r.rule.threshold for r in changed.rules if r.rule.threshold} == {"hours": 0.55}
    assert tuned_files(loaded.files, loaded.texts, Thresholds(Choice(None, 1))) == {}


RASA = """version: "3.1"
nlu:
- intent: greet
  examples: |
    - hey
    - hello [there](who)
    - مرحبا
- intent: order_status
  examples:
    - text: |
        where is [my order]{"entity": "thing"}
- lookup: city
  examples: |
    - Riyadh
responses:
  utter_greet:
  - text: "Hi {name} {{x}}"
"""


def test_import_from_other_tools(tmp_path: Path) -> None:
    sources = {
        "a.yml": RASA,
        "b.csv": 'text;intent;answer\nhey;greet;Hi\nhello there;greet;\n"where; is my order";order status;\n;x;\n',
        "c.json": json.dumps(
            {
                "intents": [
                    {"tag": "greet", "patterns": ["hey", "مرحبا"], "responses": ["Hi\nyou", "أهلا"]},
                    {"tag": "e"},
                ]
            }
        ),
        "d.json": json.dumps({"What are your hours?": "9 to 5", "Where are you?": "Here"}),
        "e.jsonl": '{"text": "hey", "label": "greet"}\n{"text": "spam", "label": null}\n',
        "f.csv": "hey,greet\nbye,leave\n",
    }
    rules = {}
    for name, text in sources.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        rules[name] = {rule.id: rule for rule in import_rules(tmp_path / name).rules}
        parsed = load_texts({"x.yaml": rules_text(list(rules[name].values()), name)})
        assert (parsed.errors, [r.rule for r in parsed.rules]) == ([], list(rules[name].values()))
    assert rules["a.yml"]["greet"].examples == {"ar": ("مرحبا",), "en": ("hey", "hello there")}
    assert rules["a.yml"]["greet"].replies["ar"][0].text == "Hi {name} {x}"
    assert rules["a.yml"]["order_status"].examples == {"en": ("where is my order",)}
    assert rules["b.csv"]["greet"].replies["en"][0].text == "Hi"
    assert rules["b.csv"]["order_status"].examples == {"en": ("where; is my order",)}
    assert {k: [r.text for r in v] for k, v in rules["c.json"]["greet"].replies.items()} == {
        "en": ["Hi\nyou"],
        "ar": ["أهلا"],
    }
    assert sorted(rules["d.json"]) == ["what_are_your_hours", "where_are_you"]
    assert rules["e.jsonl"]["ignored_messages"].action == "ignore"
    assert set(rules["f.csv"]) == {"greet", "leave"}
    assert RuleFile.model_validate(parse(rules_text(list(rules["e.jsonl"].values()), "e"), "").data).version == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yml", "nlu: ["), ("a.yml", "rules: []"), ("a.json", "{"), ("a.json", '["x"]'), ("a.json", "3"),
        ("a.json", "[]"), ("a.csv", "one,two,three\n1,2,3\n"), ("a.csv", ""), ("a.jsonl", "[]"), ("a.txt", "hey"),
        ("a.json", "[" * 100_000),
    ],
)  # fmt: skip
def test_import_refuses_what_it_cannot_read(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    result = runner.invoke(app, ["rules", "import", str(tmp_path / name), "--rules", str(tmp_path / "r"), "--json"])
    assert (result.exit_code, json.loads(result.stdout)["ok"]) == (1, False)
    assert not (tmp_path / "r").exists()


def test_import_does_not_overwrite_or_clash(folder: Path, tmp_path: Path) -> None:
    source = str(write(tmp_path / "More Rows.jsonl", 1))
    clash = runner.invoke(app, ["rules", "import", source, "--rules", str(folder)])
    assert clash.exit_code == 1
    assert "is taken by" in clash.stdout
    fresh = tmp_path / "fresh"
    args = ["rules", "import", source, "--rules", str(fresh), "--json"]
    told = json.loads(runner.invoke(app, args).stdout)
    assert (told["rules"], told["examples"], Path(told["file"]).name) == (4, 48, "imported_more_rows.yaml")
    assert runner.invoke(app, args).exit_code == 1
    assert runner.invoke(app, [*args, "--force"]).exit_code == 0
    assert runner.invoke(app, [*args, "--file", "../x.yaml"]).exit_code == 1
    assert runner.invoke(app, [*args, "--format", "odd"]).exit_code == 1

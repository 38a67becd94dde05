from __future__ import annotations

import json
import subprocess
from pathlib import Path

from typer.testing import CliRunner

from waqtor.smartbot.compiler import RuleCompiler
from waqtor.smartbot.encoders import HashingEncoder
from waqtor.smartbot.render import Shop
from waqtor.smartbot.rules_check import check
from waqtor.smartbot.rules_io import load_texts
from waqtor.smartbot.rules_replay import Past, RuleReplay
from waqtor.smartbot.traffic_vectors import TrafficVectors

BEFORE = """\
version: 1
rules:
  - id: hours
    examples: {en: ["when do you open", "opening hours"], ar: ["متى تفتحون", "اوقات الدوام"]}
    replies: {en: [{text: "At nine."}], ar: [{text: "الساعة التاسعة."}]}
  - id: payment
    examples: {en: ["how can i pay", "do you take cards"]}
    replies: {en: [{text: "Cards."}]}
  - id: delivery
    examples: {en: ["how much is delivery", "delivery cost"]}
    replies: {en: [{text: "20."}]}
"""
AFTER = (
    BEFORE.replace("Cards.", "Cards and cash.")
    .replace('"how much is delivery", "delivery cost"', '"zebra crossing"')
    .replace('"opening hours"]', '"opening hours", "gift wrap"]')
)
TEXTS = [
    "when do you open",
    "how can i pay",
    "how much is delivery",
    "gift wrap",
    "gift wrap",
    "متى تفتحون",
    "",
    "qqq zzz",
]


def rule_sets(tmp_path: Path):
    compiler = RuleCompiler(tmp_path, HashingEncoder(), None, 0.6)
    return [compiler.build(check(load_texts({"shop.yaml": text}), near=False)) for text in (BEFORE, AFTER)]


def replay(**more: bool) -> RuleReplay:
    encoder = HashingEncoder()
    return RuleReplay(encoder, TrafficVectors(None, encoder), Shop("Shop", "Asia/Riyadh"), 0.05, **more)


async def test_lists_what_was_gained_lost_and_different(tmp_path: Path) -> None:
    old, new = rule_sets(tmp_path)
    found = await replay().changes([Past(str(i), text) for i, text in enumerate(TEXTS)], old, new)
    assert [(c.message_id, c.kind) for c in found] == [
        ("1", "different"),
        ("2", "lost"),
        ("3", "gained"),
        ("4", "gained"),
    ]
    assert (found[0].before["reply"], found[0].after["reply"]) == ("Cards.", "Cards and cash.")
    assert found[1].before["confidence"] == 1.0 > found[1].after["confidence"]


async def test_equals_deciding_on_every_message_by_itself(tmp_path: Path) -> None:
    old, new = rule_sets(tmp_path)
    past = [Past(str(i), f"{TEXTS[i % len(TEXTS)]}{' please' * (i % 3)}") for i in range(300)]
    quick = await replay().changes(past, old, new)
    brute = await replay(quick=False).changes(past, old, new)
    assert quick == brute
    assert quick


def test_the_command_compares_with_a_git_revision(tmp_path: Path) -> None:
    from waqtor.cli.application import app

    rules = tmp_path / "repo" / "rules"
    rules.mkdir(parents=True)
    (rules / "shop.yaml").write_text(BEFORE, encoding="utf-8")
    for args in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=S", "-c", "user.email=s@e.x", "commit", "-qm", "Rules"],
    ):
        subprocess.run(["git", "-C", str(rules.parent), *args], check=True)
    (tmp_path / "m.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in TEXTS if t), encoding="utf-8")
    line = ["replay-rules", "--against", "HEAD", "--rules", str(rules), "--messages", str(tmp_path / "m.jsonl"),
            "--encoder", "hashing", "--json"]  # fmt: skip
    env = {"WAQTOR_DATA_DIR": str(tmp_path / "data")}
    same = CliRunner().invoke(app, line, env=env)
    assert (same.exit_code, json.loads(same.stdout)["changes"]) == (0, {})
    (rules / "shop.yaml").write_text(AFTER, encoding="utf-8")
    out = tmp_path / "changes.jsonl"
    changed = CliRunner().invoke(app, [*line, "--export", str(out), "--only", "lost"], env=env)
    assert changed.exit_code == 1
    assert json.loads(changed.stdout)["changes"] == {"gained": 2, "lost": 1, "different": 1}
    assert [json.loads(row)["kind"] for row in out.read_text(encoding="utf-8").splitlines()] == ["lost"]
    wrong = CliRunner().invoke(app, [*line[:2], "nowhere", *line[3:]], env=env)
    assert wrong.exit_code == 1

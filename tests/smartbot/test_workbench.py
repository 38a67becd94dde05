from __future__ import annotations

from pathlib import Path

import pytest

from waqtor.contracts.workbench import RuleSource
from waqtor.errors import InvalidInput, RuleFileError
from waqtor.smartbot.service import BotService

GIFTS = """\
version: 1
rules:
  - id: gifts
    examples: {en: ["do you wrap gifts", "gift wrapping please"]}
    replies: {en: [{text: "We do."}]}
"""
CASES = """\
version: 1
tests:
  - {say: "do you wrap gifts", rule: gifts}
  - {say: "do you wrap gifts", rule: null}
"""
DRAFT = RuleSource(kind="texts", texts={"gifts.yaml": GIFTS, "gifts.tests.yaml": CASES})


async def test_many_messages_are_decided_on_as_one(bot: BotService) -> None:
    texts = ["do you wrap gifts", "zzz qqq", "", "متى تفتحون"]
    tried = await bot.workbench.tried(texts)
    assert [t.text for t in tried] == texts
    for text, found in zip(texts, tried, strict=True):
        trace = await bot.test(text)
        assert (found.decision, found.confidence, found.language) == (trace.decision, trace.confidence, trace.language)
        assert found.rule_id == (trace.rule_id if trace.decision != "silent" else None)
    draft = await bot.workbench.tried(texts[:1], DRAFT)
    assert (draft[0].rule_id, draft[0].reply) == ("gifts", "We do.")
    assert bot.revision == (await bot.test("x")).revision  # the draft does not serve


async def test_two_versions_stand_side_by_side(bot: BotService, rules_dir: Path) -> None:
    found = await bot.workbench.explained("do you wrap gifts", DRAFT)
    assert found.before is not None
    assert found.before.rule_id == "gifts"
    assert found.trace.rule_id != "gifts"
    (rules_dir.parent / "next").mkdir()
    (rules_dir.parent / "next" / "a.yaml").write_text(GIFTS, encoding="utf-8")
    beside = await bot.workbench.explained("do you wrap gifts", RuleSource(kind="folder", folder="next"))
    assert beside.before is not None
    assert beside.before.rule_id == "gifts"


@pytest.mark.parametrize("folder", ["", "..", "../..", "/etc", "nowhere"])
async def test_only_folders_beside_the_rules_are_read(bot: BotService, folder: str) -> None:
    with pytest.raises(InvalidInput):
        await bot.workbench.tried(["x"], RuleSource(kind="folder", folder=folder))


async def test_an_explanation_names_examples_grams_and_words(bot: BotService, rules_dir: Path) -> None:
    (rules_dir / "gifts.yaml").write_text(GIFTS, encoding="utf-8")
    await bot.reload()
    found = await bot.workbench.explained("can you wrap two gifts")
    best = found.examples[0]
    assert best.rule_id == "gifts"
    assert best.characters >= sum(g.share for g in best.grams) - 1e-3
    assert best.grams[0].share == max(g.share for g in best.grams)
    assert any("gif" in g.gram or "wra" in g.gram for g in best.grams)
    assert best.meaning is not None
    effects = {w.word: w.effect for w in found.words}
    assert list(effects) == ["can", "you", "wrap", "two", "gifts"]
    assert effects["wrap"] > effects["can"]
    for text in ("", "hi", "😀", "a " * 400):
        assert (await bot.workbench.explained(text)).words == ()


async def test_the_rules_own_tests_run(bot: BotService) -> None:
    report = await bot.workbench.cases(DRAFT)
    assert (report.total, report.failed) == (2, 1)
    (failure,) = report.failures
    assert (failure.file, failure.line) == ("gifts.tests.yaml", 4)
    assert "silent" in failure.fault
    with pytest.raises(RuleFileError):
        await bot.workbench.cases(RuleSource(kind="texts", texts={"x.yaml": "version: 1\nrules: 3\n"}))

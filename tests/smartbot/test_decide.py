from __future__ import annotations

from smartbot_samples import SHOP

from waqtor.smartbot.decide import by_scores
from waqtor.smartbot.render import render_question
from waqtor.smartbot.rules_io import load_texts
from waqtor.smartbot.ruleset import RuleSet, compile_rules
from waqtor.smartbot.scorer import Score


def rules() -> RuleSet:
    return compile_rules(load_texts({"shop.yaml": SHOP}), 0.6)


def scores(**confidence: float) -> list[Score]:
    return [Score(rule_id, value, value, "x", value, "lexical") for rule_id, value in confidence.items()]


def test_thresholds_by_rule_language_and_setting() -> None:
    held = rules()
    assert held.rules["hours"].threshold == {"ar": 0.5, "en": 0.5, "arabizi": 0.5, "other": 0.5}
    assert held.rules["track"].threshold["ar"] == 0.6
    filed = SHOP.replace("version: 1\n", "version: 1\ndefaults: {threshold: {ar: 0.8}}\n", 1)
    compiled = compile_rules(load_texts({"shop.yaml": filed}), 0.6)
    assert compiled.rules["track"].threshold == {"ar": 0.8, "en": 0.6, "arabizi": 0.8, "other": 0.6}


def test_answer_ask_or_stay_silent() -> None:
    held = rules()
    assert by_scores(scores(track=0.9, hours=0.2), held, "en", 0.05).kind == "answer"
    assert by_scores(scores(track=0.59, hours=0.2), held, "en", 0.05).kind == "silent"
    assert by_scores(scores(hours=0.55, track=0.1), held, "en", 0.05).kind == "answer"
    assert by_scores(scores(human=0.9), held, "en", 0.05).kind == "handoff"
    assert by_scores(scores(thanks=0.9), held, "en", 0.05).kind == "silent"
    assert by_scores((), held, "en", 0.05).kind == "silent"
    close = by_scores(scores(track=0.46, hours=0.44, refund=0.1), held, "en", 0.05)
    assert (close.kind, [r.rule.id for r in close.options]) == ("clarify", ["track", "hours"])
    assert by_scores(scores(track=0.20, hours=0.19), held, "en", 0.05).kind == "silent"
    assert by_scores(scores(stop=0.9, track=0.89), held, "en", 0.05).kind == "opt_out"


def test_the_question_has_fitting_buttons() -> None:
    held = rules()
    decision = by_scores(scores(track=0.46, hours=0.44), held, "ar", 0.05)
    for language, last in (("ar", "شيء آخر"), ("arabizi", "شيء آخر"), ("en", "Something else")):
        buttons = render_question(decision, language).parts[0].content["buttons"]
        assert [b["id"] for b in buttons] == ["rule:track", "rule:hours", "clarify:none"]
        titles = [b["title"] for b in buttons]
        assert len(set(titles)) == 3
        assert all(1 <= len(title) <= 20 for title in titles)
        assert titles[2] == last


def test_conditions_in_time_and_place() -> None:
    timed = SHOP.replace(
        "  - id: hours\n",
        "  - id: hours\n    conditions: {from_time: '22:00', to_time: '02:00', weekdays: [thu], "
        "timezone: UTC, sessions: [a]}\n",
    )
    rule = compile_rules(load_texts({"shop.yaml": timed}), 0.6).rules["hours"]
    hour = 3_600_000_000
    thursday = 0  # 1970-01-01
    assert [rule.holds(thursday + h * hour, "a", False) for h in (1, 21, 22, 23, 24, 25, 26)] == [
        False, False, True, True, True, True, False,
    ]  # fmt: skip
    assert not rule.holds(thursday + 22 * hour, "b", False)

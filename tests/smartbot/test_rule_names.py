from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waqtor.contracts.rules import Rule
from waqtor.smartbot.crossfit import Matcher, outcome
from waqtor.smartbot.encoders import HashingEncoder
from waqtor.smartbot.normalise import normalise
from waqtor.smartbot.rule_names import name_examples, names_of
from waqtor.smartbot.ruleset import RuleSet, compile_rules
from waqtor.smartbot.samples import Sample, loaded_of, rules_of
from waqtor.smartbot.scorer import FittedScorer, Query

ENCODER = HashingEncoder()
PHRASES = {
    "card_arrival": ["when do I get it", "still waiting for the new one"],
    "opening_hours": ["are you open today", "when do you close"],
    "refund_status": ["where is my money", "did you send it back"],
    "lost_phone": ["somebody took it from me", "it fell into the sea"],
}
SAMPLES = [Sample(text, rule, "en") for rule, texts in PHRASES.items() for text in texts]
MATCHER = Matcher(ENCODER)


def compiled(samples: list[Sample]) -> RuleSet:
    return compile_rules(loaded_of(rules_of(samples)), 0.6)


def fitted(rules: RuleSet) -> FittedScorer:
    vectors, trusted = MATCHER.example_vectors(rules.examples)
    return MATCHER.fit(rules.examples, vectors, trusted)[0]


def ask(scorer: FittedScorer, text: str):  # type: ignore[no-untyped-def]
    normal = normalise(text)
    return scorer.predict(Query((normal,), ENCODER.encode([text])[0], 0.6)).scores


@pytest.mark.parametrize(
    ("ids", "names"),
    [
        (["rule_12", "r_2", "faq_3_b"], {}),
        (["card_arrival"], {"card_arrival": "card arrival"}),
        (["shop_hours", "shop_returns", "shop_2", "delivery"],
         {"shop_hours": "hours", "shop_returns": "returns", "delivery": "delivery"}),
        (["rule_refund_2", "to_be"], {"rule_refund_2": "refund"}),
    ],
)  # fmt: skip
def test_names_keep_telling_words_only(ids: list[str], names: dict[str, str]) -> None:
    assert names_of(ids) == names


def test_a_name_is_learned_from_and_never_shown_or_hit() -> None:
    rules = compiled(SAMPLES)
    message = "the arrival of my card"
    best = ask(fitted(rules), message)[0]
    assert best.rule_id == "card_arrival"
    plain = compiled([Sample(s.text, f"r_{list(PHRASES).index(str(s.label))}", "en") for s in SAMPLES])
    assert all(not example.rule_name for example in plain.examples)
    before = {s.rule_id: s.raw for s in ask(fitted(plain), message)}
    assert best.raw > before.get("r_0", 0.0)
    for rule in PHRASES:
        for score in ask(fitted(rules), rule.replace("_", " ")):
            assert score.example in PHRASES[score.rule_id]
        asked = MATCHER.messages([rule.replace("_", " ")])[0]
        assert outcome(asked, fitted(rules), rules).confidence < 1.0
        assert asked.query.readings[0] not in rules.exact
    assert len(rules.examples) == len(SAMPLES)


def test_what_resembles_a_name_alone_scores_nothing_for_it() -> None:
    scores = {score.rule_id: score for score in ask(fitted(compiled(SAMPLES)), "xylophone arrival")}
    assert "card_arrival" not in scores or scores["card_arrival"].confidence < 0.6


def test_rules_left_out_leave_no_name_behind() -> None:
    rules = compiled(SAMPLES)
    kept = [example for example in rules.examples if example.rule_id != "card_arrival"]
    names = name_examples(kept, [True] * len(kept))
    assert {name.rule_id for name in names} == PHRASES.keys() - {"card_arrival"}
    assert name_examples(kept, [False] * len(kept)) == []
    assert all(name.is_name for name in names)


def test_ignored_messages_have_no_name() -> None:
    rules = compiled([*SAMPLES, Sample("what is the capital of mongolia", None, "en")])
    assert {e.rule_name for e in rules.examples if e.rule_id == "ignored_messages"} == {""}


def test_a_name_that_is_an_example_already_is_not_learned_twice() -> None:
    rules = compiled([*SAMPLES, Sample("Card arrival", "refund_status", "en")])
    names = name_examples(rules.examples, [True] * len(rules.examples))
    assert "card arrival" not in {name.text for name in names}


@given(st.randoms(use_true_random=False))
@settings(max_examples=8, deadline=None)
def test_order_of_rules_and_examples_changes_nothing(rng: random.Random) -> None:
    shuffled = SAMPLES[:]
    rng.shuffle(shuffled)
    rules: list[Rule] = rules_of(shuffled)
    rng.shuffle(rules)
    again = compile_rules(loaded_of(rules), 0.6)
    straight = fitted(compiled(SAMPLES))
    for text in ("the arrival of my card", "money", "open phone"):
        assert ask(fitted(again), text) == ask(straight, text)


@given(st.text(min_size=1, max_size=40), st.sampled_from(sorted(PHRASES)))
@settings(max_examples=40, deadline=None)
def test_an_example_added_is_never_unmatched(text: str, rule: str) -> None:
    if not normalise(text):
        return
    samples = [*SAMPLES, Sample(text, rule, "en")]
    rules = compiled(samples)
    found = outcome(MATCHER.messages([text])[0], fitted(rules), rules)
    owners = {s.label for s in samples if normalise(s.text) == normalise(text)}
    assert (found.rule in owners, found.confidence) == (True, 1.0)


def test_vectors_of_names_join_those_of_examples() -> None:
    rules = compiled(SAMPLES)
    vectors, trusted = MATCHER.example_vectors(rules.examples)
    assert vectors.shape == (len(SAMPLES), ENCODER.encode(["x"]).shape[1])
    assert all(trusted)
    scorer, seconds = MATCHER.fit(rules.examples, vectors, trusted)
    assert seconds > 0
    assert np.isfinite([s.raw for s in ask(scorer, "my card")]).all()

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waqtor.smartbot import fit_cache
from waqtor.smartbot.calibration import Curve, fit_curve
from waqtor.smartbot.encoders import HashingEncoder, joined, unit
from waqtor.smartbot.fit_cache import FitCache
from waqtor.smartbot.heads import ALL_UP_TO, EVENNESS, LANDMARKS, evened, fit_logistic, fit_ridge, landmarks, minimise
from waqtor.smartbot.index import HnswIndex, make_index
from waqtor.smartbot.lexical import LexicalModel
from waqtor.smartbot.scorer import Example, FusedScorer, Query

TOPICS = {
    "track": ["where is my order", "track my parcel", "has my package shipped", "when will it arrive", "order status"],
    "hours": ["when do you open", "opening hours", "are you open today", "what time do you close", "open on friday"],
    "refund": ["i want a refund", "return this item", "give me my money back", "return policy", "refund please"],
    "pay": ["can i pay by card", "payment methods", "do you take cash", "pay with apple pay", "is visa accepted"],
}
EXAMPLES = [Example(rule, text, "en", False, text) for rule, texts in TOPICS.items() for text in texts]
ENCODER = HashingEncoder()


def fitted(examples: list[Example], *, quick: bool = True):  # type: ignore[no-untyped-def]
    vectors = ENCODER.encode([example.original for example in examples])
    return FusedScorer(quick=quick).fit(examples, vectors, [True] * len(examples))


def ask(scorer, text: str):  # type: ignore[no-untyped-def]
    return scorer.predict(Query((text,), ENCODER.encode([text])[0], 0.5)).scores


@pytest.mark.parametrize("quick", [True, False])
def test_paraphrases_find_their_rule_and_strangers_none(quick: bool) -> None:
    scorer = fitted(EXAMPLES, quick=quick)
    for text, rule in [
        ("where is my parcel", "track"),
        ("when do you close today", "hours"),
        ("i want my money back", "refund"),
    ]:
        best = ask(scorer, text)[0]
        assert best.rule_id == rule
        assert best.confidence > 0.5
    strange = ask(scorer, "capital of mongolia")
    assert not strange or strange[0].confidence < 0.4
    assert ask(scorer, "qqq") == () or ask(scorer, "qqq")[0].confidence < 0.3


@given(st.randoms(use_true_random=False))
@settings(max_examples=8, deadline=None)
def test_order_of_examples_changes_nothing(rng: random.Random) -> None:
    shuffled = EXAMPLES[:]
    rng.shuffle(shuffled)
    for text in ("where is my refund", "open the parcel", "card"):
        assert ask(fitted(shuffled), text) == ask(fitted(EXAMPLES), text)


def test_a_negative_keeps_its_rule_away() -> None:
    near = "when do you open new shops"
    assert ask(fitted(EXAMPLES), near)[0].rule_id == "hours"
    examples = [*EXAMPLES, Example("hours", near, "en", True, near)]
    scored = fitted(examples).predict(Query((near,), ENCODER.encode([near])[0], 0.5))
    assert "hours" in scored.vetoed
    assert all(score.rule_id != "hours" for score in scored.scores)


def test_few_and_no_examples() -> None:
    assert fitted([]).predict(Query(("x",))).scores == ()
    for count in (1, 2, 3, 6):
        for quick in (True, False):
            scores = ask(fitted(EXAMPLES[:count], quick=quick), "where is my order")
            assert scores[0].rule_id == "track"
            assert 0 <= scores[0].confidence <= 1


def test_confidence_grows_with_the_raw_score_and_stays_sane() -> None:
    raw = np.linspace(0, 1, 50).astype(np.float32)
    assert (np.diff(Curve()(raw)) >= 0).all()
    right = raw > 0.3
    curve = fit_curve(raw, right, np.ones(50, np.float32))
    assert curve(np.array([0.9], np.float32))[0] > 0.8 > 0.3 > curve(np.array([0.05], np.float32))[0]
    assert fit_curve(raw, np.ones(50, bool), np.ones(50, np.float32)).slope > 0
    assert fit_curve(raw[:2], right[:2], np.ones(2, np.float32)) == Curve()


def test_logistic_head_agrees_with_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(5)
    centres = rng.normal(size=(6, 20))
    labels = np.repeat(np.arange(6), 12)
    rows = unit((centres[labels] + 0.7 * rng.normal(size=(72, 20))).astype(np.float32))
    asked = unit((centres[rng.integers(0, 6, 50)] + 0.7 * rng.normal(size=(50, 20))).astype(np.float32))
    head = fit_logistic(rows @ rows.T, np.arange(72), labels, 6, 10.0)
    oracle = LogisticRegression(C=10.0, fit_intercept=False, tol=1e-6, max_iter=2000).fit(rows, labels)
    assert np.abs(head.probabilities(asked @ rows.T) - oracle.predict_proba(asked)).max() < 0.03
    ridge = fit_ridge(rows @ rows.T, np.arange(72), labels, 6)
    assert (ridge.probabilities(asked @ rows.T).argmax(1) == oracle.predict(asked)).mean() > 0.9


def test_many_examples_do_not_draw_strangers_but_ignored_messages_do() -> None:
    rng = np.random.default_rng(3)
    labels = np.repeat(np.arange(3), [4, 40, 40])
    rows = unit((np.eye(3, 8)[labels] + 0.3 * rng.normal(size=(84, 8))).astype(np.float32))
    plain = fit_logistic(rows @ rows.T, np.arange(84), labels, 3, 10.0)
    head = evened(plain, labels, np.array([True, True, False]))
    nowhere = np.zeros(84, np.float32)
    before, after = plain.probabilities(nowhere), head.probabilities(nowhere)
    assert after[0] / after[1] == pytest.approx(before[0] / before[1] * 10**EVENNESS, rel=1e-3)
    assert after[2] / after.sum() == pytest.approx(np.exp(0) / np.exp(-head.discount).sum(), rel=1e-3)
    assert evened(plain, labels, np.zeros(3, bool)) is plain
    even = np.repeat(np.arange(3), 5)
    assert not np.any(evened(plain, even, np.ones(3, bool)).discount)


def test_vectors_of_two_parts_are_learned_from_apart(tmp_path: Path) -> None:
    deep = ENCODER.encode([example.original for example in EXAMPLES])
    words = ENCODER.encode([example.original[::-1] for example in EXAMPLES])
    vectors, trusted = joined(deep, words), [True] * len(EXAMPLES)
    query = Query(
        ("where is my package",), joined(*ENCODER.encode(["where is my package", "egakcap ym si erehw"])), 0.6
    )
    first = FusedScorer(cache=FitCache(tmp_path), parts=2, encoder="two").fit(EXAMPLES, vectors, trusted)
    fit_cache._recent.clear()
    again = FusedScorer(cache=FitCache(tmp_path), parts=2, encoder="two").fit(EXAMPLES, vectors, trusted)
    assert first.predict(query) == again.predict(query)
    assert first.predict(query).scores[0].rule_id == "track"
    reversed_words = Query(query.readings, joined(deep[5], words[0]), 0.6)
    assert first.predict(reversed_words).scores[0].raw != first.predict(query).scores[0].raw


def test_languages_that_the_encoder_does_not_know_need_no_vectors() -> None:
    examples = [Example(rule, text, "ar", False, text) for rule, text in [("a", "وين طلبي"), ("b", "كم السعر")] * 2]
    blank = np.zeros((len(examples), 1), np.float32)
    scorer = FusedScorer(parts=2).fit(examples, blank, [False] * len(examples))
    assert scorer.predict(Query(("وين الطلب",), ENCODER.encode(["وين الطلب"])[0], 0.5)).scores[0].rule_id == "a"


def test_landmarks_bound_the_work() -> None:
    assert len(landmarks(100_000, LANDMARKS, ALL_UP_TO)) == LANDMARKS
    assert len(landmarks(ALL_UP_TO, LANDMARKS, ALL_UP_TO)) == ALL_UP_TO
    assert list(landmarks(3, 2)) == [0, 2]
    assert list(landmarks(3, 3)) == [0, 1, 2]
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(4), 50)
    rows = unit((np.eye(4, 16)[labels] + 0.2 * rng.normal(size=(200, 16))).astype(np.float32))
    few = landmarks(200, 40)
    head = fit_logistic(rows @ rows[few].T, few, labels, 4, 10.0)
    assert (head.probabilities(rows @ rows[few].T).argmax(1) == labels).mean() > 0.95


def test_minimise_finds_the_bottom_of_a_bowl() -> None:
    goal = np.arange(5, dtype=np.float32)
    scale = np.array([1, 10, 100, 3, 0.5], np.float32)
    found = minimise(
        lambda x: (float((scale * (x - goal) ** 2).sum()), 2 * scale * (x - goal)), np.zeros(5, np.float32)
    )
    assert np.abs(found - goal).max() < 0.05


def test_lexical_weights_are_those_of_scikit_learn() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [example.text for example in EXAMPLES] + ["وين طلبي", "طلبي تاخر", "a b"]
    model = LexicalModel(texts)
    oracle = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    known = oracle.fit_transform(texts)
    rows = np.arange(len(texts))
    assert np.abs((known @ known.T).toarray() - model.block(rows, rows)).max() < 1e-5
    similar, share = model.similarities("where is my طلبي zzz")
    assert np.abs((oracle.transform(["where is my طلبي zzz"]) @ known.T).toarray()[0] - similar).max() < 1e-5
    assert 0 < share < 1
    assert model.similarities("")[1] == 0


def test_graph_and_exact_search_agree() -> None:
    rng = np.random.default_rng(3)
    rows = unit(rng.normal(size=(2000, 24)).astype(np.float32))
    exact, graph = make_index(rows), make_index(rows, exact_up_to=10)
    assert (exact.kind, graph.kind) == ("exact", "hnsw")
    same = 0
    for query in unit(rng.normal(size=(50, 24)).astype(np.float32)):
        same += int(exact.similarities(query).argmax() == graph.similarities(query).argmax())
    assert same >= 49
    again = HnswIndex(rows)
    assert (again.similarities(rows[7]) == graph.similarities(rows[7])).all()

from __future__ import annotations

import numpy as np
import pytest

from waqtor.smartbot.crossfit import Judged
from waqtor.smartbot.thresholds import (
    Choice,
    Thresholds,
    choose_thresholds,
    limit_wrong_among_replies,
    limit_wrong_replies,
    needed_messages,
    needed_replies,
    upper_bound,
)


def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    score = rng.random(n)
    return score, rng.random(n) < score


def test_wrong_replies_stay_at_the_target_on_average_and_answers_are_given() -> None:
    rng = np.random.default_rng(1)
    wrong, answered = [], []
    for _ in range(200):
        threshold = limit_wrong_replies(*draw(rng, 120), 0.05).threshold
        assert threshold is not None
        score, right = draw(rng, 2000)
        wrong.append(((score >= threshold) & ~right).mean())
        answered.append((score >= threshold).mean())
    assert np.mean(wrong) <= 0.05 + 3 * np.std(wrong) / np.sqrt(200)
    assert np.mean(wrong) > 0.03  # neither does it hide behind silence
    assert np.mean(answered) > 0.2


def test_the_bound_by_hand() -> None:
    score = np.linspace(1, 0.5, 99)
    right = np.ones(99, bool)
    right[[40, 60, 70, 80, 90]] = False
    found = limit_wrong_replies(score, right, 0.05)  # (4 + 1) / (99 + 1): the fifth fault at place 90 is one too many
    assert found.threshold is not None
    assert score[90] < found.threshold <= score[89]
    assert (found.bound, round(found.wrong * 99)) == (pytest.approx(0.05), 4)


def test_too_little_evidence_is_said_with_what_is_needed() -> None:
    assert (needed_messages(0.05), needed_messages(0.01)) == (19, 99)
    short = limit_wrong_replies(np.ones(18), np.ones(18, bool), 0.05)
    assert (short.threshold, short.needed, "needs 19" in short.note) == (None, 19, True)
    assert limit_wrong_replies(np.ones(19), np.ones(19, bool), 0.05).threshold == 1.0
    assert limit_wrong_replies(np.zeros(0), np.zeros(0, bool), 0.05).threshold is None
    bad = limit_wrong_replies(np.ones(50), np.zeros(50, bool), 0.05)
    assert (bad.threshold, "wrong too often" in bad.note) == (None, True)
    ignored = limit_wrong_replies(np.full(50, -0.5), np.zeros(50, bool), 0.05)
    assert (ignored.threshold, "no message" in ignored.note) == (None, True)


def test_weights_move_the_mixture() -> None:
    rng = np.random.default_rng(2)
    score = rng.random(1000)
    outside = np.arange(1000) % 2 == 0
    light = limit_wrong_replies(score, ~outside, 0.05, np.where(outside, 0.1, 1.9))
    heavy = limit_wrong_replies(score, ~outside, 0.05, np.where(outside, 1.5, 0.5))
    assert light.threshold is not None
    assert heavy.threshold is not None
    assert light.threshold < 0.5 < heavy.threshold


def test_the_exact_bound() -> None:
    assert (needed_replies(0.1), needed_replies(0.05), needed_replies(0.01)) == (22, 45, 230)
    assert upper_bound(0, 22) <= 0.1 < upper_bound(0, 21)
    assert upper_bound(3, 50, 0.95) == pytest.approx(0.14778, abs=1e-4)  # tables of Clopper and Pearson
    assert (upper_bound(0, 0), upper_bound(5, 5)) == (1.0, 1.0)


def test_the_strict_promise_is_seldom_broken() -> None:
    rng = np.random.default_rng(3)
    broken = made = 0
    for _ in range(200):
        threshold = limit_wrong_among_replies(*draw(rng, 600), 0.15).threshold
        if threshold is None:
            continue
        made += 1
        broken += (1 - threshold) / 2 > 0.15  # mean of 1 - score above the threshold
    assert made > 150
    assert broken <= 200 * 0.1 + 3 * np.sqrt(200 * 0.1 * 0.9)


def test_strict_says_when_it_cannot() -> None:
    few = limit_wrong_among_replies(np.ones(20), np.ones(20, bool), 0.05)
    assert (few.threshold, few.needed, "20 replies, needs 45" in few.note) == (None, 45, True)
    assert limit_wrong_among_replies(np.ones(45), np.ones(45, bool), 0.05).threshold == 1.0
    score = np.linspace(1, 0, 400)
    faulty = limit_wrong_among_replies(score, score < 0.9, 0.05)
    assert (faulty.threshold, "too many faults" in faulty.note) == (None, True)


def judged(n: int = 600) -> Judged:
    rng = np.random.default_rng(4)
    score, right = draw(rng, n)
    outside = np.arange(n) % 3 == 0
    right &= ~outside
    language = ["ar" if i % 2 else "en" for i in range(n)]
    score = np.where(np.array(language) == "ar", score / 2, score)
    rules = [f"r{i % 4}" for i in range(n)]
    labels = [None if o else r for o, r in zip(outside, rules, strict=True)]
    return Judged(score, right, score, rules, rules, labels, language, ["in"] * n)


def test_languages_and_rules_get_their_own() -> None:
    found = choose_thresholds(judged(), 0.1, by=("language", "rule"))
    english, arabic = found.languages["en"].threshold, found.languages["ar"].threshold
    assert english is not None
    assert arabic is not None
    assert arabic < 0.5 < english
    assert set(found.rules) <= {"r0", "r1", "r2", "r3"}
    plain = Thresholds(Choice(0.5, 9), {"ar": Choice(0.3, 9)}, {"x": Choice(0.9, 9)})
    assert (plain.of("x", "ar"), plain.of("y", "arabizi"), plain.of("y", "other")) == (0.9, 0.3, 0.5)
    assert Thresholds(Choice(None, 3)).of("x", "en") > 1
    assert "No promise" in Thresholds(Choice(None, 3, note="short")).promise()


def test_the_stated_share_of_strangers_counts() -> None:
    data = judged()
    few = choose_thresholds(data, 0.1, strangers=0.05, by=()).overall.threshold
    many = choose_thresholds(data, 0.1, strangers=0.8, by=()).overall.threshold
    strict = choose_thresholds(data, 0.2, strangers=0.05, strict=True, by=())
    assert few is not None
    assert many is not None
    assert few < many
    assert "90% confidence" in strict.promise() or strict.overall.threshold is None
    assert "traffic" in choose_thresholds(data, 0.1, strangers=None).basis

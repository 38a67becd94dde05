from __future__ import annotations

import numpy as np
import pytest

from waqtor.smartbot.metrics import (
    Columns,
    auroc,
    ece,
    fpr95,
    macro_f1,
    reliability,
    right_at,
    risk_coverage,
    summary,
    wilson,
)

CI_KEYS = (
    "accuracy", "macro_f1", "auroc", "fpr95", "coverage", "false_reply_rate", "right_reply_rate", "right_at_far", "ece",
)  # fmt: skip


def sample(n: int = 300) -> Columns:
    rng = np.random.default_rng(5)
    inside = rng.random(n) < 0.7
    gold = np.where(inside, rng.integers(0, 5, n), -1)
    guess = np.where(rng.random(n) < 0.8, gold, rng.integers(0, 5, n))
    guess = np.where(guess < 0, 0, guess)
    right = inside & (guess == gold)
    score = np.clip(np.where(right, 0.7, 0.4) + rng.normal(0, 0.2, n), 0, 1).round(2)
    return Columns(score, score, right, inside, score >= 0.6, gold, guess)


def test_against_the_reference() -> None:
    from sklearn.metrics import f1_score, roc_auc_score

    c = sample()
    assert auroc(c.score[c.inside], c.score[~c.inside]) == pytest.approx(roc_auc_score(c.inside, c.score))
    gold, guess = c.gold[c.inside], c.guess[c.inside]
    assert macro_f1(gold, guess) == pytest.approx(f1_score(gold, guess, average="macro", labels=np.unique(gold)))


def test_by_hand() -> None:
    inside, outside = np.arange(1, 21) / 20, np.array([0.01, 0.04, 0.1, 0.9])
    assert fpr95(inside, outside) == 0.5  # 19 of 20 score at least 0.1
    assert auroc(np.array([0.5, 0.5]), np.array([0.5])) == 0.5
    score, right = np.array([0.9, 0.8, 0.8, 0.7, -0.2]), np.array([True, True, False, True, True])
    assert right_at(score, right, 0.1) == pytest.approx(0.2)  # the tie at 0.8 brings its fault along
    assert right_at(score, right, 0.2) == pytest.approx(0.6)  # below 0 nothing is ever answered
    cuts, good, wrong = risk_coverage(score, right)
    assert (cuts.tolist(), good.round(2).tolist(), wrong.round(2).tolist()) == (
        [0.9, 0.8, 0.7], [0.2, 0.4, 0.6], [0.0, 0.2, 0.2],
    )  # fmt: skip
    assert ece(np.array([0.9, 0.9, 0.1, 0.1]), np.array([True, False, False, False])) == pytest.approx(0.25)
    assert reliability(np.array([0.95, 1.0]), np.array([True, False])) == [(pytest.approx(0.975), 0.5, 2)]
    assert wilson(8, 10) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_summary_has_every_figure_with_its_interval() -> None:
    found = summary(sample(), 0.05)
    for key in CI_KEYS:
        low, high = found[f"{key}_ci"]  # type: ignore[misc]
        assert 0 <= low <= high <= 1, key
        assert low - 0.02 <= found[key] <= high + 0.02, key  # type: ignore[operator]
    assert found == summary(sample(), 0.05)  # seeded
    assert found["coverage"] == pytest.approx(found["false_reply_rate"] + found["right_reply_rate"])  # type: ignore[operator]


def test_intervals_shrink_with_data() -> None:
    wide, narrow = summary(sample(100), 0.05), summary(sample(5000), 0.05)
    for key in ("accuracy", "macro_f1", "auroc", "right_at_far"):
        assert np.diff(narrow[f"{key}_ci"])[0] < np.diff(wide[f"{key}_ci"])[0] / 3, key  # type: ignore[arg-type]


def test_what_cannot_be_told_is_none() -> None:
    c = sample()
    inside = summary(c.where(c.inside), 0.05)
    assert (inside["auroc"], inside["fpr95"], inside["auroc_ci"]) == (None, None, None)
    outside = summary(c.where(~c.inside), 0.05)
    assert (outside["accuracy"], outside["macro_f1"], outside["right_at_far"]) == (None, None, 0.0)
    nothing = summary(c.where(np.zeros(300, bool)), 0.05)
    assert (nothing["n"], nothing["coverage"], nothing["ece"]) == (0, None, None)

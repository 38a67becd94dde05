from __future__ import annotations

import numpy as np
import pytest

from waqtor.smartbot.compiler import RuleCompiler
from waqtor.smartbot.encoders import HashingEncoder, unit
from waqtor.smartbot.index import HnswIndex
from waqtor.smartbot.language import detect
from waqtor.smartbot.normalise import normalise, visible
from waqtor.smartbot.rules_io import load_folder
from waqtor.smartbot.ruleset import readings
from waqtor.smartbot.scorer import Query


@pytest.fixture
def shop_rules(rules_dir):
    return RuleCompiler(rules_dir, HashingEncoder(), None, 0.6).build(load_folder(rules_dir))


TEXTS = [
    "when do you open on friday?", "WHEN do you open on friday!", "wain talabi", "متى تفتحون يوم الجمعة", "كم سعر",
    "zzzz qqqq", "how can i pay, by card or cash", "a", "wen 6alabi pls", "do you take cards",
]  # fmt: skip


def queries(encoder: HashingEncoder) -> list[Query]:
    found = []
    for text in TEXTS:
        seen = visible(text)
        normal = normalise(seen)
        tongue = detect(seen, normal)
        weight = encoder.weight(tongue.language, tongue.script)
        vector = encoder.encode([seen])[0] if weight else None
        found.append(Query(tuple(readings(normal, tongue.language)), vector, weight))
    return found


@pytest.mark.parametrize("cells", [1, 4_000_000])
def test_ranks_as_one_by_one(shop_rules, monkeypatch, cells) -> None:
    monkeypatch.setattr("waqtor.smartbot.bulk.CELLS", cells)
    asked = queries(HashingEncoder())
    assert any(len(query.readings) > 1 for query in asked)
    assert any(query.vector is not None for query in asked)
    ranked = shop_rules.scorer.rank(asked)
    for query, found in zip(asked, ranked, strict=True):
        single = shop_rules.scorer.predict(query).scores
        assert [s.rule_id for s in found.scores] == [s.rule_id for s in single]
        assert [s.confidence for s in found.scores] == pytest.approx([s.confidence for s in single], abs=2e-6)


def test_a_nearer_negative_vetoes_in_bulk_too(shop_rules) -> None:
    refused = [e for e in shop_rules.examples if e.negative]
    assert refused
    asked = [Query((e.text,)) for e in refused]
    for e, found in zip(refused, shop_rules.scorer.rank(asked), strict=True):
        assert e.rule_id not in [s.rule_id for s in found.scores]


def test_the_shares_of_ngrams_sum_to_the_cosine(shop_rules) -> None:
    example = next(e for e in shop_rules.examples if e.language == "en" and not e.negative)
    shares = shop_rules.scorer.shares(example.text, example.text)
    assert sum(share for _, share in shares) == pytest.approx(1.0, abs=1e-5)
    assert [share for _, share in shares] == sorted((share for _, share in shares), reverse=True)
    assert shop_rules.scorer.shares("zzz", example.text) == []


def test_a_graph_answers_many_as_it_answers_one() -> None:
    rows = unit(np.random.default_rng(3).normal(size=(300, 16)).astype(np.float32))
    index = HnswIndex(rows, neighbours=20)
    many = index.similarities_of(rows[:5])
    for one, row in zip(many, rows[:5], strict=True):
        np.testing.assert_allclose(one, index.similarities(row), atol=1e-6)

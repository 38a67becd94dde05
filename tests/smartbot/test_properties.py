"""What must hold of decisions whatever the rules and messages are, through the whole pipeline."""

from __future__ import annotations

import asyncio
import io
import random
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from smartbot_samples import SHOP

from waqtor.contracts.views import Trace
from waqtor.settings import Settings
from waqtor.smartbot import fit_cache
from waqtor.smartbot.encoders import HashingEncoder
from waqtor.smartbot.normalise import MAX_CHARS, normalise
from waqtor.smartbot.service import BotService

MESSAGES = (
    "where is my order", "wheres my ordr plz", "وين طلبي", "وين الطلبيه حقتي", "wain 6alabi", "when do u open",
    "STOP!!", "unsubscribe me please", "I want my money back", "open new branches", "talk to a human agent", "شكرا",
    "order", "؟", "",
)  # fmt: skip
HOSTILE = {
    "empty": "", "blank": " \n\t ", "emoji": "👍🏽👍🏽🎉", "zero width": "\u200b\u200d\u2060\ufeff",
    "override": "\u202e" * 3, "surrogate": "\ud800", "controls": "\x00\x07\x1b[31m",
}  # fmt: skip


class HeavyHashing(HashingEncoder):
    """The light encoder treated as a heavy one: logistic heads, two parts and batches in a thread, as MiniLM has."""

    light = False


def served(files: Mapping[str, str], messages: tuple[str, ...], *, heavy: bool = False) -> list[Trace]:
    """The traces of a bot built from scratch on these files."""
    fit_cache._recent.clear()

    async def ask() -> list[Trace]:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                (Path(folder) / name).write_text(text, encoding="utf-8")
            chosen = Settings(_env_file=None, encoder="hashing", rules_dir=Path(folder), data_dir=Path(folder) / "data")  # type: ignore[call-arg]
            service = BotService(chosen, encoder=HeavyHashing() if heavy else None)
            await service.start(watch=False)
            try:
                assert service.ready() == ""
                return [await service.test(message) for message in messages]
            finally:
                await service.stop()

    return asyncio.run(ask())


def seen(traces: list[Trace], *, revision: bool = True) -> list[dict[str, Any]]:
    """What of decisions must not change."""
    left_out = {"trace_id", "total_ms", "steps"} | (set() if revision else {"revision"})
    return [trace.model_dump(mode="json", exclude=left_out) for trace in traces]


def parts(rng: random.Random) -> dict[str, str]:
    """The shop's rules in another order, their examples too, spread over up to three files."""
    data = YAML(typ="safe", pure=True).load(SHOP)
    rules = data.pop("rules")
    rng.shuffle(rules)
    for rule in rules:
        for phrases in rule["examples"].values():
            rng.shuffle(phrases)
    names = [f"{rng.choice('abxyz')}{number}.yaml" for number in range(rng.randint(1, 3))]
    held: dict[str, list[Any]] = {name: [] for name in names}
    for rule in rules:
        held[rng.choice(names)].append(rule)
    found = {}
    for name, mine in held.items():
        out = io.StringIO()
        YAML().dump({**data, "rules": mine}, out)
        found[name] = out.getvalue()
    return found


@given(st.randoms(use_true_random=False))
@settings(max_examples=6, deadline=None)
def test_permuting_rules_examples_and_files_changes_no_decision(rng: random.Random) -> None:
    heavy = rng.random() < 0.5
    straight = seen(served({"shop.yaml": SHOP}, MESSAGES, heavy=heavy), revision=False)
    assert seen(served(parts(rng), MESSAGES, heavy=heavy), revision=False) == straight


@pytest.mark.parametrize("heavy", [False, True])
def test_equal_revisions_decide_alike_also_when_built_anew(heavy: bool) -> None:
    first, second = (served({"shop.yaml": SHOP}, MESSAGES, heavy=heavy) for _ in range(2))
    assert seen(first) == seen(second)
    assert {trace.decision for trace in first} >= {"answer", "silent", "opt_out", "handoff"}


_ADDED = """
  - id: added
    examples: {en: [%s]}
    replies: {en: [{text: added}]}
"""


@given(st.text(min_size=1, max_size=40))
@settings(max_examples=8, deadline=None)
def test_an_added_example_is_matched_whatever_it_is(text: str) -> None:
    plain = " ".join(text.split())
    if not normalise(plain) or not plain.isprintable():
        return
    quoted = "'" + plain.replace("'", "''") + "'"
    (trace,) = served({"shop.yaml": SHOP + _ADDED % quoted}, (plain,))
    assert (trace.rule_id, trace.stage) == ("added", "exact")


def test_hostile_messages_are_decided_on_calmly_by_both_kinds_of_heads() -> None:
    texts = (*HOSTILE.values(), "وين طلبي " * 120_000, "\u202e" + "x" * 1_000_000, "👍" * 500_000, "a\u200b" * 300_000)
    for heavy in (False, True):
        for text, trace in zip(texts, served({"shop.yaml": SHOP}, texts, heavy=heavy), strict=True):
            assert len(trace.text) <= MAX_CHARS
            assert trace.decision in ("silent", "answer", "clarify"), text[:20]
            if not normalise(text):
                assert (trace.decision, trace.candidates) == ("silent", ())

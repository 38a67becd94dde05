"""``waqtor bench replay``: recorded messages through changed rules, and the same one at a time without any cache.

The log is drawn from the data sets beside the checkout (``WAQTOR_SHARED_DIR``), or from this repository's own test
cases, examples and sample conversation with openings and order numbers put to them. The changed rules are the own
rules with every tenth switched off, half the examples of every seventh taken away and every fifth worded anew. The
replay runs twice: with no vector known (``cold_s``), and with those of the first run, which is the figure. The peer is
the pipeline as it serves live messages: every message encoded, scored and decided on by itself, by both versions.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from waqtor.benchmarks.match import STARTS
from waqtor.benchmarks.result import result
from waqtor.errors import InvalidInput
from waqtor.settings import Settings
from waqtor.smartbot.compiler import RuleCompiler
from waqtor.smartbot.encoders import make_encoder
from waqtor.smartbot.render import Shop
from waqtor.smartbot.rules_check import check
from waqtor.smartbot.rules_io import Loaded, LoadedRule, load_folder
from waqtor.smartbot.rules_replay import Changed, Past, RuleReplay
from waqtor.smartbot.traffic_vectors import TrafficVectors

FLOOR = 100_000 / 300
"""Messages a second: 100,000 in five minutes."""
TOLERANCE = 0.0002
"""Most by which confidences may differ; they are rounded to four digits."""


def run(
    *, messages: int = 100_000, compare: int = 5000, encoder: str = "", rules: Path | None = None, seed: int = 5,
    keep: Path | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Measure.

    Args:
        messages: Length of the log.
        compare: How many of them are also decided on one at a time.
        encoder: Default: the setting.
        rules: Folder of rules; default: the setting.
        seed: Of the draw.
        keep: Folder in which vectors and changes are left.

    Raises:
        InvalidInput: There are no texts to draw from.
    """
    settings = Settings()
    folder = rules or settings.rules_dir
    with tempfile.TemporaryDirectory() as temporary:
        place = keep or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        served = make_encoder(encoder or settings.encoder, settings.data_dir / "cache", settings.encoder_threads)
        compiler = RuleCompiler(folder, served, place / "rules", settings.bot_threshold)
        loaded = check(load_folder(folder), near=False)
        past = _log(loaded, settings, messages, seed)
        old, new = compiler.build(loaded), compiler.build(_changed(loaded))
        shop = Shop(settings.shop_name, settings.timezone)
        seconds: list[float] = []
        found: list[Changed] = []
        for _ in range(2):
            vectors = TrafficVectors(place / "traffic", served)
            replay = RuleReplay(served, vectors, shop, settings.bot_margin)
            began = time.perf_counter()
            found = asyncio.run(replay.changes(past, old, new))
            seconds.append(time.perf_counter() - began)
            vectors.close()
        part = past[:compare]
        slow = RuleReplay(served, TrafficVectors(None, served), shop, settings.bot_margin, quick=False)
        began = time.perf_counter()
        expected = asyncio.run(slow.changes(part, old, new))
        slow_s = time.perf_counter() - began
        asked = {item.message_id for item in part}
        wrong, apart = _differences([c for c in found if c.message_id in asked], expected)
        if keep is not None:
            lines = (json.dumps(c.as_dict(), ensure_ascii=False) + "\n" for c in found)
            (keep / "changes.jsonl").write_text("".join(lines), encoding="utf-8")
    figure = result(
        "replay.messages", len(past) / seconds[1], "1/s", peer="one message at a time, nothing cached",
        peer_value=len(part) / slow_s if part else None, floor=FLOOR, messages=len(past),
        distinct=len({item.text for item in past}), seconds=round(seconds[1], 1), cold_s=round(seconds[0], 1),
        changes=dict(Counter(c.kind for c in found)), compared=len(part), compared_changes=len(expected),
        differing=wrong, confidence_apart=round(apart, 6), encoder=served.name,
    )  # fmt: skip
    figure["ok"] = bool(figure["ok"] and wrong == 0 and apart <= TOLERANCE)
    return [figure]


def _differences(quick: Sequence[Changed], slow: Sequence[Changed]) -> tuple[int, float]:
    """Return how many listed changes differ but in the last digit of confidence, and by how much that does at most."""
    left, right = ({c.message_id: c for c in found} for found in (quick, slow))
    wrong, apart = len(left.keys() ^ right.keys()), 0.0
    for key in left.keys() & right.keys():
        ours, theirs = left[key].as_dict(), right[key].as_dict()
        for side in ("before", "after"):
            apart = max(apart, abs(ours[side].pop("confidence") - theirs[side].pop("confidence")))
        wrong += ours != theirs
    return wrong, apart


def _changed(loaded: Loaded) -> Loaded:
    """Return the rules as somebody might change them."""
    rules = []
    for i, item in enumerate(loaded.rules):
        rule = item.rule
        update: dict[str, Any] = {}
        if i % 10 == 3:
            update["enabled"] = False
        elif i % 7 == 0:
            update["examples"] = {name: texts[::2] for name, texts in rule.examples.items()}
        elif i % 5 == 1:
            update["replies"] = {
                name: tuple(reply.model_copy(update={"text": f"{reply.text} +"}) for reply in variants)
                for name, variants in rule.replies.items()
            }
        rules.append(LoadedRule(rule.model_copy(update=update), item.file, item.number))
    return Loaded(loaded.files, rules, [], [], "changed", loaded.texts)


def _log(loaded: Loaded, settings: Settings, count: int, seed: int) -> list[Past]:
    rng = random.Random(seed)
    shared = sorted((settings.shared_dir / "data").glob("*/*.jsonl")) if settings.shared_dir else []
    texts = list(dict.fromkeys(text for path in shared for text in _texts(path)))
    if texts:
        return [Past(str(i), rng.choice(texts)) for i in range(count)]
    own = [case.case.say for case in loaded.cases]
    own += [text for item in loaded.rules for phrases in item.rule.examples.values() for text in phrases]
    own += [text for path in sorted(Path("data").glob("*.jsonl")) for text in _texts(path)]
    if not own:
        raise InvalidInput("There are no texts to draw from: name a folder of rules that has examples.")
    return [Past(str(i), _varied(rng, own)) for i in range(count)]


def _varied(rng: random.Random, own: Sequence[str]) -> str:
    text = rng.choice(own)
    if rng.random() < 0.5:
        text = f"{rng.choice(STARTS[:8] if text.isascii() else STARTS[8:])} {text}"
    return f"{text} {rng.randrange(1000, 9999)}" if rng.random() < 0.5 else text


def _texts(path: Path) -> list[str]:
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return [row["text"] for row in rows if isinstance(row.get("text"), str) and row["text"].strip()]

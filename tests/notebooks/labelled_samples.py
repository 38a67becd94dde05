"""Labelled messages with a pattern that can be learned, for notebooks and measurements on small data."""

from __future__ import annotations

import json
from pathlib import Path

TOPICS = {
    "hours": ("when do you open", "opening hours on {}", "are you open on {}", "what time do you close {}"),
    "refund": ("refund my order", "money back for {}", "i want my refund {}", "return and refund {}"),
    "price": ("how much is it", "price of {}", "what does {} cost", "tell me the price {}"),
    "location": ("where is the shop", "address of the branch {}", "location near {}", "how to reach your branch {}"),
    "الدفع": ("طرق الدفع", "هل الدفع عند الاستلام متاح {}", "كيف ادفع {}", "الدفع بالبطاقة {}"),
}
FILLERS = ("friday", "today", "please", "the oud", "now", "الان", "tomorrow")
STRANGERS = ("my cat is asleep", "who won the match", "sing a song", "الجو جميل اليوم", "lorem ipsum dolor", "xyzzy")


def write_samples(folder: Path) -> tuple[Path, Path]:
    """Write ``train.jsonl`` and ``test.jsonl`` with other fillers; return their paths."""
    train, test = [], []
    for label, patterns in TOPICS.items():
        for pattern in patterns:
            texts = dict.fromkeys(pattern.format(filler) for filler in FILLERS)
            for i, text in enumerate(texts):
                (test if i % 3 == 2 else train).append({"text": text, "label": label})
    test += [{"text": text, "label": None} for text in STRANGERS]
    paths = folder / "train.jsonl", folder / "test.jsonl"
    for path, rows in zip(paths, (train, test), strict=True):
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        path.write_text(lines, encoding="utf-8")
    return paths

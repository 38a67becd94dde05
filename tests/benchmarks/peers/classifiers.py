"""What others would answer: ``python classifiers.py PEER TRAIN.jsonl TEST.jsonl OUT.jsonl MODEL``.

TRAIN and TEST hold ``{"text", "label" (null = out of scope)}``; MODEL is a sentence-transformers model for those that
take one. OUT gets ``{"label", "score"}`` for every row of TEST, scores being comparable within a peer. Runs in
``.venv-peers`` (``make peers``); ``nearest_example`` and ``linear_svm`` need no more than WaQtor itself does.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

Found = list[tuple[str, float]]


def nearest_example(texts: Sequence[str], labels: Sequence[str], asked: Sequence[str], model: str) -> Found:
    """The label of the example with the greatest cosine."""
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(model, device="cpu")
    examples, messages = (encoder.encode(list(part), normalize_embeddings=True) for part in (texts, asked))
    cosine = messages @ examples.T
    best = cosine.argmax(axis=1)
    return [(labels[at], float(row[at])) for at, row in zip(best, cosine, strict=True)]


def linear_svm(texts: Sequence[str], labels: Sequence[str], asked: Sequence[str], model: str) -> Found:
    """Characters (tf-idf of 2- to 5-grams within words) and a linear support vector machine."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    words = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    machine = LinearSVC().fit(words.fit_transform(texts), labels)
    margins = machine.decision_function(words.transform(asked))
    if margins.ndim == 1:
        margins = np.stack([-margins, margins], axis=1)
    return [(str(machine.classes_[row.argmax()]), float(row.max())) for row in margins]


def fasttext(texts: Sequence[str], labels: Sequence[str], asked: Sequence[str], model: str) -> Found:
    """fastText's classifier on words and subwords, as its tutorial sets it for little data."""
    import fasttext

    names = sorted(set(labels))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        lines = (
            f"__label__{names.index(b)} {' '.join(a.lower().split())}\n" for a, b in zip(texts, labels, strict=True)
        )
        path.write_text("".join(lines), encoding="utf-8")
        fitted = fasttext.train_supervised(
            str(path), lr=0.5, epoch=50, wordNgrams=2, minn=2, maxn=5, dim=100, loss="softmax", thread=1, verbose=0
        )
    found: Found = []
    for text in asked:
        # The inner call: in older releases the outer one fails with NumPy 2.
        pairs = fitted.f.predict(" ".join(text.lower().split()) + "\n", 1, 0.0, "strict")
        score, label = pairs[0] if pairs else (-1.0, "__label__0")
        found.append((names[int(label.removeprefix("__label__"))], float(score)))
    return found


def semantic_router(texts: Sequence[str], labels: Sequence[str], asked: Sequence[str], model: str) -> Found:
    """semantic-router as it comes (the mean of the nearest five), its confidence fitted on held-out examples."""
    return _routed(texts, labels, asked, model, "mean")


def semantic_router_max(texts: Sequence[str], labels: Sequence[str], asked: Sequence[str], model: str) -> Found:
    """The same with the nearest example of each route instead of the mean."""
    return _routed(texts, labels, asked, model, "max")


def _routed(texts: Sequence[str], labels: Sequence[str], asked: Sequence[str], model: str, aggregation: str) -> Found:
    from semantic_router import Route
    from semantic_router.encoders.local import LocalEncoder
    from semantic_router.routers.indexed import IndexedRouter

    encoder = LocalEncoder(name=model)

    def router(rows: Sequence[int], calibrator: object = None) -> IndexedRouter:
        grouped: dict[str, list[str]] = {}
        for i in rows:
            grouped.setdefault(labels[i], []).append(texts[i])
        routes = [Route(name=name, utterances=list(dict.fromkeys(said))) for name, said in grouped.items()]
        return IndexedRouter(encoder, routes, aggregation=aggregation, calibrator=calibrator)

    held = [i for i in range(len(texts)) if i % 5 == 4]
    part = router([i for i in range(len(texts)) if i % 5 != 4])
    known = {route.name for route in part.routes}
    held = [i for i in held if labels[i] in known]
    part.fit([texts[i] for i in held], [labels[i] for i in held])
    whole = router(range(len(texts)), part.calibrator)
    found: Found = []
    for text in asked:
        choice = whole(text)
        found.append((choice.name or "", float(choice.confidence or 0.0)))
    return found


def setfit(texts: Sequence[str], labels: Sequence[str], asked: Sequence[str], model: str) -> Found:
    """SetFit: the encoder tuned by contrast, a logistic regression on top; five pairs per example and sign."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    names = sorted(set(labels))
    tuned = SetFitModel.from_pretrained(model, labels=names)
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            output_dir=folder, num_iterations=5, num_epochs=1, batch_size=16, seed=7, report_to="none",
            save_strategy="no",
        )  # fmt: skip
        data = Dataset.from_dict({"text": list(texts), "label": [names.index(label) for label in labels]})
        Trainer(model=tuned, args=settings, train_dataset=data).train()
    shares = np.asarray(tuned.predict_proba(list(asked), as_numpy=True))
    return [(names[int(row.argmax())], float(row.max())) for row in shares]


PEERS = {
    each.__name__: each
    for each in (nearest_example, linear_svm, fasttext, semantic_router, semantic_router_max, setfit)
}


def main() -> None:
    name, train, test, out, model = sys.argv[1:]
    rows, asked = (
        [json.loads(line) for line in Path(path).read_text(encoding="utf-8-sig").split("\n") if line.strip()]
        for path in (train, test)
    )
    known = [row for row in rows if row.get("label") is not None and row["text"].strip()]
    began = time.perf_counter()
    found = PEERS[name](
        [row["text"] for row in known], [row["label"] for row in known], [row["text"] for row in asked], model
    )
    with Path(out).open("w", encoding="utf-8") as file:
        for label, score in found:
            file.write(json.dumps({"label": label or None, "score": score}, ensure_ascii=False) + "\n")
    print(f"{name}: {time.perf_counter() - began:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()

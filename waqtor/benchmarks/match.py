"""``waqtor bench match``: decisions per second and latency of the pipeline, the bare encoder, and an exact hit.

The pipeline decides on unique messages, so no vector comes from a cache, and half of the own samples are Arabic. The
peer, in the same run, is the plain sentence-transformers call on the same messages one at a time, followed by the
product with the example vectors: what a router by nearest example does. For the light encoder it is that encoder.
semantic-router answers the same messages too, in the environment of ``make peers``; without it that is left out.
The model is served from its ONNX graph as in the engine; making the graph is not part of the measurement.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from waqtor.benchmarks.accuracy import PYTHON, SCRIPTS, log, model_of
from waqtor.errors import InvalidInput
from waqtor.kernel.hooks import Incoming
from waqtor.settings import Settings
from waqtor.smartbot.encoders import make_encoder
from waqtor.smartbot.service import BotService

ROUTER = "semantic-router 1.1.1"
_SCRIPT = SCRIPTS / "router_speed.py"
EXACT_FLOOR_MS = 0.3
"""Most that an exact hit may take (median)."""
P50_FLOOR_MS = 3.0
P99_FLOOR_MS = 10.0
"""Most that a message may take that is in no cache, one at a time."""
IN_FLIGHT_FLOOR = 600.0
"""Decisions per second with 32 in flight."""

STARTS = (
    "hi,", "hello,", "please,", "good morning,", "hey there,", "sorry,", "excuse me,", "one question:",
    "لو سمحت", "مرحبا", "السلام عليكم", "صباح الخير", "سؤال:", "يا اخي", "من فضلك", "العفو",
)  # fmt: skip
_ENGLISH = (
    "where is my parcel {}", "can I return item {}", "how much is number {}", "is model {} in stock",
    "do you deliver {}", "order {} has not arrived", "I want to talk to somebody about {}",
    "what time do you close on day {}",
)  # fmt: skip
_ARABIC = (
    "وين طلبي رقم {}", "كم سعر المنتج {}", "ابغى ارجع الطلب {}", "متى يوصل الطلب {}", "هل يتوفر الموديل {}",
    "الطلب {} ما وصل", "ابغى اكلم احد عن {}", "متى تقفلون يوم {}",
)  # fmt: skip


def run(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Measure and return one object per figure.

    Args:
        options: ``messages`` (how many, default 400), ``dataset`` (a JSONL file with ``text``), ``encoder``,
            ``rules`` (folder), ``concurrency`` (decisions in flight, default 32), ``keep`` (folder that the graph,
            vectors and fitted heads are left in), ``python`` (interpreter that has semantic-router); all optional.

    Raises:
        InvalidInput: The dataset holds no text.
    """
    if options.get("keep"):
        Path(options["keep"]).mkdir(parents=True, exist_ok=True)
    return asyncio.run(_measure(options))


async def _measure(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    count = int(options.get("messages") or 400)
    texts = _messages(options.get("dataset"), count)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.get("keep") or temporary)
        base = Settings()
        settings = base.model_copy(
            update={
                "encoder": str(options.get("encoder") or base.encoder),
                "rules_dir": Path(options.get("rules") or base.rules_dir),
                "data_dir": folder,
                "bot_rate_per_chat": 1e9,
            }
        )
        encoder = make_encoder(settings.encoder, folder / "cache", settings.encoder_threads)
        service = BotService(settings, encoder=encoder)
        try:
            await service.start(watch=False)
            await service.rebuild()
            encoder.encode(["warm up"])
            one = await _sequential(service, texts)
            concurrency = int(options.get("concurrency") or 32)
            many = await _concurrent(service, texts, concurrency)
            bare = _bare(encoder, texts)
            peer_encoder = encoder if encoder.light else make_encoder(settings.encoder)
            examples = peer_encoder.encode(_examples(service))
            peer = _nearest(peer_encoder, texts, examples)
            exact = await _exact(service, max(count, 1000))
            router = _router(Path(options.get("python") or PYTHON), texts, _routes(service), settings.encoder)
        finally:
            await service.stop()
    name = "sentence-transformers, nearest example" if not encoder.light else f"encoder {encoder.name}, nearest example"
    rate = len(peer) / sum(peer)
    alone = _figure("match.decisions", len(one) / sum(one), one, name, rate)
    flying = _figure("match.decisions_in_flight", len(texts) / many[0], many[1], name, rate)
    alone |= {
        "floor_p50_ms": P50_FLOOR_MS,
        "floor_p99_ms": P99_FLOOR_MS,
        "ok": alone["p50_ms"] <= P50_FLOOR_MS and alone["p99_ms"] <= P99_FLOOR_MS,
    }
    flying |= {"concurrency": concurrency}
    if concurrency >= 32:
        flying |= {"floor": IN_FLIGHT_FLOOR, "ok": flying["value"] >= IN_FLIGHT_FLOOR}
    beside = []
    if router:
        beside = [_figure("match.beside_router", len(one) / sum(one), one, ROUTER, len(router) / sum(router))]
        beside[0] |= {"peer_p50_ms": round(float(np.median(router)) * 1000, 4)}
    return [
        alone,
        flying,
        *beside,
        _figure("match.encoder", len(bare) / sum(bare), bare, name, rate),
        {
            **_figure("match.exact_hit", len(exact) / sum(exact), exact, f"floor {EXACT_FLOOR_MS} ms", None),
            "floor": EXACT_FLOOR_MS,
            "ok": bool(np.median(exact) * 1000 < EXACT_FLOOR_MS),
        },
    ]


def _figure(name: str, rate: float, seconds: Sequence[float], peer: str, peer_rate: float | None) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(rate, 1),
        "unit": "1/s",
        "peer": peer,
        "peer_value": round(peer_rate, 1) if peer_rate is not None else None,
        "ratio": round(rate / peer_rate, 3) if peer_rate else None,
        "p50_ms": round(float(np.percentile(seconds, 50)) * 1000, 4),
        "p99_ms": round(float(np.percentile(seconds, 99)) * 1000, 4),
        "messages": len(seconds),
        "ok": True,
    }


def _messages(dataset: Any, count: int) -> list[str]:
    if dataset:
        lines = Path(dataset).read_text(encoding="utf-8").splitlines()
        texts = list(dict.fromkeys(str(json.loads(line)["text"]) for line in lines if line.strip()))[:count]
        if not texts:
            raise InvalidInput(f"{dataset} holds no texts.")
        return texts
    made: list[str] = []
    for i in range(count):
        frames = _ENGLISH if i % 2 == 0 else _ARABIC
        start = STARTS[(i // 2) % 8 + (0 if i % 2 == 0 else 8)]
        made.append(f"{start} {frames[i % len(frames)].format(1000 + i)}")
    return made


def _bare(encoder: Any, texts: Sequence[str]) -> list[float]:
    taken: list[float] = []
    for text in texts:
        began = time.perf_counter()
        encoder.encode([text])
        taken.append(time.perf_counter() - began)
    return taken


def _nearest(encoder: Any, texts: Sequence[str], examples: Any) -> list[float]:
    encoder.encode(["warm up"])
    taken: list[float] = []
    for text in texts:
        began = time.perf_counter()
        int((examples @ encoder.encode([text])[0]).argmax())
        taken.append(time.perf_counter() - began)
    return taken


def _router(python: Path, texts: Sequence[str], routes: Mapping[str, Sequence[str]], encoder: str) -> list[float]:
    if not (python.is_file() and _SCRIPT.is_file()):
        log("bench match: semantic-router is left out; `make peers` installs it")
        return []
    asked = json.dumps({"model": model_of(encoder), "routes": routes, "texts": list(texts)})
    done = subprocess.run(
        [str(python), str(_SCRIPT)], input=asked, capture_output=True, text=True, check=False,
        env={**os.environ, "TQDM_DISABLE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"},
    )  # fmt: skip
    if done.returncode:
        log(f"bench match: semantic-router is left out; it failed: {done.stderr.strip()[-400:]}")
        return []
    return [float(seconds) for seconds in json.loads(done.stdout.splitlines()[-1])]


def _incoming(text: str, number: int) -> Incoming:
    sender = f"9665{number:08d}"
    content = {"type": "text", "body": text}
    return Incoming(f"bench-{number}", "default", sender, sender, text, content, time.time_ns() // 1000)


async def _sequential(service: BotService, texts: Sequence[str]) -> list[float]:
    taken: list[float] = []
    for i, text in enumerate(texts):
        message = _incoming(text, i)
        began = time.perf_counter()
        await service.decide(message)
        taken.append(time.perf_counter() - began)
    return taken


async def _concurrent(service: BotService, texts: Sequence[str], limit: int) -> tuple[float, list[float]]:
    gate = asyncio.Semaphore(limit)
    taken: list[float] = []

    async def one(number: int, text: str) -> None:
        async with gate:
            message = _incoming(f"{text} again", 1_000_000 + number)
            began = time.perf_counter()
            await service.decide(message)
            taken.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(one(i, text) for i, text in enumerate(texts)))
    return time.perf_counter() - began, taken


def _routes(service: BotService) -> dict[str, list[str]]:
    found = {
        view.id: [phrase for phrases in view.rule.get("examples", {}).values() for phrase in phrases]
        for view in service.list_rules()
        if view.enabled and view.action == "reply"
    }
    return {rule: phrases for rule, phrases in found.items() if phrases}


def _examples(service: BotService) -> list[str]:
    found = [phrase for phrases in _routes(service).values() for phrase in phrases]
    if not found:
        raise InvalidInput("There is no rule with examples to measure exact hits on.")
    return found


async def _exact(service: BotService, count: int) -> list[float]:
    examples = _examples(service)
    taken: list[float] = []
    for i in range(count):
        message = _incoming(examples[i % len(examples)], 2_000_000 + i)
        began = time.perf_counter()
        await service.decide(message)
        taken.append(time.perf_counter() - began)
    return taken

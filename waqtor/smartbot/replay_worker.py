"""A replay in a process of its own, so that live messages are not kept waiting.

Started as ``python -m waqtor.smartbot.replay_worker``.

Reads JSON lines: first what to compare and with which encoder, then the messages. Writes JSON lines: after each chunk
how many messages are done and what would change, or ``{"error": …}``. It ends when its reader is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import structlog

from waqtor.errors import WaqtorError

NICER = 10
"""How much it stands back for other processes."""


def main() -> int:
    """Run the replay that stdin asks for."""
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=sys.stderr))
    with contextlib.suppress(OSError):
        os.nice(NICER)
    out = sys.stdout.buffer
    try:
        asyncio.run(_replay(sys.stdin.buffer, out))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except WaqtorError as error:
        _say(out, {"error": error.message, "details": error.details})
        return 1
    return 0


async def _replay(source: BinaryIO, out: BinaryIO) -> None:
    from waqtor.smartbot.compiler import RuleCompiler
    from waqtor.smartbot.encoders import make_encoder
    from waqtor.smartbot.render import Shop
    from waqtor.smartbot.rules_check import check
    from waqtor.smartbot.rules_io import load_texts
    from waqtor.smartbot.rules_replay import Past, RuleReplay
    from waqtor.smartbot.traffic_vectors import TrafficVectors

    asked: dict[str, Any] = orjson.loads(source.readline())
    past = [Past(**row) for row in _lines(source)]
    cache = Path(asked["data_dir"]) / "cache"
    encoder = make_encoder(asked["encoder"], cache, asked["encoder_threads"])
    compiler = RuleCompiler(Path(asked["rules_dir"]), encoder, cache / "trial", asked["bot_threshold"])
    old, new = (compiler.build(check(load_texts(asked[side]), near=False)) for side in ("before", "after"))
    _say(out, {"done": 0, "changes": []})
    with TrafficVectors(cache / "traffic", encoder) as vectors:
        replay = RuleReplay(encoder, vectors, Shop(asked["shop_name"], asked["timezone"]), asked["bot_margin"])
        async for changes, done in replay.chunks(past, old, new):
            _say(out, {"done": done, "changes": [change.as_dict() for change in changes]})


def _lines(source: BinaryIO) -> Iterator[dict[str, Any]]:
    for line in source:
        yield orjson.loads(line)


def _say(out: BinaryIO, what: dict[str, Any]) -> None:
    out.write(orjson.dumps(what, option=orjson.OPT_APPEND_NEWLINE, default=str))
    out.flush()


if __name__ == "__main__":
    raise SystemExit(main())

"""semantic-router, one message after another: reads routes and texts as JSON, prints the seconds of every call."""

from __future__ import annotations

import json
import sys
import time


def main() -> None:
    asked = json.load(sys.stdin)
    import torch
    from semantic_router import Route
    from semantic_router.encoders.local import LocalEncoder
    from semantic_router.routers.indexed import IndexedRouter

    torch.set_num_threads(1)
    routes = [Route(name=name, utterances=phrases) for name, phrases in asked["routes"].items()]
    router = IndexedRouter(LocalEncoder(name=asked["model"]), routes, aggregation="mean")
    router("warm up")
    taken = []
    for text in asked["texts"]:
        began = time.perf_counter()
        router(text)
        taken.append(time.perf_counter() - began)
    print(json.dumps(taken))


if __name__ == "__main__":
    main()

"""A process that takes in, queues, grants and settles, and prints what was acknowledged, until it is killed."""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path

from waqtor.contracts.messages import InboundMessage, TextContent
from waqtor.messaging.ports import Draft, Outcome, Pending
from waqtor.storage.ledger import SqlLedger
from waqtor.storage.store import SqlStore


def say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


async def lane(ledger: SqlLedger, run: str, number: int) -> None:
    for i in itertools.count():
        name = f"{run}.{number}.{i}"
        message = InboundMessage(
            session="s", message_id=f"p.{name}", sender="966500000001", chat_id="966500000001",
            content=TextContent(body=name), timestamp=1_700_000_000_000_000,
        )  # fmt: skip
        ours, _ = await ledger.accept(message)
        say("accepted", f"p.{name}", ours)
        row = await ledger.enqueue(Draft("s", f"k.{name}", "966500000001", {"type": "text", "body": name}))
        say("queued", f"k.{name}", row.message_id)
        granted = await ledger.grant(Pending(row.message_id, "s", "966500000001", {}, 5))
        say(granted.state, row.message_id)
        await ledger.settle(Outcome(row.message_id, "s", "966500000001", "sent", provider_id=f"w.{name}"))
        say("sent", row.message_id, f"w.{name}")


async def main(path: str, run: str) -> None:
    store = SqlStore.at("", Path(path), strict=False)
    await store.open()
    say("open", store.epoch)
    await asyncio.gather(*(lane(SqlLedger(store), run, n) for n in range(16)))


asyncio.run(main(sys.argv[1], sys.argv[2]))

"""A small bot of your own: answers "ping", and says what happens. Stop it with Ctrl-C.

Run it beside ``waqtor up``: ``python examples/basic_bot.py``. It keeps its place in ``basic_bot.cursor``: what
arrives while it is stopped is handled when it starts again, and nothing is answered twice.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any

from waqtor import WaqtorClient
from waqtor.client import Incoming

client = WaqtorClient(cursor=os.environ.get("BASIC_BOT_CURSOR", "basic_bot.cursor"))


@client.on("message.received")
def answer(data: dict[str, Any]) -> None:
    """Answer one word; everything else is left to SmartBot."""
    if (data["body"] or "").strip().casefold() == "ping":
        client.messages.send(data["chat_id"], "pong", idempotency_key=f"basic-bot:{data['message_id']}")


@client.on("smartbot.*", "message.failed", "session.status")
def tell(data: dict[str, Any], event: Incoming) -> None:
    """Say what happens, without texts or numbers."""
    print(event.type, data.get("rule_id") or data.get("status") or data.get("reason") or "", flush=True)


@client.on("gap")
def missed(data: dict[str, Any]) -> None:
    """Events that cannot be recovered: look into the messages instead."""
    print("missed events:", data["reason"], flush=True)


if __name__ == "__main__":
    with client, contextlib.suppress(KeyboardInterrupt):
        print("Listening. Ctrl-C stops.", flush=True)
        client.wait()

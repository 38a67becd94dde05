"""A transport that does what its script says, and what the sender needs around it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from waqtor.messaging.ports import Draft, Lookup, Outgoing
from waqtor.storage.ledger import SqlLedger

Step = str | Exception | Callable[[Outgoing], Awaitable[str]]


@dataclass
class ScriptedTransport:
    """``steps`` by chat are followed in order: an id to return, an error to raise, or a coroutine to run."""

    session: str = "default"
    kind: str = "scripted"
    window_s: float = 0.0
    steps: dict[str, list[Step]] = field(default_factory=dict)
    lookups: dict[str, list[Lookup | Exception]] = field(default_factory=dict)
    calls: list[Outgoing] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

    async def send(self, message: Outgoing) -> str:
        self.calls.append(message)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            steps = self.steps.get(message.to)
            step = steps.pop(0) if steps else f"w.{message.message_id}"
            await asyncio.sleep(0)
            if isinstance(step, Exception):
                raise step
            return step if isinstance(step, str) else await step(message)
        finally:
            self.in_flight -= 1

    async def lookup(self, message_id: str) -> Lookup:
        self.asked.append(message_id)
        answers = self.lookups.get(message_id) or self.lookups.get("*")
        answer = answers.pop(0) if answers else Lookup("unknown")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def bodies(self) -> list[str]:
        return [call.content["body"] for call in self.calls]


@dataclass
class Held:
    """A lease that the test takes away."""

    held: bool = True


async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.002)


async def states(ledger: SqlLedger) -> dict[str, str]:
    """State by body of every outgoing message."""
    import orjson

    rows = await ledger._store.rows(
        "SELECT p.data, m.state FROM messages m JOIN payloads p ON p.id = m.message_id WHERE direction = 'out'"
    )
    return {orjson.loads(row[0])["content"]["body"]: row[1] for row in rows}


def draft(body: str, to: str = "966501234567", **more: object) -> Draft:
    return Draft("default", f"k.{body}", to, {"type": "text", "body": body}, **more)

"""Feeding recorded messages through the simulator as if people wrote them now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from waqtor.contracts.addresses import parse_address
from waqtor.errors import InvalidInput, NotFound, Timeout
from waqtor.transports.simulator.control import SimulatorControl

WINDOW: Final = 256
"""Messages on their way to the engine at once."""

MAX_LINE: Final = 4 * 1024 * 1024
_FIRST_CONTACT: Final = 966_560_000_000


@dataclass(frozen=True, slots=True)
class Summary:
    """What a replay did.

    Attributes:
        messages: Messages fed in.
        acked: Of these, acknowledged by the engine, that is: committed.
        redelivered: Deliveries repeated because no acknowledgement came in time.
        replies: Sends that the simulator accepted meanwhile.
        duplicates: Of these, repeats of a message id that had been accepted before.
        seconds: From the first message to the last acknowledgement.
        rate: Acknowledged messages per second.
        settled_seconds: From the first message to the last reply.
    """

    messages: int
    acked: int
    redelivered: int
    replies: int
    duplicates: int
    seconds: float
    rate: float
    settled_seconds: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def read_messages(path: Path, limit: int | None = None) -> list[dict[str, Any]]:
    """Read lines of ``{"text", "from"?, "name"?, …}``; ``label`` and ``lang`` are left to whoever evaluates.

    Raises:
        NotFound: If the file is not there.
        InvalidInput: If a line is wrong; the message says ``file:line``.
    """
    messages: list[dict[str, Any]] = []
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if limit is not None and len(messages) >= limit:
                    break
                if line.strip():
                    messages.append(_message(line, f"{path}:{number}"))
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error
    return messages


def _message(line: bytes, where: str) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        raise InvalidInput(f"{where}: a line has at most {MAX_LINE} bytes.")
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"{where}: not a line of JSON in UTF-8 ({error.msg}).") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("text"), str):
        raise InvalidInput(f"{where}: expected an object with a 'text'.")
    raw.setdefault("push_name", raw.get("name"))
    for name in ("from", "push_name"):
        if raw.get(name) is not None and not isinstance(raw[name], str):
            raise InvalidInput(f"{where}: '{name}' is a text.")
    if raw.get("from") is not None:
        try:
            parse_address(raw["from"])
        except InvalidInput as error:
            raise InvalidInput(f"{where}: {error.message}") from error
    return {name: raw[name] for name in ("text", "from", "push_name") if raw.get(name) is not None}


async def replay_file(
    path: Path,
    socket: Path,
    *,
    rate: float = 0.0,
    limit: int | None = None,
    session: str = "default",
    contacts: int = 500,
    connect_timeout: float = 10.0,
    ack_timeout: float = 120.0,
    settle_s: float = 3.0,
    settle_timeout: float = 600.0,
    progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Feed the messages of ``path`` in, wait for their acknowledgements and until replies have stopped coming.

    Args:
        path: JSON lines.
        socket: The simulator's socket.
        rate: Messages per second; 0: as fast as they are acknowledged.
        limit: At most so many messages.
        session: The session that they are written to.
        contacts: So many different people write, in turn, where a line names nobody.
        connect_timeout: Seconds to wait for an engine to be connected.
        ack_timeout: Seconds to wait for one acknowledgement.
        settle_s: Replies have stopped when none came for so many seconds.
        settle_timeout: Longest wait for that, seconds.
        progress: Called with (acknowledged, total) after every acknowledgement.

    Raises:
        NotFound: If the file is not there.
        InvalidInput: If a line is wrong; nothing was fed in then.
        Unavailable: If no simulator answers.
        Timeout: If no engine is connected, or it never becomes quiet.
    """
    messages = read_messages(path, limit)
    async with SimulatorControl(socket) as control:
        await control.wait_connected(session, timeout=connect_timeout)
        before = await control.stats()
        acked, begun, ended = 0, time.monotonic(), 0.0
        queue = iter(enumerate(messages))

        async def feed() -> None:
            nonlocal acked, ended
            for position, message in queue:
                if rate > 0:
                    await asyncio.sleep(begun + position / rate - time.monotonic())
                sender = message.get("from") or str(_FIRST_CONTACT + position % max(1, contacts))
                try:
                    await control.inject({**message, "from": sender, "session": session}, timeout=ack_timeout)
                except Timeout:
                    continue
                acked += 1
                ended = time.monotonic()
                if progress is not None:
                    progress(acked, len(messages))

        feeders = [asyncio.ensure_future(feed()) for _ in range(min(WINDOW, len(messages)))]
        try:
            await asyncio.gather(*feeders)
        finally:
            for feeder in feeders:
                feeder.cancel()
            await asyncio.gather(*feeders, return_exceptions=True)
        after = await control.wait_idle(settle_s, settle_timeout)
        settled = time.monotonic() - after["quiet_s"]
    seconds = max(0.0, ended - begun)
    return Summary(
        messages=len(messages),
        acked=acked,
        redelivered=after["inbound_redelivered"] - before["inbound_redelivered"],
        replies=after["accepted"] - before["accepted"],
        duplicates=after["repeated"] - before["repeated"],
        seconds=round(seconds, 3),
        rate=round(acked / seconds, 1) if seconds else 0.0,
        settled_seconds=round(max(seconds, settled - begun), 3),
    )

"""The record of accepted calls: every call counts, repeats of a message id are never merged."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from waqtor.errors import ConfigurationError


@dataclass(slots=True)
class Call:
    """The accepted calls with one message id. ``orders`` are positions in the sequence of all calls (from 1)."""

    session: str
    to: str
    orders: list[int]
    hashes: list[str]
    provider_ids: list[str]

    @property
    def count(self) -> int:
        """How often it was accepted: 1 unless something was sent twice."""
        return len(self.orders)

    def as_dict(self, message_id: str) -> dict[str, Any]:
        """For the control connection."""
        return {
            "message_id": message_id,
            "session": self.session,
            "to": self.to,
            "count": self.count,
            "orders": self.orders,
            "hashes": self.hashes,
            "provider_ids": self.provider_ids,
        }


def content_hash(content: Any) -> str:
    """A short hash of a content that does not depend on the order of its keys."""
    return hashlib.blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


class CallRecord:
    """Accepted calls by message id, and in a file when one is given.

    The file has one JSON object per call; it is written before any answer leaves, and read again at start, so a
    restarted simulator still knows what it accepted. An unfinished last line (the process was killed) is cut off.
    ``on_buffered`` is called when there is something to :meth:`flush`.

    Raises:
        ConfigurationError: If the file cannot be opened or holds something else.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._calls: dict[str, Call] = {}
        self.total = 0
        self._buffer: list[bytes] = []
        self._fd = -1
        self.on_buffered: Callable[[], object] = lambda: None
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
                self._load(file)
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise ConfigurationError(f"{file} cannot be used as a record of calls: {error}") from error

    def _load(self, file: Path) -> None:
        good = 0
        with file.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                row = orjson.loads(line)
                self._add(row["message_id"], row["session"], row["to"], row["hash"], row["provider_id"])
                good += len(line)
        os.ftruncate(self._fd, good)

    @property
    def unique(self) -> int:
        """How many message ids were accepted."""
        return len(self._calls)

    def get(self, message_id: str) -> Call | None:
        """The calls with ``message_id``."""
        return self._calls.get(message_id)

    def accept(self, message_id: str, session: str, to: str, content: Any, provider_id: str, now_us: int) -> None:
        """Count a call."""
        digest = content_hash(content)
        order = self._add(message_id, session, to, digest, provider_id)
        if self._fd >= 0:
            row = {
                "order": order,
                "message_id": message_id,
                "session": session,
                "to": to,
                "hash": digest,
                "provider_id": provider_id,
                "at": now_us,
            }
            if not self._buffer:
                self.on_buffered()
            self._buffer.append(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))

    def _add(self, message_id: str, session: str, to: str, digest: str, provider_id: str) -> int:
        self.total += 1
        call = self._calls.get(message_id)
        if call is None:
            self._calls[message_id] = Call(session, to, [self.total], [digest], [provider_id])
        else:
            call.orders.append(self.total)
            call.hashes.append(digest)
            call.provider_ids.append(provider_id)
        return self.total

    def page(self, after: int, limit: int) -> Iterator[tuple[str, Call]]:
        """Message ids in order of their first call, from position ``after``."""
        return itertools.islice(self._calls.items(), after, after + limit)

    def flush(self) -> None:
        """Write what was counted since the last time to the file.

        Raises:
            OSError: If that fails.
        """
        if self._buffer and self._fd >= 0:
            payload = memoryview(b"".join(self._buffer))
            self._buffer.clear()
            while payload:
                payload = payload[os.write(self._fd, payload) :]

    def close(self) -> None:
        """Close the file; :meth:`flush` comes before."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

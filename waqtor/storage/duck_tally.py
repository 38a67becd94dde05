"""What the log takes beside the journal: HTTP requests, WebSocket frames, and snapshots of the metrics.

Requests and frames are a row each, above 1,000 a second exact sums per second.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable

from waqtor.kernel.snapshots import Measured
from waqtor.storage.duck_rows import Row, Rows, moment

ROWS_PER_SECOND = 1000
_MOST_KEYS = 50_000
_SECOND = 1_000_000
_HOUR = 3600 * _SECOND
MOST_MEASURED = 100_000
"""Numbers of snapshots that wait while the file cannot be written; then snapshots wait for room."""


class Tally:
    """Collects rows until the logger takes them; thread-safe, bounded while the file cannot be written."""

    def __init__(self, rows_per_second: int = ROWS_PER_SECOND) -> None:
        self._limit = rows_per_second
        self._lock = threading.Lock()
        self._second = -1
        self._count = 0
        self._requests: list[Row] = []
        self._frames: list[Row] = []
        self._measured: list[Row] = []
        self._request_sums: dict[tuple[int, str, str, str, int, str], list[float]] = {}
        self._frame_sums: dict[tuple[int, str, str, str], list[int]] = {}

    def request(
        self, now_us: int, session: str, method: str, route: str, status: int, key_id: str, ms: float, size: int
    ) -> None:
        """Count an HTTP request; ``ms`` is its duration, ``size`` the answer's bytes."""
        with self._lock:
            if self._single(now_us, self._requests):
                self._requests.append((moment(now_us), session, method, route, status, key_id, 1, ms, size))
                return
            bucket = self._bucket(now_us, len(self._request_sums))
            sums = self._request_sums.setdefault((bucket, session, method, route, status, key_id), [0, 0.0, 0])
            sums[0] += 1
            sums[1] += ms
            sums[2] += size

    def frame(self, now_us: int, session: str, direction: str, kind: str, size: int, count: int = 1) -> None:
        """Count ``count`` equal WebSocket frames of ``size`` bytes in all."""
        with self._lock:
            if self._single(now_us, self._frames):
                self._frames.append((moment(now_us), session, direction, kind, count, size))
                return
            bucket = self._bucket(now_us, len(self._frame_sums))
            sums = self._frame_sums.setdefault((bucket, session, direction, kind), [0, 0])
            sums[0] += count
            sums[1] += size

    def snapshot(self, now_us: int, started_us: int, seconds: float, found: Iterable[Measured]) -> bool:
        """Take a snapshot of the metrics (:data:`waqtor.kernel.snapshots.Keep`); false when there is no room."""
        now, started = moment(now_us), moment(started_us)
        rows: list[Row] = [
            (now, json.loads(m.labels).get("session", ""), started, seconds, m.name, m.labels, m.kind, m.value, m.added)
            for m in found
        ]
        with self._lock:
            if len(self._measured) + len(rows) > MOST_MEASURED:
                return False
            self._measured += rows
        return True

    def _single(self, now_us: int, pending: list[Row]) -> bool:
        """Whether this one gets a row of its own."""
        second = now_us // _SECOND
        if second != self._second:
            self._second, self._count = second, 0
        self._count += 1
        return self._count <= self._limit and len(pending) < 20 * self._limit

    def _bucket(self, now_us: int, keys: int) -> int:
        """Start of the second, or of the hour when a locked file has let very many pile up."""
        width = _SECOND if keys < _MOST_KEYS else _HOUR
        return now_us // width * width

    def take(self) -> Rows:
        """Everything collected so far, as rows by table; empty when there is nothing."""
        with self._lock:
            requests, self._requests = self._requests, []
            frames, self._frames = self._frames, []
            request_sums, self._request_sums = self._request_sums, {}
            frame_sums, self._frame_sums = self._frame_sums, {}
            measured, self._measured = self._measured, []
        requests += [
            (moment(at), session, method, route, status, key, int(n), ms, int(size))
            for (at, session, method, route, status, key), (n, ms, size) in request_sums.items()
        ]
        frames += [
            (moment(at), s, direction, kind, n, size) for (at, s, direction, kind), (n, size) in frame_sums.items()
        ]
        collected = (("http_requests", requests), ("ws_frames", frames), ("metrics", measured))
        return {name: rows for name, rows in collected if rows}

    def give_back(self, rows: Rows) -> None:
        """Put rows back that could not be written (as sums once there are too many)."""
        with self._lock:
            self._measured[:0] = rows.get("metrics", ())
        for row in rows.get("http_requests", ()):
            with self._lock:
                if len(self._requests) < 20 * self._limit:
                    self._requests.append(row)
                    continue
                at, session, method, route, status, key, n, ms, size = row
                second = int(at.timestamp()) * _SECOND
                bucket = self._bucket(second, len(self._request_sums))
                sums = self._request_sums.setdefault((bucket, session, method, route, status, key), [0, 0.0, 0])
                sums[0] += n
                sums[1] += ms
                sums[2] += size
        for row in rows.get("ws_frames", ()):
            with self._lock:
                if len(self._frames) < 20 * self._limit:
                    self._frames.append(row)
                    continue
                at, session, direction, kind, n, size = row
                second = int(at.timestamp()) * _SECOND
                counts = self._frame_sums.setdefault(
                    (self._bucket(second, len(self._frame_sums)), session, direction, kind), [0, 0]
                )
                counts[0] += n
                counts[1] += size

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from waqtor.storage.ledger import SqlLedger

SCRIPT = Path(__file__).with_name("crash_script.py")


def killed_run(path: Path, run: str, seconds: float) -> list[list[str]]:
    """Let the script work for a random time, kill it and return what it said whole."""
    with subprocess.Popen([sys.executable, str(SCRIPT), str(path), run], stdout=subprocess.PIPE) as process:
        lines: list[bytes] = []
        first = process.stdout.readline()
        assert first.startswith(b"open"), first
        reader = threading.Thread(target=lambda: lines.extend(process.stdout))
        reader.start()
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        reader.join()
    return [line.decode().split() for line in [first, *lines] if line.endswith(b"\n")]


@pytest.mark.chaos
async def test_what_was_acknowledged_survives_kill_9_and_nothing_is_there_twice(sqlite):
    chance = random.Random(7)
    said: list[list[str]] = []
    for run in range(5):
        said += killed_run(sqlite.path, str(run), chance.uniform(0.05, 0.6))
    async with sqlite.opened(strict=False) as store:
        assert {words[1] for words in said if words[0] == "open"} == {store.epoch}
        rows = await store.rows("SELECT message_id, direction, state, provider_id, key, attempt FROM messages")
        by_id = {row[0]: row for row in rows}
        acknowledged = Counter(words[0] for words in said)
        assert acknowledged["sent"] > 50, acknowledged
        for word, *more in said:
            if word == "accepted":
                assert by_id[more[1]][1:4] == ("in", "received", more[0])
            elif word == "queued":
                assert by_id[more[1]][4] == more[0]
            elif word == "go":
                assert by_id[more[0]][2] in ("sending", "sent")
                assert by_id[more[0]][5] == 1
            elif word == "sent":
                assert by_id[more[0]][2:4] == ("sent", more[1])
        assert "gone" not in acknowledged
        inbound = [row[3] for row in rows if row[1] == "in"]
        keys = [row[4] for row in rows if row[1] == "out"]
        assert len(set(inbound)) == len(inbound)
        assert len(set(keys)) == len(keys)

        events = []
        while page := await store.journal.read(events[-1].offset if events else 0, 1000):
            events += page
        assert [e.offset for e in events] == list(range(1, len(events) + 1))
        told = Counter((e.type, e.data["message_id"]) for e in events)
        assert set(told.values()) == {1}
        assert {i for t, i in told if t == "message.received"} == {row[0] for row in rows if row[1] == "in"}
        assert {i for t, i in told if t == "message.sent"} == {row[0] for row in rows if row[2] == "sent"}
        sending = {row[0] for row in rows if row[2] == "sending"}
        assert {p.message_id for p, _ in await SqlLedger(store).unsettled("s")} == sending
        assert await store.rows("PRAGMA integrity_check") == [("ok",)]

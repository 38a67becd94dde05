from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from waqtor.errors import ConfigurationError
from waqtor.transports.simulator.client import SimulatorTransport
from waqtor.transports.simulator.process import SimulatorProcess

HEAVY = {"torch", "fastapi", "sqlalchemy", "pydantic", "numpy", "duckdb", "structlog", "typer", "rich"}


def test_the_process_imports_nothing_heavy() -> None:
    program = "import sys, waqtor.transports.simulator.__main__; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


async def test_starts_refuses_a_second_one_and_stops(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    async with SimulatorProcess(path) as simulator:
        assert simulator.is_running
        assert (await simulator.control.stats())["accepted"] == 0
        with pytest.raises(ConfigurationError, match="already listening"):
            await SimulatorProcess(path).start()
        assert simulator.is_running
    assert not simulator.is_running
    assert not path.exists()


async def test_a_long_path_works_through_the_process(tmp_path: Path) -> None:
    async with SimulatorProcess(tmp_path / ("x" * 100) / "simulator.sock") as simulator:
        assert (await simulator.control.stats())["connected"] == []


async def test_the_record_outlives_a_crash_of_the_simulator(tmp_path: Path, make_sink: Any, make_text: Any) -> None:
    path, record = tmp_path / "s.sock", tmp_path / "calls.jsonl"
    simulator, sink = SimulatorProcess(path, record=record), make_sink()
    await simulator.start()
    transport = SimulatorTransport("default", path, backoff=lambda n: 0.02)
    await transport.start(sink)
    await simulator.control.wait_connected()
    while "ready" not in sink.states:
        await asyncio.sleep(0.002)
    await asyncio.gather(*(transport.send(make_text(f"M{n}")) for n in range(100)))
    await simulator.kill()
    assert len(record.read_bytes().splitlines()) == 100
    again = SimulatorProcess(path, record=record)
    await again.start()
    await again.control.wait_connected()
    assert (await transport.lookup("M7")).state == "accepted"
    while sink.states[-1] != "ready":
        await asyncio.sleep(0.002)
    await transport.send(make_text("M7"))
    assert (await again.control.call("M7"))["count"] == 2
    await transport.stop()
    await again.stop()


ENGINE = """
import asyncio, sys
from pathlib import Path
from waqtor.messaging.ports import Outgoing
from waqtor.transports.simulator.client import SimulatorTransport
class Sink:
    ready = asyncio.Event()
    async def message(self, message):
        print("in", message.message_id, flush=True)
        if sys.argv[2] == "never":
            await asyncio.sleep(60)
    async def receipts(self, receipts): pass
    async def report(self, report):
        if report.status == "ready": self.ready.set()
async def main():
    transport, sink = SimulatorTransport("default", Path(sys.argv[1])), Sink()
    await transport.start(sink)
    await sink.ready.wait()
    print("ready", flush=True)
    for n in range(10**9):
        await transport.send(Outgoing(f"K{n}", "default", "966500000009", {"type": "text", "body": "x"}))
        print("sent", n, flush=True)
asyncio.run(main())
"""


async def test_a_killed_engine_leaves_the_record_and_gets_its_messages_again(
    tmp_path: Path, make_sink: Any, wait_until: Any
) -> None:
    path = tmp_path / "s.sock"
    async with SimulatorProcess(path) as simulator:
        engine = subprocess.Popen(
            [sys.executable, "-c", ENGINE, str(path), "never"], stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert engine.stdout is not None
        await simulator.control.wait_connected()
        ids = await simulator.control.inject_many(["one", "two"], wait=False)
        printed = []
        while f"in {ids[0]}" not in printed or "sent 200" not in printed:
            printed.append((await asyncio.to_thread(engine.stdout.readline)).strip())
        os.kill(engine.pid, signal.SIGKILL)
        printed += [line.strip() for line in await asyncio.to_thread(engine.stdout.readlines)]
        engine.wait()
        engine.stdout.close()
        calls = await simulator.control.calls()
        known = max(int(line.split()[1]) for line in printed if line.startswith("sent"))
        assert set(calls) >= {f"K{n}" for n in range(known + 1)}
        assert len(calls) <= known + 2
        assert all(call["count"] == 1 for call in calls.values())
        sink = make_sink()
        transport = SimulatorTransport("default", path)
        await transport.start(sink)
        await wait_until(lambda: len(sink.messages) == 2)
        assert [m.message_id for m in sink.messages] == ids
        await transport.stop()


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    program = (
        "import asyncio, sys, os, pathlib; from waqtor.transports.simulator.process import SimulatorProcess\n"
        "async def main():\n"
        "    s = SimulatorProcess(pathlib.Path(sys.argv[1])); await s.start(); print(s.pid, flush=True); os._exit(9)\n"
        "asyncio.run(main())"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True)
    pid = int(done.stdout)
    deadline = time.monotonic() + 5
    while path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not path.exists(), f"simulator {pid} still runs"


async def test_wrong_arguments_are_explained(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("not a record\n")
    with pytest.raises(ConfigurationError, match="record"):
        await SimulatorProcess(tmp_path / "s.sock", record=tmp_path / "notes").start()
    with pytest.raises(ConfigurationError, match="receipts"):
        await SimulatorProcess(tmp_path / "s.sock", receipts="fast").start()

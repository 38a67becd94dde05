from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from waqtor.cli.replay import replay

app = typer.Typer()
app.command()(replay)

PROGRAM = """
import asyncio, sys
from pathlib import Path
from waqtor.transports.simulator.client import SimulatorTransport
from waqtor.transports.simulator.process import SimulatorProcess
class Sink:
    async def message(self, message): pass
    async def receipts(self, receipts): pass
    async def report(self, report):
        if report.status == "ready": print("ready", flush=True)
async def main():
    async with SimulatorProcess(Path(sys.argv[1])) as simulator:
        transport = SimulatorTransport("default", simulator.socket)
        await transport.start(Sink())
        await asyncio.to_thread(sys.stdin.readline)
        await transport.stop()
asyncio.run(main())
"""


@pytest.fixture
def socket(tmp_path: Path):
    path = tmp_path / "s.sock"
    engine = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert engine.stdout is not None
    assert engine.stdout.readline().strip() == "ready"
    yield path
    engine.communicate("stop\n", timeout=20)


def test_a_summary_as_json_and_for_people(socket: Path, tmp_path: Path) -> None:
    file = tmp_path / "m.jsonl"
    file.write_text("".join(json.dumps({"text": f"سؤال {n}"}) + "\n" for n in range(50)))
    arguments = [str(file), "--socket", str(socket), "--settle", "0.1"]
    result = CliRunner().invoke(app, [*arguments, "--json", "--limit", "20"])
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    assert (summary["messages"], summary["acked"], summary["replies"]) == (20, 20, 0)
    result = CliRunner().invoke(app, [*arguments, "--speed", "500"])
    assert result.exit_code == 0
    assert "acked            50" in result.stdout
    assert "50/50" in result.stderr


def test_errors_are_one_line_and_exit_code_1(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path / "none.jsonl"), "--socket", str(tmp_path / "s.sock")])
    assert result.exit_code == 1
    assert "cannot be read" in result.stderr
    file = tmp_path / "m.jsonl"
    file.write_text('{"text": "[bold]x"}\n{"text": 1}\n')
    result = CliRunner().invoke(app, [str(file), "--socket", str(tmp_path / "s.sock")])
    assert result.exit_code == 1
    assert "m.jsonl:2" in result.stderr.replace("\n", "")
    file.write_text('{"text": "x"}\n')
    result = CliRunner().invoke(app, [str(file), "--socket", str(tmp_path / "s.sock"), "--json"])
    assert result.exit_code == 1
    assert "waqtor up" in result.stderr.replace("\n", " ")
    assert result.stdout == ""

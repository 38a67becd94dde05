"""The campaign example against a real engine, by its command line."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEY = "example-key-0123456789abcdef0123"


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A sidecar as its own process, without a simulator: a campaign for tomorrow needs none."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "rules").mkdir()
    found = {
        **os.environ, "WAQTOR_DATA_DIR": str(tmp_path / "run"), "WAQTOR_RULES_DIR": str(tmp_path / "rules"),
        "WAQTOR_ENCODER": "hashing", "WAQTOR_PORT": str(port), "WAQTOR_API_KEY": KEY, "PYTHONPATH": str(ROOT),
        "WAQTOR_API_URL": f"http://127.0.0.1:{port}",
    }  # fmt: skip
    with (tmp_path / "engine.log").open("wb") as log:
        engine = subprocess.Popen(
            [sys.executable, "-m", "waqtor", "serve"], env=found, cwd=tmp_path, stdout=log, stderr=log
        )
    try:
        for _ in range(400):
            assert engine.poll() is None, (tmp_path / "engine.log").read_text()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1):
                    break
            except OSError:
                time.sleep(0.05)
        yield found
    finally:
        engine.terminate()
        engine.wait(20)


@pytest.mark.slow
def test_the_campaign_scheduler_rehearses_schedules_and_waits(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("phone,name\n0501234567,Ali\n+966502345678,\nnonsense,X\n", encoding="utf-8")
    example = [sys.executable, str(ROOT / "examples" / "campaign_scheduler.py"), "list.csv", "{{name}}, we open!"]
    with subprocess.Popen(
        example, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(3)]
        process.kill()
    assert told[0].startswith("left out, line 4:")
    assert told[1].startswith("2 of 2 will get it"), told
    assert re.match(r"scheduled .*0 of 2$", told[2]), told

"""A real engine for the browser: simulator and sidecar as processes of their own, with rules in a git repository."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from waqtor.transports.simulator.control import SimulatorControl

T = TypeVar("T")
KEY = "ui-test-key-0123456789abcdef0123"
RULES = """\
version: 1
# The shop in Olaya street
rules:
  - id: hours
    description: Opening hours.
    examples:
      en: [when do you open, opening hours please]
      ar: [متى تفتحون, كم ساعات العمل عندكم]
    replies:
      en: [{text: "We open at nine."}]
      ar: [{text: "نفتح الساعة التاسعة."}]
  - id: price
    description: Prices.
    examples:
      en: [how much does it cost]
      ar: [كم سعر المنتج]
    replies:
      en: [{text: "From 20 riyals."}]
      ar: [{text: "من ٢٠ ريالاً."}]
  - id: place
    description: Where the shop is.
    examples:
      en: [where is your shop]
      ar: [وين موقع المحل]
    replies:
      en: [{text: "In Riyadh."}]
      ar: [{text: "في الرياض."}]
"""


def git(folder: Path, *args: str) -> str:
    """What git says in a folder."""
    done = subprocess.run(["git", "-C", str(folder), *args], capture_output=True, text=True, check=True)
    return done.stdout


def make_folder(folder: Path) -> Path:
    """Rules, committed; the engine's data comes beside them."""
    rules = folder / "rules"
    rules.mkdir()
    (rules / "shop.yaml").write_text(RULES, encoding="utf-8")
    git(rules, "init", "-q")
    git(rules, "config", "user.email", "shop@example.com")
    git(rules, "config", "user.name", "Shop")
    git(rules, "add", ".")
    git(rules, "commit", "-qm", "Rules")
    return folder


def serve_engine(folder: Path) -> Iterator[str]:
    """Simulator and sidecar, until the generator is closed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ, "WAQTOR_DATA_DIR": str(folder), "WAQTOR_RULES_DIR": str(folder / "rules"),
        "WAQTOR_ENCODER": "hashing", "WAQTOR_PORT": str(port), "WAQTOR_API_KEY": KEY,
        "WAQTOR_SIMULATOR_SOCKET": str(folder / "s.sock"), "WAQTOR_LOG_FLUSH_MS": "50",
    }  # fmt: skip
    simulator = [sys.executable, "-m", "waqtor.transports.simulator", "--socket", str(folder / "s.sock")]
    with (folder / "engine.log").open("wb") as log:
        children = [
            subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
            for command in (simulator, [sys.executable, "-m", "waqtor", "serve"])
        ]
        try:
            _wait(f"http://127.0.0.1:{port}/readyz", children[1], folder / "engine.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            for child in reversed(children):
                child.terminate()
                child.wait(20)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"The sidecar did not become ready:\n{log.read_text(errors='replace')[-2000:]}")


def talk(folder: Path, work: Callable[[SimulatorControl], Awaitable[T]]) -> T:
    """Have customers write, through the simulator; returns what ``work`` returns.

    Playwright's own loop runs in the test's thread: this one needs another.
    """

    async def run() -> T:
        async with SimulatorControl(folder / "s.sock") as control:
            return await work(control)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, run()).result(60)

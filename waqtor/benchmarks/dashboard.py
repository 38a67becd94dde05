"""``waqtor bench dashboard``: pages of the dashboard in a real browser over a large store and log.

A data folder of so many messages is made (see :mod:`waqtor.benchmarks.bigstore`), the sidecar and the dashboard start
on it as their own processes, and Chromium opens each page anew. First paint is the moment from the request to the first
thing of the page itself being drawn (its marked part, not the frame around it); beside it stands when the last chart is
there. An interaction is a click or a choice: from the input to the end of the script run that it causes, as Streamlit's
own state says. Everything is done once unmeasured before, as after a start, so that what is measured is what people
meet; a page's caches of a few seconds have run out in between.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from waqtor.benchmarks.bigstore import prepare
from waqtor.errors import ConfigurationError
from waqtor.settings import Settings

PAINT_FLOOR_MS = 1500.0
INTERACTION_FLOOR_MS = 300.0
CACHES_S = 2.3
"""Longer than the pages keep what they read."""

# Page, what of it is drawn first, what last, and the interactions: name and the button (by its place) to click.
_CHART = "[data-testid=stPlotlyChart]:has(.main-svg) >> nth={}"
_ROW = "[class*=st-key-chatrow_]"
_SEGMENT = ".st-key-{} button >> nth={}"
PAGES: tuple[tuple[str, str, str, tuple[tuple[str, str], ...]], ...] = (
    ("overview", "[data-testid=stMetric]", ".st-key-card_rules .wq-item", (
        ("7 days", _SEGMENT.format("overview_span", 2)), ("24 hours", _SEGMENT.format("overview_span", 1)),
    )),
    ("messages", _ROW, _ROW, (("another chat", f"{_ROW} button >> nth=2"),)),
    ("history", "[data-testid=stDataFrame]", "[data-testid=stDataFrame] canvas", (
        ("decision", "choose:history_decision:4"), ("language", "choose:history_language:1"),
        ("period", "choose:history_span:3"), ("search", "type:history_search:order"),
    )),
    ("analytics", "[data-testid=stMetric]", _CHART.format(5), (
        ("24 hours", _SEGMENT.format("analytics_period", 0)), ("30 days", _SEGMENT.format("analytics_period", 2)),
        ("all", _SEGMENT.format("analytics_period", 4)),
    )),
)  # fmt: skip
_STATE = "document.querySelector('[data-testid=stApp]')?.getAttribute('data-test-script-state')"
_WATCH = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  window.__runs = [];
  new MutationObserver(() => window.__runs.push([performance.now(), app.getAttribute('data-test-script-state')]))
    .observe(app, {attributes: true, attributeFilter: ['data-test-script-state']});
}"""


def run(*, messages: int = 1_000_000, rounds: int = 3, keep: Path | None = None) -> list[dict[str, Any]]:
    """Measure.

    Args:
        messages: In the store and in the log.
        rounds: How often each page is opened and used; the median counts.
        keep: Folder of the data; one that is filled already is used again.

    Raises:
        ConfigurationError: There is no Chromium.
    """
    browser = os.environ.get("WAQTOR_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        raise ConfigurationError("There is no Chromium here; name one by WAQTOR_CHROMIUM.")
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        settings = Settings(data_dir=folder, encoder="hashing")
        if not settings.sqlite_path.exists():
            asyncio.run(prepare(settings, messages))
        with _served(folder) as base:
            return _measure(base, browser, messages, rounds)


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    from dashboard.launch import command

    ports = [_free_port(), _free_port()]
    url, base = (f"http://127.0.0.1:{port}" for port in ports)
    env = {
        **os.environ, "WAQTOR_DATA_DIR": str(folder), "WAQTOR_PORT": str(ports[0]), "WAQTOR_API_URL": url,
        "WAQTOR_ENCODER": "hashing",
    }  # fmt: skip
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    children = [subprocess.Popen([sys.executable, "-m", "waqtor", "serve"], env=env, **quiet)]
    try:
        key = Settings(data_dir=folder).key_file
        _until(lambda: key.is_file() and _answers(f"{url}/healthz"))
        env["WAQTOR_API_KEY"] = key.read_text(encoding="utf-8").strip()
        children.append(subprocess.Popen(command(ports[1]), env=env, **quiet))
        _until(lambda: _answers(f"{base}/_stcore/health"))
        yield base
    finally:
        for child in reversed(children):
            child.terminate()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _measure(base: str, executable: str, messages: int, rounds: int) -> list[dict[str, Any]]:
    from playwright.sync_api import sync_playwright

    paints: dict[str, list[float]] = {}
    wholes: dict[str, list[float]] = {}
    steps: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        for number in range(rounds + 1):
            for name, drawn, last, actions in PAGES:
                page = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en").new_page()
                time.sleep(CACHES_S)
                began = time.perf_counter()
                # the first page has no path of its own
                page.goto(f"{base}/{'' if name == PAGES[0][0] else name}?lang=en", wait_until="commit")
                page.locator(drawn).first.wait_for(timeout=60_000)
                paint = (time.perf_counter() - began) * 1000
                page.locator(last).first.wait_for(timeout=60_000)
                whole = (time.perf_counter() - began) * 1000
                _idle(page)
                page.evaluate(_WATCH)
                if number:
                    paints.setdefault(name, []).append(paint)
                    wholes.setdefault(name, []).append(whole)
                for label, target in actions:
                    took = _act(page, target)
                    if number:
                        steps.setdefault(f"{name}: {label}", []).append(took)
                page.context.close()
        browser.close()
    shared = {"messages": messages, "rounds": rounds}
    return [
        _figure("dashboard.first_paint", paints, PAINT_FLOOR_MS) | shared,
        _figure("dashboard.whole", wholes, None) | shared,
        _figure("dashboard.interaction", steps, INTERACTION_FLOOR_MS) | shared,
    ]


def _figure(name: str, found: dict[str, list[float]], floor: float | None) -> dict[str, Any]:
    medians = {key: round(statistics.median(values), 1) for key, values in found.items()}
    worst = max(medians.values(), default=0.0)
    return {
        "name": name, "value": worst, "unit": "ms", "peer": "", "peer_value": None, "ratio": None, "floor": floor,
        "each": medians, "ok": floor is None or worst <= floor,
    }  # fmt: skip


def _act(page: Any, target: str) -> float:
    """Do something and return the milliseconds until the run that it causes is over."""
    kind, *more = target.split(":", 2) if target.startswith(("choose:", "type:")) else ("click", target)
    if kind == "choose":
        page.locator(f".st-key-{more[0]} input").first.click()
        option = page.locator("[role=option]").nth(int(more[1]) - 1)
        option.wait_for()
        begin = page.evaluate("window.__runs.length = 0, performance.now()")
        option.click()
    elif kind == "type":
        field = page.locator(f".st-key-{more[0]} input").first
        field.fill(more[1])
        begin = page.evaluate("window.__runs.length = 0, performance.now()")
        field.press("Enter")
    else:
        begin = page.evaluate("window.__runs.length = 0, performance.now()")
        page.locator(more[0]).click()
    page.wait_for_function("window.__runs.some(run => run[1] === 'notRunning')", timeout=60_000, polling=10)
    end = page.evaluate("window.__runs.find(run => run[1] === 'notRunning')[0]")
    _idle(page)
    time.sleep(CACHES_S)
    return float(end - begin)


def _idle(page: Any) -> None:
    page.wait_for_function(f"{_STATE} === 'notRunning'", timeout=60_000)
    page.wait_for_timeout(300)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until(ready: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise ConfigurationError("The sidecar or the dashboard did not start.")
        time.sleep(0.2)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False

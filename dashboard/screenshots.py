"""Pictures of the dashboard for the README: ``python -m dashboard.screenshots --out docs/images``.

They show the demonstration shop of the tests unless ``--url`` (and ``WAQTOR_API_KEY``) name a running sidecar.
"""

from __future__ import annotations

import argparse
import io
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from dashboard.launch import command

SIZE = {"width": 1280, "height": 800}
COLOURS = 256
SHOTS = (
    ("bench", "ar", "light", "bench", 1080),
    ("overview", "en", "dark", "", 940),
)
"""Name, language, theme, path and height of each picture."""


@contextmanager
def served(url: str, key: str) -> Iterator[str]:
    """The dashboard on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**os.environ, "WAQTOR_API_URL": url, "WAQTOR_API_KEY": key}
    process = subprocess.Popen(command(port), env=env, stdout=subprocess.DEVNULL)
    try:
        base = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                with urllib.request.urlopen(f"{base}/_stcore/health", timeout=1):
                    break
            except OSError:
                time.sleep(0.2)
        yield base
    finally:
        process.terminate()
        process.wait(10)


def take(base: str, out: Path, browser_path: str) -> list[Path]:
    """Take all pictures; returns their paths."""
    from playwright.sync_api import sync_playwright

    made = []
    with sync_playwright() as playwright:
        args = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=browser_path, args=args)
        for name, lang, theme, path, height in SHOTS:
            context = browser.new_context(
                viewport={"width": SIZE["width"], "height": height},
                color_scheme=theme,
                locale=lang,
                timezone_id="Asia/Riyadh",
            )
            page = context.new_page()
            page.goto(f"{base}/{path}?lang={lang}")
            page.locator(".wq-badge").first.wait_for(timeout=30_000)
            if path == "bench":
                page.locator(".st-key-bench_sample button").nth(2).click()
                page.locator(".wq-step").last.wait_for(timeout=30_000)
            else:
                page.locator(".st-key-card_traffic .js-plotly-plot path.js-line").first.wait_for(timeout=60_000)
                page.locator("[data-testid=stMetric] canvas, [data-testid=stMetric] svg.marks").last.wait_for(
                    timeout=60_000
                )
            page.mouse.move(5, height - 5)
            page.wait_for_timeout(2500)
            made.append(_save(page.screenshot(), out / f"dashboard-{name}.png"))
            context.close()
        browser.close()
    return made


def _save(png: bytes, path: Path) -> Path:
    """Write a picture with a palette: a third of the size, and no difference to the eye."""
    from PIL import Image

    Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    return path


def main() -> None:
    """Read the command line and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--url", default="", help="a running sidecar instead of the demonstration shop")
    parser.add_argument("--browser", default=os.environ.get("WAQTOR_CHROMIUM", "/usr/bin/chromium"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.url:
        sidecar, url, key = nullcontext(), given.url, os.environ.get("WAQTOR_API_KEY", "")
    else:
        from tests.ui.fake_sidecar import KEY, FakeSidecar
        from tests.ui.serving import Served

        sidecar = Served(FakeSidecar(polite=True))
        url, key = sidecar.url, KEY
    with sidecar, served(url, key) as base:
        for path in take(base, given.out, given.browser):
            sys.stdout.write(f"{path}  {path.stat().st_size // 1024} KB\n")


if __name__ == "__main__":
    main()

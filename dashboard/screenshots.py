"""Pictures of every page, in both languages, light and dark: ``python -m dashboard.screenshots``.

The pages are those of the navigation, so a new one needs no line here. They show the demonstration shop of the tests
unless ``--url`` (and ``WAQTOR_API_KEY``) name a running sidecar. ``--best`` also writes the pictures of the README.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from dashboard.launch import command

WIDTHS = {"desk": 1280, "phone": 390}
LOOKS = tuple((lang, theme) for lang in ("en", "ar") for theme in ("light", "dark"))
MOST_HEIGHT = 2400
COLOURS = 256
BEST = {
    "overview-en-dark": 940,
    "bench-ar-light": 1080,
    "suggestions-en-light": 1060,
    "rules-ar-dark": 1000,
}
"""The pictures of the README and docs/dashboard.md, with their height."""


def _ask(page: Any) -> None:
    page.locator(".st-key-bench_sample button").nth(2).click()
    page.locator(".wq-step").last.wait_for()


def _open_chat(page: Any) -> None:
    page.locator("[class*='st-key-chat_default_'] button").first.click()
    page.locator(".st-key-thread_scroll .wq-row").first.wait_for()


def _open_row(page: Any) -> None:
    grid = page.locator("[data-testid=stDataFrame]").first
    if page.evaluate("matchMedia('(min-width: 641px)').matches"):
        grid.click(position={"x": 18, "y": 53})


FIRST: dict[str, Callable[[Any], None]] = {
    "bench": _ask, "messages": _open_chat, "suggestions": _open_row, "rules": _open_row, "history": _open_row,
}  # fmt: skip
"""What is done on a page before its picture is taken."""


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


def take(
    base: str, out: Path, browser_path: str, *, best: Path | None = None, width: str = "desk", only: str = ""
) -> Iterator[Path]:
    """Take the pictures; yields each path as it is written.

    Args:
        base: Address of the dashboard.
        out: Folder of the pictures, ``<page>-<language>-<theme>.png``.
        browser_path: The Chromium.
        best: Folder that gets those of :data:`BEST` too.
        width: A name of :data:`WIDTHS`.
        only: Comma-separated starts of names; empty: all.
    """
    from playwright.sync_api import sync_playwright

    wanted = tuple(part for part in only.split(",") if part)
    with sync_playwright() as playwright:
        args = ["--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"]
        browser = playwright.chromium.launch(executable_path=browser_path, args=args)
        for lang, theme in LOOKS:
            context = browser.new_context(
                viewport={"width": WIDTHS[width], "height": 900}, color_scheme=theme, locale=lang,
                timezone_id="Asia/Riyadh", reduced_motion="reduce", has_touch=width == "phone",
            )  # fmt: skip
            context.set_default_timeout(30_000)
            page = context.new_page()
            page.goto(f"{base}/?lang={lang}")
            for path in _paths(page):
                name = f"{path or 'overview'}-{lang}-{theme}"
                if wanted and not name.startswith(wanted):
                    continue
                page.set_viewport_size({"width": WIDTHS[width], "height": 900})
                page.goto(f"{base}/{path}?lang={lang}")
                settle(page)
                if path in FIRST:
                    FIRST[path](page)
                    settle(page)
                yield _save(_whole(page, WIDTHS[width]), out / f"{name}.png")
                if best is not None and width == "desk" and name in BEST:
                    page.set_viewport_size({"width": WIDTHS[width], "height": BEST[name]})
                    page.wait_for_timeout(500)
                    yield _save(page.screenshot(), best / f"dashboard-{name}.png")
            context.close()
        browser.close()


def _paths(page: Any) -> list[str]:
    """The pages of the navigation, by their addresses."""
    settle(page)
    links = page.locator("[data-testid=stSidebarNav] a").evaluate_all("all => all.map(a => new URL(a.href).pathname)")
    return [str(link).strip("/") for link in links]


def settle(page: Any) -> None:
    """Wait until a page is drawn: the script has ended, no skeleton is left, and charts have their lines."""
    page.locator(".st-key-topbar h1").wait_for()
    page.locator("[data-test-script-state=notRunning]").wait_for()
    page.wait_for_function(
        "!document.querySelector('[data-testid=stSkeleton]')"
        " && [...document.querySelectorAll('.js-plotly-plot')].every(p => p.querySelector('.main-svg'))"
    )
    page.mouse.move(2, 2)
    page.wait_for_timeout(700)


def _whole(page: Any, width: int) -> bytes:
    """The page to its end; it scrolls inside, so the window is made as high as what it holds."""
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": width, "height": min(max(900, height), MOST_HEIGHT)})
    page.wait_for_timeout(300)
    return bytes(page.screenshot())


def _save(png: bytes, path: Path) -> Path:
    """Write a picture with a palette: a third of the size, and no difference to the eye."""
    from PIL import Image

    Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    return path


def main() -> None:
    """Read the command line and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/screenshots"), help="folder of all pictures")
    parser.add_argument("--best", type=Path, help="folder of the README's pictures")
    parser.add_argument("--width", choices=list(WIDTHS), default="desk")
    parser.add_argument("--only", default="", help="starts of names, comma-separated: rules,bench-ar")
    parser.add_argument("--url", default="", help="a running sidecar instead of the demonstration shop")
    parser.add_argument("--browser", default=os.environ.get("WAQTOR_CHROMIUM", "/usr/bin/chromium"))
    given = parser.parse_args()
    for folder in filter(None, (given.out, given.best)):
        folder.mkdir(parents=True, exist_ok=True)
    if given.url:
        sidecar, url, key = nullcontext(), given.url, os.environ.get("WAQTOR_API_KEY", "")
    else:
        from tests.ui.fake_sidecar import KEY, FakeSidecar
        from tests.ui.serving import Served

        sidecar = Served(FakeSidecar(polite=True))
        url, key = sidecar.url, KEY
    began, count = time.monotonic(), 0
    with sidecar, served(url, key) as base:
        for path in take(base, given.out, given.browser, best=given.best, width=given.width, only=given.only):
            count += 1
            sys.stdout.write(f"{path}  {path.stat().st_size // 1024} KB\n")
            sys.stdout.flush()
    sys.stdout.write(f"{count} pictures in {time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    main()

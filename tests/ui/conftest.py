"""A real Chromium, the dashboard as its own process, and a sidecar to talk to.

``sidecar_access`` says where the sidecar is: the fake one here; override it to drive the dashboard of a real engine.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.ui import real_engine
from tests.ui.fake_sidecar import KEY, FakeSidecar
from tests.ui.serving import Served

INSTALL = "apt-get install -y --no-install-recommends chromium"


def find_chromium() -> str:
    """The browser's path; installs it when it is missing and this is root on a Debian."""
    for name in (os.environ.get("WAQTOR_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name) if name else None
        if found:
            return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update"], capture_output=True, timeout=120, check=False)
        subprocess.run(INSTALL.split(), capture_output=True, timeout=600, check=False)
    found = shutil.which("chromium")
    if found:
        return found
    pytest.fail(
        f"These tests need Chromium. Type: sudo {INSTALL}   (or set WAQTOR_CHROMIUM to a browser)", pytrace=False
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser per module, gone afterwards: while Playwright runs, no test may start an event loop."""
    path = find_chromium()
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        launched = playwright.chromium.launch(executable_path=path, args=args)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a new visitor."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US", timezone_id="Asia/Riyadh")
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def sidecar() -> Iterator[Served]:
    with Served(FakeSidecar()) as served:
        yield served


@pytest.fixture(scope="session")
def sidecar_access(sidecar: Served) -> tuple[str, str]:
    """Address and key of the sidecar that the dashboard talks to."""
    return sidecar.url, KEY


def serve_dashboard(url: str, key: str, folder: Path) -> Iterator[str]:
    """The dashboard as its own process, until the generator is closed."""
    from dashboard.launch import command

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**os.environ, "WAQTOR_API_URL": url, "WAQTOR_API_KEY": key, "HOME": str(folder)}
    log = folder / "dashboard.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command(port), cwd=folder, env=env, stdout=out, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + 40
            while True:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1):
                        break
                except OSError:
                    if process.poll() is not None or time.monotonic() > deadline:
                        pytest.fail(f"The dashboard did not start:\n{log.read_text()[-2000:]}")
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


@pytest.fixture(scope="session")
def dashboard_url(sidecar_access: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from serve_dashboard(*sidecar_access, tmp_path_factory.mktemp("dashboard"))


@pytest.fixture(scope="session")
def engine_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return real_engine.make_folder(tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="session")
def engine_url(engine_folder: Path) -> Iterator[str]:
    yield from real_engine.serve_engine(engine_folder)


@pytest.fixture(scope="session")
def real_dashboard(engine_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from serve_dashboard(engine_url, real_engine.KEY, tmp_path_factory.mktemp("real-dashboard"))

"""``waqtor up``: simulator, sidecar and dashboard as one thing; one Ctrl-C stops them all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from waqtor.settings import Settings

_SAMPLE = Path("data/sample_conversation.jsonl")


class Children:
    """Child processes in groups of their own: Ctrl-C reaches only us, and we stop them in order."""

    def __init__(self) -> None:
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str, command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start a child."""
        child = subprocess.Popen(command, env=environment, start_new_session=True, stdin=subprocess.DEVNULL)
        self._running.append((name, child))
        return child

    def first_dead(self) -> tuple[str, int] | None:
        """Name and exit code of a child that has ended."""
        for name, child in self._running:
            code = child.poll()
            if code is not None:
                return name, code
        return None

    def stop(self, timeout: float) -> None:
        """Stop the children, the latest first; who does not listen is killed."""
        for name, child in reversed(self._running):
            if child.poll() is None:
                child.terminate()
            try:
                child.wait(timeout)
            except subprocess.TimeoutExpired:
                sys.stderr.write(f"{name} did not stop in {timeout:.0f} s: killed\n")
                child.kill()
                child.wait()
        self._running.clear()


def up(
    dashboard: Annotated[bool, typer.Option(help="Run the dashboard too.")] = True,
    sample: Annotated[bool, typer.Option(help="Fill an empty store with the sample conversation.")] = True,
    port: Annotated[int | None, typer.Option(help="Port of the sidecar; default: the setting.")] = None,
    dashboard_port: Annotated[int | None, typer.Option(help="Port of the dashboard; default: the setting.")] = None,
) -> None:
    """Run everything on this machine: simulated WhatsApp, sidecar and dashboard. Ctrl-C stops it."""
    given: dict[str, Any] = {"port": port, "dashboard_port": dashboard_port}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    console = Console(stderr=True, highlight=False)
    children = Children()
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell has set Ctrl-C aside for a background job
        signal.signal(number, _interrupt)
    started = time.monotonic()
    code = 0
    try:
        code = _run(settings, children, console, started, dashboard=dashboard, sample=sample)
    except KeyboardInterrupt:
        console.print("\nStopping …")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        children.stop(settings.stop_grace_s + 5)
    console.print("Stopped." if code == 0 else f"Stopped with code {code}.")
    raise typer.Exit(code)


def _run(
    settings: Settings, children: Children, console: Console, started: float, *, dashboard: bool, sample: bool
) -> int:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    fresh = not settings.sqlite_path.exists() and not settings.database_url
    url = f"http://127.0.0.1:{settings.port}"
    environment = {
        **os.environ, "WAQTOR_PORT": str(settings.port), "WAQTOR_API_URL": url,
        "WAQTOR_DASHBOARD_PORT": str(settings.dashboard_port), "WAQTOR_DATA_DIR": str(settings.data_dir),
    }  # fmt: skip
    console.print("Starting WaQtor: simulator, sidecar" + (", dashboard" if dashboard else "") + " …")
    if settings.transport == "simulator":
        simulator = [
            sys.executable, "-m", "waqtor.transports.simulator", "--socket", str(settings.simulator_path),
            "--receipts", "human", "--parent", str(os.getpid()),
        ]  # fmt: skip
        children.start("simulator", simulator, environment)
    children.start("sidecar", [sys.executable, "-m", "waqtor", "serve"], environment)
    early = dashboard and _key(settings) is not None
    if early:  # from the second start on the key is there: both start side by side
        _start_dashboard(settings, children, environment)
    if not _wait(f"{url}/readyz", children, 120):
        return _why(children, console, "sidecar")
    if dashboard:
        if not early:
            _start_dashboard(settings, children, environment)
        if not _wait(f"http://127.0.0.1:{settings.dashboard_port}/_stcore/health", children, 60):
            return _why(children, console, "dashboard")
    console.print(f"[bold green]Ready[/] in {time.monotonic() - started:.1f} s.\n")
    if dashboard:
        console.print(f"  Dashboard   http://localhost:{settings.dashboard_port}   ← click here")
    console.print(f"  REST        {url}/docs")
    console.print(f"  Admin key   {settings.key_file}\n\nCtrl-C stops everything.")
    if sample and fresh and settings.transport == "simulator" and _SAMPLE.is_file():
        command_line = [sys.executable, "-m", "waqtor", "replay", str(_SAMPLE), "--rate", "20", "--json"]
        subprocess.Popen(
            command_line, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        console.print("Playing a sample conversation: watch it on the Overview page.")
    while True:
        dead = children.first_dead()
        if dead is not None:
            console.print(f"[bold red]{dead[0]} ended[/] with code {dead[1]}; its last words are above.")
            return dead[1] or 1
        time.sleep(0.3)


def _key(settings: Settings) -> str | None:
    """The admin key for the dashboard, which never reads the store."""
    if settings.api_key is not None and settings.key_file.is_file():
        return settings.api_key.get_secret_value()
    return settings.key_file.read_text().strip() if settings.key_file.is_file() else None


def _start_dashboard(settings: Settings, children: Children, environment: dict[str, str]) -> None:
    from dashboard.launch import command

    key = _key(settings) or ""
    children.start("dashboard", command(settings.dashboard_port, "127.0.0.1"), {**environment, "WAQTOR_API_KEY": key})


def _wait(url: str, children: Children, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if children.first_dead() is not None:
            return False
        if _answers(url):
            return True
        time.sleep(0.05)
    return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _why(children: Children, console: Console, name: str) -> int:
    dead = children.first_dead()
    if dead is None:
        console.print(f"[bold red]The {name} did not become ready in time.[/] Look at its messages above.")
        return 1
    console.print(f"[bold red]{dead[0]} ended[/] with code {dead[1]}; its last words are above.")
    return dead[1] or 1


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt

"""Starting the dashboard as its own process.

``waqtor up`` uses :func:`command`; ``python -m dashboard.launch`` starts it alone against a running sidecar.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

APP = Path(__file__).resolve().with_name("app.py")


def command(port: int, address: str = "127.0.0.1") -> list[str]:
    """The command line that serves the dashboard.

    The child reads ``WAQTOR_API_URL`` and ``WAQTOR_API_KEY`` from its environment, and its look from
    ``dashboard/.streamlit/config.toml`` whatever the working directory is. It answers ``/_stcore/health`` when ready
    and stops on SIGTERM or SIGINT.

    Args:
        port: Port to listen on.
        address: Address to listen on.
    """
    options = {
        "server.port": str(port),
        "server.address": address,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    return [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(APP),
        *(f"--{name}={value}" for name, value in options.items()),
    ]


def main() -> None:
    """Replace this process by the dashboard, on the port and address of the settings."""
    from waqtor.settings import Settings

    settings = Settings()
    line = command(settings.dashboard_port, settings.host)
    os.execv(line[0], line)


if __name__ == "__main__":
    main()

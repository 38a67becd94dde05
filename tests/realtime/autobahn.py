"""``make autobahn``: the Autobahn fuzzing client against our socket, which echoes for it; not part of the test run.

The tool needs Python 2.7 and its packages in a folder: ``python -m tests.realtime.autobahn PYTHON2 FOLDER [CASES …]``.
Ends with 1 when a case fails that is not known; the HTML report is in ``FOLDER/reports``.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn

from waqtor.api import ws
from waqtor.api.hubsocket import EXTENSION, HubSocket
from waqtor.realtime.outgoing import Chunk, Frame
from waqtor.settings import Settings

KNOWN = {"7.1.5"}
"""Cases that the ``websockets`` library fails by choice: the close code amid a fragmented message."""

EXCLUDED = ["9.*", "12.2.*", "12.3.*", "12.4.*", "12.5.*", "13.2.*", "13.3.*", "13.4.*", "13.5.*", "13.6.*", "13.7.*"]
"""Speed, and the longer repetitions of compression."""

FINE = {"OK", "NON-STRICT", "INFORMATIONAL"}
_RUN = "import site, sys; site.addsitedir(sys.argv.pop(1)); from autobahntestsuite.wstest import run; run()"


class Echo:
    """Sends back what comes."""

    def __init__(self, peer: HubSocket) -> None:
        self._peer = peer
        self.gone = asyncio.Event()

    def received(self, message: str | bytes) -> None:
        """Text goes the hub's way; the hub itself never writes binary."""
        if isinstance(message, str):
            self._peer.write(Chunk((Frame(message.encode()),)))
        elif not self._peer.close_sent:
            self._peer.conn.send_binary(message)
            self._peer.transport.write(b"".join(self._peer.conn.data_to_send()))

    def stalled(self) -> None:
        """Nothing is queued here."""

    def resumed(self) -> None:
        """Nothing is queued here."""

    def lost(self, code: int) -> None:
        """The connection is gone."""
        self.gone.set()


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """The application: accept, then leave everything to the socket."""
    await receive()
    peer = scope["extensions"][EXTENSION]
    await send({"type": "websocket.accept"})
    listener = Echo(peer)
    peer.attach(listener)
    await listener.gone.wait()


def failures(index: dict[str, dict[str, dict[str, str]]]) -> dict[str, str]:
    """Cases of a report whose behaviour or closing is not fine, known ones left out."""
    found = {}
    for cases in index.values():
        for name, told in cases.items():
            verdicts = {told["behavior"], told["behaviorClose"]} - FINE
            if verdicts and name not in KNOWN:
                found[name] = ", ".join(sorted(verdicts))
    return found


async def run(python: str, folder: Path, cases: list[str]) -> int:
    """Serve, let the tool attack, and judge its report; the exit code."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(echo, log_level="critical", lifespan="off", **ws.uvicorn_options(Settings(_env_file=None)))
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listener]))
    spec = {
        "outdir": str(folder / "reports"), "cases": cases, "exclude-cases": EXCLUDED, "exclude-agent-cases": {},
        "servers": [{"agent": "waqtor", "url": f"ws://127.0.0.1:{listener.getsockname()[1]}"}],
    }  # fmt: skip
    (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    tool = await asyncio.create_subprocess_exec(
        python, "-c", _RUN, str(folder), "-m", "fuzzingclient", "-s", str(folder / "spec.json"), cwd=folder
    )
    code = await tool.wait()
    server.should_exit = True
    await serving
    report = folder / "reports" / "index.json"
    if code or not report.is_file():
        print(f"The tool ended with {code}.")
        return 2
    index = json.loads(report.read_text(encoding="utf-8"))
    bad = failures(index)
    print(f"{sum(map(len, index.values()))} cases, {len(bad)} failed beyond {sorted(KNOWN)}.")
    for name, verdict in sorted(bad.items()):
        print(f"{name}: {verdict}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(run(sys.argv[1], Path(sys.argv[2]).resolve(), sys.argv[3:] or ["*"])))

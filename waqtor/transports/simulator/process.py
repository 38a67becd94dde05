"""Starting and stopping the simulator's process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Self

from waqtor.errors import ConfigurationError, Unavailable
from waqtor.transports.simulator.control import SimulatorControl


class SimulatorProcess:
    """The simulator as a child process: ``async with SimulatorProcess(path) as simulator: simulator.control …``.

    It runs in a process group of its own, so that a Ctrl-C at the terminal reaches the engine first, and it ends by
    itself when the process that started it is gone.

    Args:
        socket: Where it listens.
        seed: Makes delays, receipts and faults repeatable.
        record: File of accepted calls; appended to and read again at start.
        receipts: ``instant``, ``human`` or ``silent``.
        qr: Whether sessions must scan a QR code first.
        outlive: Let it run on when this process is gone.
    """

    def __init__(
        self,
        socket: Path,
        *,
        seed: int | None = None,
        record: Path | None = None,
        receipts: str = "instant",
        qr: bool = False,
        outlive: bool = False,
    ) -> None:
        self.socket = socket
        arguments = ["--socket", str(socket), "--receipts", receipts]
        if seed is not None:
            arguments += ["--seed", str(seed)]
        if record is not None:
            arguments += ["--record", str(record)]
        if qr:
            arguments += ["--qr"]
        if not outlive:
            arguments += ["--parent", str(os.getpid())]
        self._command = [sys.executable, "-m", "waqtor.transports.simulator", *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] | None = None
        self.control = SimulatorControl(socket)

    @property
    def pid(self) -> int:
        """The process id.

        Raises:
            Unavailable: If it does not run.
        """
        if self._process is None:
            raise Unavailable("The simulator is not running.")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    async def start(self, timeout: float = 10.0) -> None:
        """Start it and wait until it answers.

        Raises:
            ConfigurationError: If it ended at once; the message is its own.
            Unavailable: If it does not answer in time.
        """
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed in stop()
        self._process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._stderr,
            start_new_session=True,
        )
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            if self._process.poll() is not None:
                self._stderr.seek(0)
                words = self._stderr.read().decode(errors="replace").strip().splitlines()
                await self.stop()
                raise ConfigurationError(words[-1] if words else "The simulator ended at once.")
            try:
                await self.control.connect()
                if self.control.pid == self._process.pid:
                    return
                # Another simulator answers there; ours is about to find that out and end.
                await self.control.close()
                raise Unavailable(f"Another simulator is already listening on {self.socket}.")
            except Unavailable:
                if loop.time() > deadline:
                    await self.stop()
                    raise
                await asyncio.sleep(0.01)

    async def stop(self, timeout: float = 5.0) -> None:
        """End it (SIGTERM, then SIGKILL) and wait."""
        await self.control.close()
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None

    async def kill(self) -> None:
        """SIGKILL, as a crash of WhatsApp itself."""
        process = self._process
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
        await self.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

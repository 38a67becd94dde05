"""A real uvicorn on localhost around a hub on fakes, in the loop of the test."""

from __future__ import annotations

import asyncio
import socket
from types import SimpleNamespace
from typing import Any

import uvicorn
from fastapi import FastAPI

from tests.realtime.fakes import Bench
from waqtor.api import ws
from waqtor.settings import Settings


class LiveServer:
    """Serves ``/ws`` and whatever routes the test adds; can be stopped, killed and started again on its port."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.app = FastAPI()
        ws.attach(self.app, SimpleNamespace(hub=bench.hub))
        self.port = 0
        self._server: Any = None
        self._task: Any = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def options(self, settings: Settings) -> dict[str, Any]:
        """What uvicorn is given beside the application."""
        return ws.uvicorn_options(settings)

    async def start(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self.app,
            log_level="info",
            lifespan="off",
            timeout_graceful_shutdown=2,
            **self.options(self.bench.settings),
        )
        self._server = uvicorn.Server(config)
        self._task = asyncio.create_task(self._server._serve([listener]))
        async with asyncio.timeout(5):
            while not self._server.started:
                await asyncio.sleep(0.005)

    async def stop(self) -> None:
        if self._task is not None:
            self._server.should_exit = True
            await self._task
            self._task = None

    async def kill(self) -> None:
        """Cut every connection without a word, as a SIGKILL would."""
        for protocol in tuple(self._server.server_state.connections):
            protocol.transport.abort()
        await self.stop()

    async def __aenter__(self) -> LiveServer:
        await self.bench.hub.start()
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.bench.hub.stop()
        await self.stop()

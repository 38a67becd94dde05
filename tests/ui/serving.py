"""The fake sidecar over HTTP."""

from __future__ import annotations

import threading
from typing import Any

from tests.ui.fake_sidecar import FakeSidecar


def app(sidecar: FakeSidecar) -> Any:
    """The fake as an ASGI application."""
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def everything(request: Request) -> JSONResponse:
        target = request.scope["raw_path"].decode() + ("?" + request.url.query if request.url.query else "")
        key = request.headers.get("x-api-key", "")
        status, body = await run_in_threadpool(sidecar.answer, request.method, target, await request.body(), key)
        return JSONResponse(body, status)

    return Starlette(routes=[Route("/{path:path}", everything, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])])


class Served:
    """The fake on a free port of this machine, in a thread."""

    def __init__(self, sidecar: FakeSidecar) -> None:
        import socket

        import uvicorn

        self.sidecar = sidecar
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.server = uvicorn.Server(uvicorn.Config(app(sidecar), log_level="error", lifespan="off"))
        self.thread = threading.Thread(target=self.server.run, args=([self.socket],), daemon=True)

    def __enter__(self) -> Served:
        self.sidecar.warm()
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.socket.close()

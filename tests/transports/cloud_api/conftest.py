"""A Graph API of our own on loopback: it records calls and answers as told."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from waqtor.contracts.messages import InboundMessage
from waqtor.messaging.ports import Receipt, SessionReport

NUMBER = "106540352242922"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FakeGraph:
    """``sent`` are the bodies of message calls; ``answers`` are used up first, then every call succeeds."""

    def __init__(self) -> None:
        self.url = ""
        self.sent: list[dict[str, Any]] = []
        self.uploads: list[tuple[str, bytes, str]] = []
        self.tokens: set[str] = set()
        self.answers: list[Answer] = []
        self.look: Answer | None = None
        self.looks = 0
        self._ids = itertools.count(1)

    def app(self) -> web.Application:
        app = web.Application(client_max_size=50_000_000)
        app.router.add_get("/v23.0/{number}", self._look)
        app.router.add_post("/v23.0/{number}/messages", self._message)
        app.router.add_post("/v23.0/{number}/media", self._media)
        return app

    async def _look(self, request: web.Request) -> web.StreamResponse:
        self.looks += 1
        self.tokens.add(request.headers.get("Authorization", ""))
        if self.look is not None:
            return await self.look(request)
        return web.json_response({"verified_name": "متجر", "display_phone_number": "+966 50 000 0000", "id": NUMBER})

    async def _message(self, request: web.Request) -> web.StreamResponse:
        self.sent.append(await request.json())
        if self.answers:
            return await self.answers.pop(0)(request)
        return web.json_response({"messages": [{"id": f"wamid.{next(self._ids)}"}]})

    async def _media(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        self.uploads.append((file.filename, file.file.read(), file.content_type))
        return web.json_response({"id": "media-1"})


def says(status: int, body: Any, **headers: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        if isinstance(body, str):
            return web.Response(status=status, text=body, headers=headers)
        return web.json_response(body, status=status, headers=headers)

    return answer


def error(code: int, status: int = 400, message: str = "no", **more: Any) -> Answer:
    return says(status, {"error": {"message": message, "code": code, **more}})


async def hangs(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    raise AssertionError("nobody waits this long")


async def resets(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    raise asyncio.CancelledError


@pytest.fixture
async def graph() -> AsyncIterator[FakeGraph]:
    fake = FakeGraph()
    runner = web.AppRunner(fake.app(), handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield fake
    await runner.cleanup()


class Sink:
    """Takes what a transport delivers."""

    def __init__(self) -> None:
        self.messages: list[InboundMessage] = []
        self.taken: list[Receipt] = []
        self.reports: list[SessionReport] = []

    async def message(self, message: InboundMessage) -> None:
        await asyncio.sleep(0)
        self.messages.append(message)

    async def receipts(self, receipts: Any) -> None:
        self.taken += receipts

    async def report(self, report: SessionReport) -> None:
        self.reports.append(report)

    async def becomes(self, status: str) -> SessionReport:
        async with asyncio.timeout(5):
            while not self.reports or self.reports[-1].status != status:
                await asyncio.sleep(0.01)
        return self.reports[-1]


@pytest.fixture
def sink() -> Sink:
    return Sink()

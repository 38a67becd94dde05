from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from tests.api.fakes import ADMIN, FakeEngine
from waqtor.api.app import Api, bind, create_app


@pytest.fixture(scope="session")
def shared_app() -> Api:
    """One application for all tests, because building its routes takes a while; each test binds its own engine."""
    return create_app(FakeEngine(), manage_engine=False)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


Connect = Callable[..., httpx.AsyncClient]


@pytest.fixture
async def connect(shared_app: Api) -> AsyncIterator[Connect]:
    """Open clients on an engine: ``connect(engine, token=…, address=…)``."""
    opened: list[httpx.AsyncClient] = []

    def open_client(engine: Any, token: str | None = ADMIN, address: str = "127.0.0.1", app: Any = None) -> Any:
        if app is None:
            app = shared_app
            if app.state.engine is not engine:
                bind(app, engine)
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, client=(address, 5000)),
            base_url="http://localhost",
            headers={"X-API-Key": token} if token else {},
        )
        opened.append(client)
        return client

    yield open_client
    for client in opened:
        await client.aclose()


@pytest.fixture
def client(engine: FakeEngine, connect: Connect) -> httpx.AsyncClient:
    return connect(engine)

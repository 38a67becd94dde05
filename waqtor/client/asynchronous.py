"""The asynchronous client."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from waqtor.client.access import find_access
from waqtor.client.analytics import AsyncAnalytics
from waqtor.client.calls import Call
from waqtor.client.campaigns import AsyncCampaigns
from waqtor.client.cursors import Cursor, FileCursor, MemoryCursor
from waqtor.client.http import Policy, failure_of, request_of, result_of, wait_after_failure, wait_before_retry
from waqtor.client.keys import AsyncKeys
from waqtor.client.messages import AsyncMessages
from waqtor.client.notifications import AsyncNotifications
from waqtor.client.privacy import AsyncPrivacy
from waqtor.client.profile import AsyncProfileResource
from waqtor.client.registry import F, Registry
from waqtor.client.smartbot import AsyncSmartbot
from waqtor.client.status import AsyncStatus
from waqtor.client.suggestions import AsyncSuggestions
from waqtor.client.webhooks import AsyncWebhooks
from waqtor.client.workbench import AsyncWorkbench

if TYPE_CHECKING:
    import httpx

    from waqtor.client.stream import EventStream

T = TypeVar("T")


class AsyncWaqtorClient:
    """WaQtor from asyncio: the methods of ``WaqtorClient`` as coroutines, events in a task.

    Args:
        api_url: Address of the sidecar; ``WAQTOR_API_URL`` or http://localhost:8080 when left out.
        api_key: The key; ``WAQTOR_API_KEY`` or the local key file when left out.
        timeout: Seconds per request.
        retries: Further attempts at what may safely be repeated: reads, and sends under their Idempotency-Key.
        cursor: Where to remember the last handled event: a path, or a cursor. In memory when left out.
        transport: An httpx transport, for tests.

    Attributes:
        messages: Sending and reading messages.
        campaigns: Campaigns and audiences.
        status: Sessions and health.
        smartbot: Test bench, history, rules.
        notifications: What a person should know.
        profile: Who you are to the dashboard, and how you like it.
        webhooks: Registering webhooks, their logs and replay.
        suggestions: The learning loop: suggestions and labels.
        workbench: Rule files, many messages at once, explanations, replays.
        analytics: SQL over the traffic log.
        keys: API keys.
        privacy: What is known of people: export, erasure, consents, the audit log.
    """

    def __init__(
        self,
        api_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = 30.0,
        retries: int = 3,
        cursor: Cursor | str | Path | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        import httpx

        self._access = find_access(api_url, api_key)
        self._policy = Policy(timeout, retries)
        self._http = httpx.AsyncClient(
            base_url=self._access.url, headers=self._access.headers, timeout=timeout, transport=transport
        )
        self._cursor: Cursor = FileCursor(cursor) if isinstance(cursor, str | Path) else cursor or MemoryCursor()
        self._registry = Registry(self._registered)
        self._stream: EventStream | None = None
        self._task: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[None]] = set()
        self.messages = AsyncMessages(self)
        self.campaigns = AsyncCampaigns(self)
        self.status = AsyncStatus(self)
        self.smartbot = AsyncSmartbot(self)
        self.suggestions = AsyncSuggestions(self)
        self.workbench = AsyncWorkbench(self)
        self.analytics = AsyncAnalytics(self)
        self.keys = AsyncKeys(self)
        self.privacy = AsyncPrivacy(self)
        self.notifications = AsyncNotifications(self)
        self.profile = AsyncProfileResource(self)
        self.webhooks = AsyncWebhooks(self)

    async def metrics(self) -> dict[str, Any]:
        """The engine's metrics as numbers."""
        return await self.status.metrics()

    def on(self, *patterns: str) -> Callable[[F], F]:
        """Call the decorated function (either kind) for events, one at a time and in order.

        Args:
            patterns: Event types, prefixes (``message.*``), topics (``messages``), ``*``, or the local events
                ``connected``, ``disconnected``, ``gap``.

        Inside a running loop the first registration starts the connection; otherwise ``start`` or ``wait`` does.
        """
        return self._registry.on(*patterns)

    async def start(self) -> None:
        """Connect for events now."""
        self._begin().hurry()

    async def wait(self) -> None:
        """Wait until the event connection has ended for good.

        Raises:
            WaqtorError: The server refused for good.
        """
        self._begin().hurry()
        assert self._task is not None
        await asyncio.shield(self._task)

    async def close(self) -> None:
        """Stop the events and close the connections; the handler at work may finish."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            if self._stream is None or not self._stream.in_handler():
                await asyncio.gather(task, return_exceptions=True)
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    async def execute(self, call: Call[T]) -> T:
        """Carry out a call (the resources do this)."""
        import httpx

        request, attempt = request_of(call), 0
        while True:
            attempt += 1
            try:
                response = await self._http.request(**request)
            except httpx.TransportError as failure:
                wait = wait_after_failure(call, self._policy, attempt, failure)
                if wait is None:
                    raise failure_of(failure, self._access.url) from failure
            else:
                wait = wait_before_retry(call, self._policy, attempt, response)
                if wait is None:
                    result: T = result_of(call, response)
                    return result
            await asyncio.sleep(wait)

    def _begin(self) -> EventStream:
        if self._stream is None:
            from waqtor.client.stream import EventStream

            self._stream = EventStream(self._access, self._registry, self._cursor, self._registry.acall)
            self._task = asyncio.get_running_loop().create_task(self._stream.run(), name="waqtor-events")
        return self._stream

    def _registered(self) -> None:
        with contextlib.suppress(RuntimeError):
            loop = asyncio.get_running_loop()
            task = loop.create_task(self._begin().refresh())
            self._background.add(task)
            task.add_done_callback(self._background.discard)

"""The blocking client."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from waqtor.client.access import find_access
from waqtor.client.analytics import Analytics
from waqtor.client.calls import Call
from waqtor.client.campaigns import Campaigns
from waqtor.client.cursors import Cursor, FileCursor, MemoryCursor
from waqtor.client.http import Policy, failure_of, request_of, result_of, wait_after_failure, wait_before_retry
from waqtor.client.keys import Keys
from waqtor.client.messages import Messages
from waqtor.client.notifications import Notifications
from waqtor.client.privacy import Privacy
from waqtor.client.profile import ProfileResource
from waqtor.client.registry import F, Incoming, Registry
from waqtor.client.smartbot import Smartbot
from waqtor.client.status import Status
from waqtor.client.suggestions import Suggestions
from waqtor.client.webhooks import Webhooks
from waqtor.client.workbench import Workbench

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")


class WaqtorClient:
    """WaQtor from Python: send, read, test the bot, and react to events in a background thread.

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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        import httpx

        self._access = find_access(api_url, api_key)
        self._policy = Policy(timeout, retries)
        self._http = httpx.Client(
            base_url=self._access.url, headers=self._access.headers, timeout=timeout, transport=transport
        )
        self._cursor: Cursor = FileCursor(cursor) if isinstance(cursor, str | Path) else cursor or MemoryCursor()
        self._registry = Registry(self._registered)
        self._events = _Background(self)
        self.messages = Messages(self)
        self.campaigns = Campaigns(self)
        self.status = Status(self)
        self.smartbot = Smartbot(self)
        self.suggestions = Suggestions(self)
        self.workbench = Workbench(self)
        self.analytics = Analytics(self)
        self.keys = Keys(self)
        self.privacy = Privacy(self)
        self.notifications = Notifications(self)
        self.profile = ProfileResource(self)
        self.webhooks = Webhooks(self)

    def metrics(self) -> dict[str, Any]:
        """The engine's metrics as numbers."""
        return self.status.metrics()

    def on(self, *patterns: str) -> Callable[[F], F]:
        """Call the decorated function for events, one at a time and in order, in a background thread.

        Args:
            patterns: Event types, prefixes (``message.*``), topics (``messages``), ``*``, or the local events
                ``connected``, ``disconnected``, ``gap``.

        The function takes the event's data, or data and the :class:`~waqtor.client.Incoming` event. The first
        registration starts the thread.
        """
        return self._registry.on(*patterns)

    def start(self) -> None:
        """Connect for events now (``on`` does it too, a moment later)."""
        self._events.start(hurry=True)

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the event connection has ended for good, or ``timeout`` seconds; true if it ended.

        Raises:
            WaqtorError: The server refused for good.
        """
        self._events.start(hurry=True)
        return self._events.wait(timeout)

    def close(self) -> None:
        """Stop the events and close the connections; the handler at work may finish."""
        self._events.stop()
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def execute(self, call: Call[T]) -> T:
        """Carry out a call (the resources do this)."""
        import httpx

        request, attempt = request_of(call), 0
        while True:
            attempt += 1
            try:
                response = self._http.request(**request)
            except httpx.TransportError as failure:
                wait = wait_after_failure(call, self._policy, attempt, failure)
                if wait is None:
                    raise failure_of(failure, self._access.url) from failure
            else:
                wait = wait_before_retry(call, self._policy, attempt, response)
                if wait is None:
                    result: T = result_of(call, response)
                    return result
            time.sleep(wait)

    def _registered(self) -> None:
        self._events.start(hurry=False)


class _Background:
    """The thread that holds the socket, and the thread that runs the handlers."""

    def __init__(self, client: WaqtorClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._handlers: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._stream: Any = None
        self._ready = threading.Event()
        self._ended = threading.Event()
        self._error: BaseException | None = None
        self._stopped = False

    def start(self, *, hurry: bool) -> None:
        with self._lock:
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name="waqtor-events", daemon=True)
                self._thread.start()
                self._ready.wait()
        self._post(lambda: self._stream.hurry() if hurry else self._refresh())

    def wait(self, timeout: float | None) -> bool:
        ended = self._ended.wait(timeout)
        if ended and self._error is not None:
            raise self._error
        return ended

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            thread = self._thread
        if thread is None:
            return
        self._post(lambda: self._task.cancel() if self._task is not None else None)
        if not threading.current_thread().name.startswith("waqtor-handler"):
            thread.join()

    def _post(self, action: Callable[[], Any]) -> None:
        loop = self._loop
        if loop is not None and not self._ended.is_set():
            try:
                loop.call_soon_threadsafe(action)
            except RuntimeError:
                return

    def _refresh(self) -> None:
        assert self._loop is not None
        task = self._loop.create_task(self._stream.refresh())
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()
            self._ended.set()

    async def _main(self) -> None:
        from waqtor.client.stream import EventStream

        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        with ThreadPoolExecutor(1, thread_name_prefix="waqtor-handler") as pool:
            self._stream = EventStream(
                self._client._access, self._client._registry, self._client._cursor, self._deliver
            )
            self._handlers = pool
            self._ready.set()
            await self._stream.run()

    async def _deliver(self, event: Incoming) -> None:
        assert self._loop is not None
        await self._loop.run_in_executor(self._handlers, self._client._registry.call, event)

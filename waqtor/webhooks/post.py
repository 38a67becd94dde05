"""One attempt over HTTP: signed headers, a guarded connection, and the first bytes of the answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from waqtor.signing import standard_key, standard_signature, webhook_hex
from waqtor.webhooks.guard import AddressRefused, Guard
from waqtor.webhooks.policy import retry_after_of
from waqtor.webhooks.ports import Hook

KEPT = 2048
"""Bytes of an answer that are kept."""

_LOOKUPS = 64
"""Names looked up at once."""

_key_of = lru_cache(maxsize=4096)(standard_key)
_url_of = lru_cache(maxsize=4096)(URL)


class Answer(NamedTuple):
    """What came back; ``status`` is ``None`` when nothing did, and ``error`` says why."""

    status: int | None
    ms: float
    response: str = ""
    error: str | None = None
    retry_after: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the receiver took it (2xx)."""
        return self.status is not None and 200 <= self.status < 300


def headers_of(
    hook: Hook, delivery_id: str, name: str, body: bytes, now_us: int, agent: str = "WaQtor-Webhook"
) -> dict[str, str]:
    """The headers of an attempt: both signature schemes, the old secret signing along while it is valid."""
    seconds = now_us // 1_000_000
    signatures = standard_signature(_key_of(hook.secret), delivery_id, seconds, body)
    headers = {
        "Accept-Encoding": "identity",
        **hook.headers,
        "Content-Type": "application/json",
        "User-Agent": agent,
        "X-Waqtor-Event": name,
        "X-Waqtor-Signature": "sha256=" + webhook_hex(hook.secret, body),
        "webhook-id": delivery_id,
        "webhook-timestamp": str(seconds),
    }
    if hook.old_secret is not None and now_us < hook.old_until:
        signatures += " " + standard_signature(_key_of(hook.old_secret), delivery_id, seconds, body)
        headers["X-Waqtor-Signature-Previous"] = "sha256=" + webhook_hex(hook.old_secret, body)
    headers["webhook-signature"] = signatures
    return headers


class _Resolver(AbstractResolver):
    """Names through the system, in daemon threads: a slow name server holds up nobody else, and no stop either."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_LOOKUPS)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        def look_up() -> list[Any]:
            return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)

        await self._slots.acquire()  # given back when the thread ends, which may be long after the caller gave up
        found: list[ResolveResult] = []
        for kind, _, proto, _, address in await _in_daemon(look_up, self._slots.release):
            scope = f"%{address[3]}" if kind == socket.AF_INET6 and address[3] else ""
            found.append(
                ResolveResult(
                    hostname=host, host=f"{address[0]}{scope}", port=int(address[1]), family=kind, proto=proto,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
            )  # fmt: skip
        return found

    async def close(self) -> None:
        """Leave the threads; the process does not wait for them."""


def _in_daemon(call: Callable[[], list[Any]], ended: Callable[[], None]) -> asyncio.Future[list[Any]]:
    """Run a call in a daemon thread; ``ended`` is called in the event loop when it is over."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[list[Any]] = loop.create_future()

    def finish(found: list[Any], error: Exception | None) -> None:
        ended()
        if future.done():
            return
        if error is None:
            future.set_result(found)
        else:
            future.set_exception(error)

    def run() -> None:
        found, failure = [], None
        try:
            found = call()
        except Exception as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is gone, and with it whoever asked
            loop.call_soon_threadsafe(finish, found, failure)

    threading.Thread(target=run, name="webhook-dns", daemon=True).start()
    return future


class Poster:
    """Sends attempts over kept connections. Never follows a redirect, never asks a proxy.

    Args:
        guard: Where deliveries may go.
        resolver: Resolves names (tests give their own).
    """

    def __init__(self, guard: Guard, resolver: AbstractResolver | None = None) -> None:
        self._guard = guard
        self._given = resolver
        self._resolver: AbstractResolver | None = None
        self._guarded: aiohttp.ClientSession | None = None
        self._trusting: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Make the connection pools."""
        self._resolver = self._given or _Resolver()
        self._guarded = self._session(guarded=True)
        self._trusting = self._session(guarded=False)

    async def stop(self) -> None:
        """Close all connections."""
        for session in (self._guarded, self._trusting):
            if session is not None:
                await session.close()
        if self._resolver is not None and self._given is None:
            await self._resolver.close()

    def _session(self, *, guarded: bool) -> aiohttp.ClientSession:
        more: dict[str, Any] = {"socket_factory": self._socket} if guarded else {}
        connector = aiohttp.TCPConnector(
            limit=0, limit_per_host=0, ttl_dns_cache=30, keepalive_timeout=30, resolver=self._resolver, **more
        )
        return aiohttp.ClientSession(
            connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        )

    def _socket(self, info: Any) -> socket.socket:
        """Make a socket for an address that has just been resolved; the last place where it can be refused."""
        family, kind, proto, _, address = info
        self._guard.check(str(address[0]))
        return socket.socket(family, kind, proto)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], timeout: float, now_us: int) -> Answer:
        """POST once. Never raises for what the other side does."""
        target = _url_of(url)
        session = self._trusting if self._guard.trusts(target.host or "") else self._guarded
        assert session is not None
        started = time.perf_counter()
        status: int | None = None
        wait: float | None = None
        try:
            async with asyncio.timeout(timeout):
                async with session.post(
                    target, data=body, headers=headers, allow_redirects=False, timeout=_NO_TIMEOUT
                ) as response:
                    status = response.status
                    wait = retry_after_of(response.headers.get("Retry-After"), now_us)
                    text = await _first_bytes(response)
            error = None if 200 <= status < 300 else _words(status)
            return Answer(status, _ms(started), text, error, wait)
        except TimeoutError:
            if status is not None:  # the answer is there, only its body dawdles
                return Answer(status, _ms(started), "", None if 200 <= status < 300 else _words(status), wait)
            return Answer(None, _ms(started), error=f"no answer within {timeout:g} s")
        except (aiohttp.ClientError, OSError, ValueError, UnicodeError) as failure:
            if status is not None and 200 <= status < 300:
                return Answer(status, _ms(started), "", None, wait)
            return Answer(status, _ms(started), error=_said(failure), retry_after=wait)


_NO_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)


async def _first_bytes(response: aiohttp.ClientResponse) -> str:
    """Up to :data:`KEPT` bytes; a longer answer is cut off, and its connection with it."""
    kept = b""
    while len(kept) < KEPT and not response.content.at_eof():
        chunk = await response.content.read(KEPT - len(kept))
        kept += chunk
    if not response.content.at_eof():
        response.close()
    return kept.decode("utf-8", "replace").replace("\0", "\ufffd")


def _ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)


def _words(status: int) -> str:
    if 300 <= status < 400:
        return f"answered {status}; redirects are not followed, give the final URL"
    if status == 410:
        return "answered 410 Gone: it wants no more deliveries"
    return f"answered {status}"


def _said(failure: BaseException) -> str:
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, AddressRefused):
            return f"refused: {cause}"[:300]
        cause = cause.__cause__ or (getattr(cause, "os_error", None) if cause is failure else None)
    text = str(failure) or type(failure).__name__
    return f"{type(failure).__name__}: {text}"[:300]

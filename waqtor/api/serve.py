"""Serving the application: uvicorn, started and stopped by hand, with a clear word when something is wrong."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
import uvicorn

from waqtor.api.app import create_app
from waqtor.api.protocol import strict_http
from waqtor.api.ws import uvicorn_options
from waqtor.bootstrap import Engine
from waqtor.errors import ConfigurationError, WaqtorError
from waqtor.kernel.heap import settle
from waqtor.settings import Settings

OK = 0
CANNOT_START = 2
STOPPED_BY_FAULT = 70
STOPPED_LATE = 71
"""Exit codes: asked to stop; did not start; the engine could not go on (for example a failed fsync); asked to stop,
and left because that took longer than ``stop_grace_s``."""

_LAST_S = 2.0
"""Seconds beyond ``stop_grace_s`` after which the process leaves, whatever still runs in it."""

Ready = Callable[[str, float], None]


def say_ready(url: str, seconds: float) -> None:
    """Print where the server is and how long it took since the process began."""
    _say(f"WaQtor is ready at {url} after {seconds:.2f} s.")


def run(settings: Settings, *, on_ready: Ready = say_ready) -> int:
    """Serve until told to stop (SIGINT, SIGTERM) or until the engine cannot go on.

    Args:
        settings: Where to listen, and everything else.
        on_ready: Called with the base address and the seconds since the process began.

    Returns:
        The exit code: 0 after a stop that was asked for.
    """
    try:
        listener = listen(settings)
    except ConfigurationError as error:
        _say(f"WaQtor cannot start: {error.message}")
        return CANNOT_START
    with listener:
        return Server(settings, listener, on_ready).serve_until_stopped()


def listen(settings: Settings) -> socket.socket:
    """Bind the address of the settings; without an owner only loopback.

    Raises:
        ConfigurationError: The address is taken or not ours.
    """
    host = settings.host
    if not _is_loopback(host) and not _has_owner(settings):
        _say(f"No key exists yet: listening on 127.0.0.1 and not on {host}. Start again, or set WAQTOR_API_KEY first.")
        host = "127.0.0.1"
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, settings.port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        raise ConfigurationError(f"{host}:{settings.port} cannot be listened on: {error.strerror or error}") from error
    return listener


class Server(uvicorn.Server):
    """A uvicorn server that reports readiness, watches the engine, and returns an exit code."""

    def __init__(self, settings: Settings, listener: socket.socket, on_ready: Ready) -> None:
        self._settings = settings
        self._listener = listener
        self._on_ready = on_ready
        self._engine: Engine | None = None
        self._app: Any = None
        self._failure: BaseException | None = None
        self._leaving = False
        config = uvicorn.Config(
            self._application,
            factory=True,
            loop="uvloop" if sys.platform != "win32" else "asyncio",
            http=strict_http(self._count, self._door),
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=max(1, int(settings.stop_grace_s / 3)),
            backlog=2048,
            **uvicorn_options(settings),
        )
        super().__init__(config)

    def serve_until_stopped(self) -> int:
        """Run the event loop; returns the exit code."""
        try:
            super().run(sockets=[self._listener])
        except SystemExit:
            # uvicorn's way to say that the start failed; what failed is in _failure.
            pass
        except KeyboardInterrupt:
            return OK
        except Exception:
            if self._failure is None:
                raise
        if self._failure is not None:
            reason = self._failure.message if isinstance(self._failure, WaqtorError) else repr(self._failure)
            _say(f"WaQtor {'stopped' if self.started else 'cannot start'}: {reason}")
            return STOPPED_BY_FAULT if self.started else CANNOT_START
        return OK if self.started else CANNOT_START

    def _application(self) -> Any:
        # Made inside the event loop: the engine holds primitives of the loop it runs in.
        try:
            self._engine = _Watched(self._settings, self._start_failed)
            self._app = create_app(self._engine)
            return self._app
        except Exception as error:
            self._failure = error
            raise

    def _count(self, reason: str) -> None:
        if self._engine is not None:
            self._engine.telemetry.security.labels(reason).inc()

    def _door(self, address: str, url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> float:
        return float(self._app.state.door.wait(address, url, headers))

    def _start_failed(self, error: BaseException) -> None:
        self._failure = error

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then say so."""
        await super().startup(sockets=sockets)
        if self.started:
            host, port = self._listener.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            self._on_ready(f"http://{shown}:{port}", time.time() - psutil.Process().create_time())

    async def on_tick(self, counter: int) -> bool:
        """Stop when the engine cannot go on."""
        if self._engine is not None and self._engine.fatal.is_set() and self._failure is None:
            self._failure = self._engine.fatal_error or RuntimeError("the engine stopped")
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take leave of the WebSocket clients (1001), wait for requests (a third of the time), then stop the rest."""
        if self._engine is not None:
            await self._engine.farewell().part("clients", self._engine.hub.stop(), 0.4)
        await super().shutdown(sockets=sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, and see to it that the process ends."""
        if not self._leaving:
            self._leaving = True
            seconds = self._settings.stop_grace_s + _LAST_S
            threading.Thread(target=_leave, args=(seconds,), name="last-resort", daemon=True).start()
        super().handle_exit(sig, frame)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Turn SIGINT and SIGTERM into a graceful stop, which ends with exit code 0."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Watched(Engine):
    """An engine that tells why it did not start (uvicorn would only print a traceback)."""

    def __init__(self, settings: Settings, failed: Callable[[BaseException], None]) -> None:
        super().__init__(settings)
        self._start_failed = failed

    async def start(self) -> None:
        try:
            await super().start()
        except BaseException as error:
            self._start_failed(error)
            raise
        settle()


def _leave(seconds: float) -> None:
    """End the process when its stop takes longer: a thread that hangs in somebody's code must not keep it."""
    time.sleep(seconds)
    _say(f"WaQtor did not stop within {seconds:g} s and leaves. Nothing is lost: the next start takes up the rest.")
    os._exit(STOPPED_LATE)


def _has_owner(settings: Settings) -> bool:
    return settings.api_key is not None or Path(settings.key_file).is_file()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201

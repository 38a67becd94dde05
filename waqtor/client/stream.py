"""The event stream: one socket kept open, nothing missed, nothing handled twice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from waqtor.backoff import reconnect_delay
from waqtor.client.access import Access
from waqtor.client.closing import Ending, ending_of, refusal_of
from waqtor.client.cursors import Cursor, Place
from waqtor.client.registry import Incoming, Registry
from waqtor.errors import WaqtorError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

SETTLE_S = 0.1
"""Handlers registered within this time of each other share one subscription (and so one recovery)."""

PING_S = 300.0
"""How often a quiet client asks how far it is, so that its cursor does not grow old."""

FINISH_S = 30.0
"""How long stopping waits for the handler at work."""

_QUEUE = 1000
_MAX_FRAME = 4 * 1024 * 1024
_log = logging.getLogger("waqtor.client")


class EventStream:
    """Connects, subscribes, recovers and hands events on, in order, until stopped or finally refused.

    Args:
        access: Address and key.
        registry: Says what to subscribe.
        cursor: Remembers the last handled event.
        deliver: Called with one event at a time; the next comes when it returns.
        delay: Seconds to wait before attempt ``n``.
    """

    def __init__(
        self,
        access: Access,
        registry: Registry,
        cursor: Cursor,
        deliver: Callable[[Incoming], Awaitable[None]],
        *,
        delay: Callable[[int], float] = reconnect_delay,
    ) -> None:
        self._access = access
        self._registry = registry
        self._cursor = cursor
        self._deliver = deliver
        self._delay = delay
        self._queue: asyncio.Queue[tuple[Incoming | None, Place | None]] = asyncio.Queue(_QUEUE)
        self._seen: Place | None = None
        self._socket: ClientConnection | None = None
        self._subscribed: set[str] = set()
        self._request = ""
        self._requests = 0
        self._in_step = False
        self._epoch = ""
        self._welcomed = False
        self._hurry = asyncio.Event()
        self._consumer: asyncio.Task[None] | None = None
        self._busy = False
        self._stopping = False
        self.connections = 0

    def hurry(self) -> None:
        """Connect now instead of waiting for further handlers."""
        self._hurry.set()

    async def run(self) -> None:
        """Run until cancelled, closed for good by the server, or refused.

        Raises:
            WaqtorError: The server refused for good (key, protocol).
        """
        self._seen = self._cursor.load()
        while (left := SETTLE_S - self._registry.quiet_for()) > 0 and not self._hurry.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._hurry.wait()
        consumer = self._consumer = asyncio.create_task(self._consume(), name="waqtor-handlers")
        try:
            await self._keep_connected()
        except WaqtorError:
            await self._queue.join()
            raise
        else:
            await self._queue.join()
        finally:
            self._stopping = True
            if self._busy:  # let the handler at work finish, and remember that it did
                await asyncio.wait({consumer}, timeout=FINISH_S)
            consumer.cancel()
            await asyncio.gather(consumer, return_exceptions=True)

    def in_handler(self) -> bool:
        """Whether the caller is an async handler of this stream."""
        return self._consumer is not None and asyncio.current_task() is self._consumer

    async def refresh(self) -> None:
        """Subscribe what was registered since; called after a late registration."""
        socket, fresh = self._socket, set(self._registry.names()) - self._subscribed
        if socket is None or not self._welcomed or not fresh or not self._request:
            return
        self._subscribed |= fresh
        self._requests += 1
        await socket.send(json.dumps({"type": "subscribe", "topics": sorted(fresh), "id": f"late-{self._requests}"}))

    async def _keep_connected(self) -> None:
        attempt = 0
        while True:
            self._welcomed = False
            ending = await self._connection()
            if self._welcomed:
                attempt = 0
            final = ending.error is not None or ending.done
            if self._welcomed or final:
                data = {"code": ending.code, "reason": ending.reason, "reconnect": not final}
                await self._queue.put((Incoming("disconnected", data), None))
            if ending.error is not None:
                raise ending.error
            if ending.done:
                return
            wait = max(self._delay(attempt), ending.wait)
            _log.info("socket closed (%s %s), next attempt in %.1f s", ending.code, ending.reason, wait)
            attempt += 1
            await asyncio.sleep(wait)

    async def _connection(self) -> Ending:
        from websockets.asyncio.client import connect
        from websockets.exceptions import ConnectionClosed, InvalidHandshake

        try:
            async with connect(
                self._access.socket_url,
                additional_headers=self._access.headers,
                max_size=_MAX_FRAME,
                open_timeout=10,
                close_timeout=2,
            ) as socket:
                self._socket, self._request, self._in_step = socket, "", False
                self.connections += 1
                pinger = asyncio.create_task(self._ping(socket), name="waqtor-ping")
                try:
                    async for text in socket:
                        await self._frame(text)
                finally:
                    self._socket = None
                    pinger.cancel()
                    await asyncio.gather(pinger, return_exceptions=True)
            return ending_of(socket.close_code, socket.close_reason)
        except ConnectionClosed as closed:
            return ending_of(closed.rcvd.code if closed.rcvd else None, closed.rcvd.reason if closed.rcvd else "")
        except InvalidHandshake as refused:
            return refusal_of(refused)
        except (OSError, TimeoutError) as failure:
            return Ending(None, f"{type(failure).__name__}")
        except (KeyError, TypeError, ValueError):
            _log.exception("the server sent a frame that makes no sense")
            return Ending(None, "malformed frame")

    async def _frame(self, text: str | bytes) -> None:
        try:
            frame = json.loads(text)
            kind = frame["type"]
        except (ValueError, KeyError, TypeError):
            _log.warning("the server sent something that is no frame; ignored")
            return
        answer = getattr(self, f"_on_{kind}", None) if kind in _CONTROL else None
        if answer is not None:
            await answer(frame, frame.get("data") or {})
        elif isinstance(frame.get("topic"), str):
            await self._event(frame)

    async def _on_batch(self, frame: dict[str, Any], data: dict[str, Any]) -> None:
        for single in data["frames"]:
            await self._event(single)

    async def _event(self, frame: dict[str, Any]) -> None:
        if frame.get("snapshot") and frame["type"] != "session.qr":
            return
        event = Incoming.of(frame)
        if not event.offset:
            await self._queue.put((event, None))
        elif self._in_step and (self._seen is None or event.offset > self._seen.offset):
            self._seen = Place(self._epoch, event.offset)
            await self._queue.put((event, self._seen))

    async def _on_welcome(self, frame: dict[str, Any], data: dict[str, Any]) -> None:
        self._epoch = str(data.get("epoch", ""))
        self._welcomed = True
        self._subscribed = set(self._registry.names())
        await self._subscribe()

    async def _subscribe(self) -> None:
        """Ask for everything, from where we are; until the answer, journaled events are not in step."""
        if self._socket is None:
            return
        self._requests += 1
        self._request, self._in_step = f"sub-{self._requests}", False
        frame: dict[str, Any] = {"type": "subscribe", "topics": sorted(self._subscribed), "id": self._request}
        if self._seen is not None:
            frame["since"] = {"epoch": self._seen.epoch, "offset": self._seen.offset}
        await self._socket.send(json.dumps(frame))

    async def _on_subscribed(self, frame: dict[str, Any], data: dict[str, Any]) -> None:
        if data.get("refused"):
            _log.warning("the server refused these subscriptions: %s", ", ".join(map(str, data["refused"])))
        if frame.get("id") != self._request:
            return
        if data.get("recovered") is not True:
            place = Place(str(data["epoch"]), int(data["offset"]))
            if data.get("recovered") is False and self._seen is not None:
                lost = {"reason": str(data.get("reason", "")), "after": self._seen.offset, "until": place.offset}
                await self._queue.put((Incoming("gap", {**lost, "epoch": place.epoch}), None))
            await self._advance(place)
        self._in_step = True
        told = {name: data.get(name) for name in ("epoch", "offset", "topics", "refused")}
        await self._queue.put((Incoming("connected", told), None))
        await self.refresh()

    async def _on_recovered(self, frame: dict[str, Any], data: dict[str, Any]) -> None:
        if frame.get("id") != self._request:
            return
        await self._advance(Place(self._epoch, int(data["offset"])))
        if data.get("more"):
            await self._subscribe()

    async def _on_gap(self, frame: dict[str, Any], data: dict[str, Any]) -> None:
        if data.get("recoverable") and self._in_step:
            await self._subscribe()

    async def _on_pong(self, frame: dict[str, Any], data: dict[str, Any]) -> None:
        offset = data.get("offset")
        in_order = self._in_step and data.get("epoch") == self._epoch and isinstance(offset, int)
        if in_order and self._seen is not None and isinstance(offset, int) and offset > self._seen.offset:
            await self._advance(Place(self._epoch, offset))

    async def _on_rate_limit_exceeded(self, frame: dict[str, Any], data: dict[str, Any]) -> None:
        refused = data.get("refused") or {}
        if refused.get("type") == "subscribe" and refused.get("id") == self._request:
            await asyncio.sleep(min(30.0, float(data.get("retry_after", 1000)) / 1000) + 0.05)
            await self._subscribe()

    _on_rate_limit_warning = _on_rate_limit_exceeded

    async def _on_error(self, frame: dict[str, Any], data: dict[str, Any]) -> None:
        code = (frame.get("error") or {}).get("code", "")
        _log.warning("the server reports an error: %s %s", code, frame.get("message", ""))
        if frame.get("id") == self._request and self._socket is not None:
            await self._socket.close(1000)
            raise WaqtorError(f"The subscription was refused: {frame.get('message', code)}")

    async def _advance(self, place: Place) -> None:
        self._seen = place
        await self._queue.put((None, place))

    async def _ping(self, socket: ClientConnection) -> None:
        while True:
            await asyncio.sleep(PING_S)
            await socket.send('{"type": "ping"}')

    async def _consume(self) -> None:
        while not self._stopping:
            event, place = await self._queue.get()
            self._busy = True
            try:
                if event is not None:
                    await self._deliver(event)
                if place is not None:
                    self._cursor.save(place)
            except Exception:
                _log.exception("an event could not be handed on or its cursor not be saved")
            finally:
                self._busy = False
                self._queue.task_done()


_CONTROL = frozenset(name.removeprefix("_on_") for name in vars(EventStream) if name.startswith("_on_"))

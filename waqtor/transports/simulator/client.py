"""The engine's side of the simulated WhatsApp: a :class:`~waqtor.messaging.ports.Transport`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from waqtor.backoff import reconnect_delay
from waqtor.contracts.event_data import ClientInfo
from waqtor.errors import SendUncertain
from waqtor.messaging.ports import Lookup, Outgoing, SessionReport, TransportSink
from waqtor.transports.error_codes import refusal
from waqtor.transports.simulator.deliveries import Deliveries
from waqtor.transports.simulator.link import AnswerLost, Link, NotSent
from waqtor.transports.simulator.protocol import Frame, encode

_log = structlog.get_logger(__name__)


class SimulatorTransport:
    """Reaches the simulator at ``path`` for ``session``, and reconnects for as long as it runs.

    Args:
        session: The session's name.
        path: The simulator's socket.
        timeout: Seconds until an unanswered send is uncertain.
        backoff: Seconds to wait before reconnect attempt 0, 1, ….
        width: Most incoming messages handled at once.
    """

    kind = "simulator"
    window_s = 0.0

    def __init__(
        self,
        session: str,
        path: Path,
        *,
        timeout: float = 20.0,
        backoff: Callable[[int], float] = reconnect_delay,
        width: int = 256,
    ) -> None:
        self.session = session
        self._path = path
        self._timeout = timeout
        self._backoff = backoff
        self._width = width
        self._link: Link | None = None
        self._deliveries: Deliveries | None = None
        self._sink: TransportSink | None = None
        self._status = ""
        self._replaced = False
        self._connected = asyncio.Event()
        self._again = asyncio.Event()
        self._reports: asyncio.Queue[SessionReport] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    # --- Transport
    async def start(self, sink: TransportSink) -> None:
        """Connect in the background and deliver to ``sink`` from now on."""
        if self._tasks:
            raise RuntimeError("the transport is running already")
        self._sink = sink
        self._deliveries = Deliveries(self.session, sink, self._touch, self._width)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._report_all(sink)), loop.create_task(self._stay_connected())]

    async def stop(self) -> None:
        """Disconnect; outstanding calls fail. Deliveries under way may finish within two seconds."""
        tasks, self._tasks = self._tasks, []
        deliveries, self._deliveries = self._deliveries, None
        if len(tasks) == 2:
            tasks[1].cancel()
        if deliveries is not None:
            await deliveries.settle(2.0)
            if self._link is not None and (acks := deliveries.acks()) is not None:
                self._link.push(encode(acks))
            await deliveries.stop()
        if self._link is not None:
            self._link.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._link.closed), 1.0)
            self._link = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._connected.clear()
        self._status = ""

    async def send(self, message: Outgoing) -> str:
        """Send and return the provider's id.

        Raises:
            SendRefused: Not connected, not logged in, refused by code, or not sendable as JSON.
            SendUncertain: It left, and no answer came in time or the connection was lost.
        """
        link = self._link
        if link is None or self._status != "ready":
            raise refusal("not_connected" if link is None else "not_ready")
        frame: Frame = {
            "op": "send",
            "message_id": message.message_id,
            "to": message.to,
            "content": message.content,
        }
        if message.quoted_provider_id is not None:
            frame["quoted"] = message.quoted_provider_id
        try:
            future = link.request(frame, self._timeout)
        except (TypeError, ValueError) as error:
            raise refusal("100", f"The content cannot be sent: {error}") from error
        try:
            answer = await future
        except NotSent:
            raise refusal("not_connected") from None
        except AnswerLost as error:
            raise SendUncertain(f"The send has no answer: {error}.") from error
        if type(answer) is str:
            return answer
        raise refusal(str(answer.get("code", "")), str(answer.get("message", "")), answer.get("retry_after"))

    async def lookup(self, message_id: str) -> Lookup:
        """Ask whether a message id was accepted; ``unknown`` when nobody can be asked within the time-out."""
        try:
            async with asyncio.timeout(self._timeout):
                while True:
                    await self._connected.wait()
                    link = self._link
                    if link is None:
                        await asyncio.sleep(0.01)
                        continue
                    try:
                        answer = await link.request({"op": "lookup", "message_id": message_id}, self._timeout)
                    except (NotSent, AnswerLost):
                        await asyncio.sleep(0.01)
                        continue
                    state = answer.get("state")
                    if state in ("accepted", "absent"):
                        return Lookup(state, answer.get("provider_id"))
                    return Lookup("unknown")
        except (TimeoutError, TypeError):
            return Lookup("unknown")

    async def logout(self) -> None:
        """End the login."""
        await self._change("logout")

    async def restart(self) -> None:
        """Reconnect, and log in again where that needs no QR code."""
        link = self._link
        if link is not None and self._status != "ready":
            await self._change("login")
            return
        self._again.set()
        if link is not None:
            link.abort()

    async def _change(self, op: str) -> None:
        link = self._link
        if link is None:
            raise refusal("not_connected")
        try:
            await link.request({"op": op}, self._timeout)
        except (NotSent, AnswerLost):
            raise refusal("not_connected") from None

    # --- connection
    async def _stay_connected(self) -> None:
        attempt = 0
        while True:
            self._again.clear()
            if attempt == 0:
                self._report(SessionReport(self.session, "connecting"))
            try:
                hello = {"role": "transport", "session": self.session}
                link = await Link.open(self._path, hello, self._push, self._drain)
            except OSError as error:
                _log.debug("simulator.unreachable", session=self.session, error=str(error))
                reason = "the simulator cannot be reached"
                self._report(SessionReport(self.session, "disconnected", reason=reason))
            else:
                attempt = 0
                self._link = link
                self._connected.set()
                self._touch()
                await asyncio.shield(link.closed)
                self._lost(link)
                if self._replaced:
                    # Coming back by itself would throw the other one out, and so on for ever.
                    self._replaced = False
                    await self._again.wait()
                if self._again.is_set():
                    continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._again.wait(), self._backoff(attempt))
            attempt += 1

    def _lost(self, link: Link) -> None:
        self._link = None
        self._connected.clear()
        if self._deliveries is not None:
            self._deliveries.disconnected()
        reason = "another connection took over; restart the session to take it back"
        if not self._replaced:
            reason = "the connection was lost"
        self._report(SessionReport(self.session, "disconnected", reason=reason))

    def _push(self, frame: Frame) -> None:
        op = frame.get("op")
        if op in ("messages", "receipts"):
            if self._deliveries is not None:
                self._deliveries.push(frame)
        elif op == "state":
            self._state(frame)
        elif op == "replaced":
            self._replaced = True
            _log.warning("simulator.replaced", session=self.session)
        else:
            _log.warning("simulator.unknown_frame", session=self.session, op=str(op)[:40])

    def _state(self, frame: Frame) -> None:
        status, info = frame.get("status"), frame.get("client_info")
        if status == "ready" and isinstance(info, dict):
            self._report(SessionReport(self.session, "ready", client_info=ClientInfo(**info)))
        elif status == "qr":
            self._report(SessionReport(self.session, "qr", qr=str(frame.get("qr"))))
        elif status in ("disconnected", "auth_failure"):
            self._report(SessionReport(self.session, status, reason=str(frame.get("reason"))))

    def _report(self, report: SessionReport) -> None:
        if report.status == self._status and report.status != "qr":
            return
        self._status = report.status
        self._reports.put_nowait(report)

    async def _report_all(self, sink: TransportSink) -> None:
        while True:
            report = await self._reports.get()
            try:
                await sink.report(report)
            except Exception:
                _log.exception("simulator.report_failed", session=self.session, status=report.status)

    # --- acknowledgements
    def _touch(self) -> None:
        if self._link is not None:
            self._link.touch()

    def _drain(self) -> None:
        link: Any = self._link
        if self._deliveries is not None and link is not None and (acks := self._deliveries.acks()) is not None:
            link.append(encode(acks))

"""The listening side: connections, their roles, and pushing what waits for each session."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

from waqtor.errors import InvalidInput, Unavailable, WaqtorError
from waqtor.transports.simulator.admission import Admission
from waqtor.transports.simulator.controls import Controls
from waqtor.transports.simulator.endpoint import Endpoint
from waqtor.transports.simulator.mailbox import Mailbox
from waqtor.transports.simulator.protocol import VERSION, Frame, LineProtocol, encode
from waqtor.transports.simulator.sessions import QR_LIFE_S, SimulatedSession
from waqtor.transports.simulator.world import World

MAX_BACKLOG = 8 * 1024 * 1024
"""Nothing more is pushed to a transport that has this many bytes unread."""


class Connection(LineProtocol):
    """One client. Its first frame says whether it is a session's transport or a control."""

    def __init__(self, server: SimulatorServer) -> None:
        super().__init__()
        self._server = server
        self._accepted: list[tuple[Any, str]] = []
        self.session: SimulatedSession | None = None
        self.is_control = False

    # --- answers
    def accepted(self, request: Any, provider_id: str) -> None:
        """Answer a send with the provider's id."""
        self._accepted.append((request, provider_id))
        self.touch()

    def refused(self, request: Any, code: str, message: str, retry_after: float | None = None) -> None:
        """Answer a request with a refusal."""
        frame = {"op": "refused", "id": request, "code": code, "message": message}
        if retry_after is not None:
            frame["retry_after"] = round(retry_after, 3)
        self.push(encode(frame))

    def result(self, request: Any, values: Frame) -> None:
        """Answer a request."""
        self.push(encode({"op": "result", "id": request, **values}))

    # --- LineProtocol
    def frame(self, frame: Frame) -> None:
        """Handle a request."""
        op, session = frame.get("op"), self.session
        if session is not None:
            if op == "send":
                self._server.admission.send(self, session, frame)
                return
            if op == "ack":
                self._ack(session.messages, frame.get("messages"))
                self._ack(session.receipts, frame.get("receipts"))
                self.touch()
                return
        try:
            self._other(op, frame)
        except WaqtorError as error:
            self.refused(frame.get("id"), error.code, error.message)
        except (TypeError, ValueError, KeyError, OverflowError, RecursionError) as error:
            # A frame that slips through the checks must not end the connection, and with it other requests.
            self.refused(frame.get("id"), InvalidInput.code, f"The frame is malformed ({type(error).__name__}).")

    def _ack(self, mailbox: Mailbox, seqs: Any) -> None:
        if type(seqs) is list:
            mailbox.ack(seqs)

    def _other(self, op: Any, frame: Frame) -> None:
        request = frame.get("id")
        if op == "hello":
            self._server.hello(self, frame)
        elif self.session is not None and op == "lookup":
            message_id = frame.get("message_id")
            state, provider_id = self._server.world.lookup(message_id if isinstance(message_id, str) else "")
            self.result(request, {"state": state, "provider_id": provider_id})
        elif self.session is not None and op in ("login", "logout"):
            self._server.change_login(self.session, op)
            self.result(request, {})
        elif self.is_control:
            values = self._server.controls.handle(op, frame, self)
            if values is not None:
                self.result(request, values)
        elif self.session is None:
            raise InvalidInput("Say hello first.")
        else:
            raise InvalidInput("There is no such operation for a transport.")

    def malformed(self, reason: str) -> None:
        """Tell the client; the line is skipped."""
        self._server.world.counts["malformed"] += 1
        self.refused(None, "malformed", reason)

    def lost(self, error: Exception | None) -> None:
        """Give back what was not acknowledged."""
        self._server.forget(self)

    def resume_writing(self) -> None:
        """Go on pushing."""
        super().resume_writing()
        self.touch()

    def drain(self) -> None:
        """Push answers and waiting deliveries, after the record is written."""
        if not self._server.flush_record():
            return
        if self._accepted:
            self.append(encode({"op": "accepted", "items": self._accepted}))
            self._accepted = []
        session = self.session
        if session is None or session.login != "ready":
            return
        now = time.monotonic()
        while self.backlog < MAX_BACKLOG and (entries := session.receipts.take(now)):
            items: list[tuple[Any, ...]] = [(entry.seq, *entry.payload) for entry in entries]
            self.append(encode({"op": "receipts", "items": items}))
        while self.backlog < MAX_BACKLOG and (entries := session.messages.take(now)):
            items = [(entry.seq, entry.payload) for entry in entries]
            self.append(encode({"op": "messages", "items": items}))


class SimulatorServer:
    """Listens until :meth:`stop`.

    Args:
        world: What is simulated.
        path: Where to listen.
    """

    def __init__(self, world: World, path: Path) -> None:
        self.world = world
        self.admission = Admission(world)
        self.controls = Controls(self)
        self.stopping = asyncio.Event()
        self.failure: OSError | None = None
        self._endpoint = Endpoint(path)
        self._loop = asyncio.get_running_loop()
        self._server: asyncio.Server | None = None
        self._open: set[Connection] = set()
        self._transports: dict[str, Connection] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        world.wake = self._wake
        world.timeline.on_sooner = self._arm
        world.calls.on_buffered = lambda: self._loop.call_soon(self.flush_record)

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await self._loop.create_unix_server(self._connection, sock=self._endpoint.socket)
        self._sweep()

    def _connection(self) -> Connection:
        connection = Connection(self)
        self._open.add(connection)
        return connection

    async def stop(self) -> None:
        """End every connection, write the record and remove the socket."""
        for handle in (self._timer, self._sweeper):
            if handle is not None:
                handle.cancel()
        if self._server is not None:
            self._server.close()
        for connection in list(self._open):
            connection.close()
        await asyncio.sleep(0)
        self.flush_record()
        self.world.calls.close()
        self._endpoint.release()

    def flush_record(self) -> bool:
        """Write the record; if that fails nothing is answered any more and the simulator stops."""
        if self.failure is None:
            try:
                self.world.calls.flush()
            except OSError as error:
                # Answers without a record would make every count made from it wrong.
                self.failure = error
                self.stopping.set()
                for connection in list(self._open):
                    connection.abort()
        return self.failure is None

    # --- connections
    @property
    def connected(self) -> list[str]:
        """Sessions whose transport is connected."""
        return sorted(self._transports)

    def hello(self, connection: Connection, frame: Frame) -> None:
        """Give a connection its role.

        Raises:
            InvalidInput: If the role or the session is not right, or a role was given already.
            Unavailable: In an outage.
        """
        role, name = frame.get("role"), frame.get("session", "default")
        if connection.session is not None or connection.is_control:
            raise InvalidInput("The connection has a role already.")
        if role == "control":
            connection.is_control = True
            connection.result(frame.get("id"), {"version": VERSION, "pid": os.getpid(), "connected": self.connected})
            return
        if role != "transport" or not isinstance(name, str):
            raise InvalidInput("A hello has the role transport or control, and a transport a session.")
        if self.world.faults.is_down(name, self.world.timeline.now_us()):
            connection.abort()
            raise Unavailable("WhatsApp cannot be reached.")
        session = self.world.session(name)
        former = self._transports.pop(name, None)
        if former is not None:
            former.push(encode({"op": "replaced"}))
            former.close()
            former.session = None
            session.messages.disconnected()
            session.receipts.disconnected()
        self._transports[name] = connection
        connection.result(frame.get("id"), {"version": VERSION, "session": name})
        connection.push(encode(session.state()))
        connection.session = session
        if session.login == "qr":
            self.world.timeline.remind(QR_LIFE_S, self._renew_qr, session, session.qr)

    def forget(self, connection: Connection) -> None:
        """A connection has ended."""
        self._open.discard(connection)
        session = connection.session
        if session is not None and self._transports.get(session.name) is connection:
            del self._transports[session.name]
            session.messages.disconnected()
            session.receipts.disconnected()

    def disconnect(self, name: str | None) -> int:
        """Cut the transport of ``name`` (``None``: of all sessions); returns how many."""
        cut = [c for session, c in self._transports.items() if name in (None, session)]
        for connection in cut:
            connection.abort()
        return len(cut)

    def change_login(self, session: SimulatedSession, change: str) -> None:
        """``login`` (without QR mode it succeeds at once), ``logout``, ``scan``, ``qr`` or ``auth_failure``."""
        if change == "scan" or (change == "login" and not self.world.qr_mode):
            session.login = "ready"
        elif change in ("login", "qr"):
            if session.login != "ready" or change == "qr":
                session.login = "qr"
                session.renew_qr()
                self.world.timeline.remind(QR_LIFE_S, self._renew_qr, session, session.qr)
        else:
            session.login = "auth_failure" if change == "auth_failure" else "logged_out"
        self._tell_state(session)

    def _renew_qr(self, session: SimulatedSession, old: str) -> None:
        if session.login == "qr" and session.qr == old and session.name in self._transports:
            self.change_login(session, "qr")

    def _tell_state(self, session: SimulatedSession) -> None:
        connection = self._transports.get(session.name)
        if connection is not None:
            connection.push(encode(session.state()))

    # --- time
    def _wake(self, session: SimulatedSession) -> None:
        connection = self._transports.get(session.name)
        if connection is not None:
            connection.touch()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        delay = self.world.timeline.next_delay()
        self._timer = None if delay is None else self._loop.call_later(delay, self._due)

    def _due(self) -> None:
        self._timer = None
        self.world.timeline.run_due()
        self.rearm()

    def rearm(self) -> None:
        """Set the timer anew after the clock was changed."""
        self._arm()

    def _sweep(self) -> None:
        """Push again what was not acknowledged in time."""
        now = time.monotonic()
        for name, connection in self._transports.items():
            session = self.world.sessions[name]
            if session.messages.overdue(now) + session.receipts.overdue(now):
                connection.touch()
        self._sweeper = self._loop.call_later(min(0.25, self.world.redeliver_s / 4), self._sweep)
